package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// appender appends entries to the revocation log in a transaction that has
// locked its head, so that numbers follow the order of commits and have no gap.
type appender struct {
	now     int64 // of the transaction: not earlier than any entry
	head    issuer.LogHead
	entries []issuer.Entry
	records []issuer.AuditRecord // for the audit log
}

// lock locks the head, and reads it and the transaction's now.
func (a *appender) lock(tick int64) query {
	return query{
		// The outer statement's snapshot may be from before the lock was had,
		// but a locked row is read as it is then.
		sql:  `SELECT seq, chain, greatest($1::bigint, at, (SELECT max(latest) FROM clock)) FROM log_head FOR UPDATE`,
		args: []any{tick},
		dest: []any{&a.head.Seq, (*chain)(&a.head.Chain), &a.now},
	}
}

// add appends an entry. a.now must not change after the first.
func (a *appender) add(kind issuer.EntryKind, value string) issuer.Entry {
	e := issuer.Entry{Seq: a.head.Seq + 1, Kind: kind, Value: value, At: instant(a.now)}
	if kind != issuer.EntrySession && kind != issuer.EntryKey {
		e.Before = e.At.Truncate(time.Second)
	}
	e.Chain = e.Link(a.head.Chain)
	a.head.Seq, a.head.Chain = e.Seq, e.Chain
	a.entries = append(a.entries, e)
	return e
}

// write returns the queries that store what was added.
func (a *appender) write() []query {
	if len(a.entries) == 0 {
		return nil
	}
	n := len(a.entries)
	seqs, befores := make([]int64, n), make([]*int64, n)
	kinds, values, chains := make([]string, n), make([]string, n), make([][]byte, n)
	for i, e := range a.entries {
		seqs[i], befores[i] = int64(e.Seq), optional(e.Before)
		kinds[i], values[i], chains[i] = string(e.Kind), e.Value, e.Chain[:]
	}
	return []query{
		{
			sql: `INSERT INTO log (seq, before, at, kind, value, chain)
				SELECT e.seq, e.before, $1, e.kind, e.value, e.chain
				FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[]) AS e (seq, before, kind, value, chain)`,
			args: []any{a.now, seqs, befores, kinds, values, chains},
		},
		{
			sql:  `UPDATE log_head SET seq = $1, chain = $2, at = $3`,
			args: []any{int64(a.head.Seq), a.head.Chain[:], a.now},
		},
	}
}

// chain reads a digest.
type chain issuer.Chain

// ScanBytes implements pgtype.BytesScanner.
func (c *chain) ScanBytes(b []byte) error {
	if len(b) != len(c) {
		return fmt.Errorf("%w: a digest of %d bytes", errDamaged, len(b))
	}
	copy(c[:], b)
	return nil
}

// Revocations implements [issuer.RevocationLog].
func (s *Store) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	if limit <= 0 {
		return nil, issuer.LogHead{}, time.Time{}, errors.New("postgres: revocations: the limit is not positive")
	}
	var entries []issuer.Entry
	var head issuer.LogHead
	var now int64
	err := s.read(ctx, "revocations", func() []query {
		entries = nil
		return []query{
			{
				sql:  `SELECT name, seq, chain, ` + nowSQL + ` FROM log_head`,
				args: []any{s.tick()},
				dest: []any{&head.Log, &head.Seq, (*chain)(&head.Chain), &now},
			},
			{
				sql:  `SELECT seq, before, at, kind, value, chain FROM log WHERE seq > $1 ORDER BY seq LIMIT $2`,
				args: []any{int64(min(after, 1<<63-1)), int64(limit)},
				each: func(rows pgx.Rows) error {
					var e issuer.Entry
					var before *int64
					var at int64
					err := rows.Scan(&e.Seq, &before, &at, &e.Kind, &e.Value, (*chain)(&e.Chain))
					e.Before, e.At = optionalInstant(before), instant(at)
					entries = append(entries, e)
					return err
				},
			},
		}
	})
	if err != nil {
		return nil, issuer.LogHead{}, time.Time{}, err
	}
	return entries, head, instant(s.seen(now)), nil
}

// RevokeBefore implements [issuer.RevocationLog].
func (s *Store) RevokeBefore(ctx context.Context, kind issuer.EntryKind, value string, audit ...issuer.AuditRecord) (issuer.Entry, error) {
	switch kind {
	case issuer.EntrySubject, issuer.EntryClient, issuer.EntryKey:
		if value == "" {
			return issuer.Entry{}, fmt.Errorf("postgres: revoke before: no %s is named", kind)
		}
	case issuer.EntryAll:
		if value != "" {
			return issuer.Entry{}, errors.New("postgres: revoke before: all takes no value")
		}
	default:
		return issuer.Entry{}, fmt.Errorf("postgres: revoke before: %q is no kind that has an instant", kind)
	}
	if err := checkTexts(value); err != nil {
		return issuer.Entry{}, errors.New("postgres: revoke before: " + err.Error())
	}
	var entry issuer.Entry
	// Twice in the log says the same as once.
	err := s.write(ctx, "revoke before", true, func(t *tx) error {
		var a appender
		slot := s.slot()
		if err := t.send(lockSlot(slot), a.lock(s.tick())); err != nil {
			return err
		}
		entry = a.add(kind, value)
		s.seen(a.now)
		told, err := t.record(a.now, audit)
		if err != nil {
			return err
		}
		return t.commit(slices.Concat(a.write(), told, []query{raiseSlot(slot, a.now)})...)
	})
	if err != nil {
		return issuer.Entry{}, err
	}
	return entry, nil
}
