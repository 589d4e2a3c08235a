package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/issuer"
)

// auditEnd appends to the audit log in a transaction that has locked its end.
type auditEnd struct {
	head issuer.AuditHead
	last *int64
}

// lock locks the end, to the end of the transaction. It is the last lock that a
// transaction takes, so whoever has it waits for nobody.
func (e *auditEnd) lock() query {
	return query{
		sql:  `SELECT seq, chain, at FROM audit_head FOR UPDATE`,
		dest: []any{&e.head.Seq, (*chain)(&e.head.Chain), &e.last},
	}
}

// record locks the end of the audit log and returns the queries that append
// records, if there are any.
func (t *tx) record(now int64, records []issuer.AuditRecord) ([]query, error) {
	if len(records) == 0 {
		return nil, nil
	}
	var end auditEnd
	if err := t.send(end.lock()); err != nil {
		return nil, err
	}
	return end.write(now, records), nil
}

// write returns the queries that append records. The end is locked.
func (e *auditEnd) write(now int64, records []issuer.AuditRecord) []query {
	if len(records) == 0 {
		return nil
	}
	head := e.head
	head.At = optionalInstant(e.last)
	n := len(records)
	seqs, ats, counts, chains := make([]int64, n), make([]int64, n), make([]int64, n), make([][]byte, n)
	texts := make([][]string, auditTexts)
	for i, r := range records {
		e := head.Append(instant(now), r)
		seqs[i], ats[i], counts[i], chains[i] = int64(e.Seq), e.At.UnixMicro(), e.Count, e.Chain[:]
		for j, text := range []string{string(e.Action), e.Actor, e.Subject, e.User, e.ClientID, e.Session, e.Key, string(e.Reason), e.Detail, e.Address, e.Agent, e.Request} {
			texts[j] = append(texts[j], text)
		}
	}
	args := []any{seqs, ats, counts, chains}
	for _, column := range texts {
		args = append(args, column)
	}
	return []query{
		{
			sql: `INSERT INTO audit (seq, at, count, chain, action, actor, subject, user_name, client_id, session, key, reason, detail, address, agent, request)
				SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[],
					$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])`,
			args: args,
		},
		{
			sql:  `UPDATE audit_head SET seq = $1, chain = $2, at = $3`,
			args: []any{int64(head.Seq), head.Chain[:], head.At.UnixMicro()},
		},
	}
}

// auditTexts is how many texts an entry has.
const auditTexts = 12

// AppendAudit implements [issuer.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	// Twice in the log is better than not at all.
	return s.write(ctx, "append to the audit log", true, func(t *tx) error {
		slot := s.slot()
		var now int64
		if err := t.send(lockSlot(slot), query{sql: `SELECT ` + nowSQL, args: []any{s.tick()}, dest: []any{&now}}); err != nil {
			return err
		}
		queries, err := t.record(s.seen(now), records)
		if err != nil {
			return err
		}
		return t.commit(append(queries, s.raiseLater(slot, now)...)...)
	})
}

// Audit implements [issuer.AuditLog].
func (s *Store) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	if limit <= 0 {
		return nil, issuer.AuditHead{}, errors.New("postgres: audit: the limit is not positive")
	}
	var entries []issuer.AuditEntry
	var head issuer.AuditHead
	var at, sealedAt *int64
	err := s.read(ctx, "audit", func() []query {
		entries, head.Seal.MAC = nil, nil
		return []query{
			{
				sql: `SELECT log, seq, chain, at, pruned, pruned_chain, sealed_seq, sealed_chain, sealed_at, seal FROM audit_head`,
				dest: []any{&head.Log, &head.Seq, (*chain)(&head.Chain), &at, &head.Pruned, (*chain)(&head.PrunedChain),
					&head.Seal.Seq, (*chain)(&head.Seal.Chain), &sealedAt, &head.Seal.MAC},
			},
			{
				sql: `SELECT seq, at, count, chain, action, actor, subject, user_name, client_id, session, key, reason, detail, address, agent, request
					FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`,
				args: []any{int64(min(after, 1<<63-1)), int64(limit)},
				each: func(rows pgx.Rows) error {
					var e issuer.AuditEntry
					var at int64
					err := rows.Scan(&e.Seq, &at, &e.Count, (*chain)(&e.Chain), &e.Action, &e.Actor, &e.Subject, &e.User, &e.ClientID,
						&e.Session, &e.Key, &e.Reason, &e.Detail, &e.Address, &e.Agent, &e.Request)
					e.At = instant(at)
					entries = append(entries, e)
					return err
				},
			},
		}
	})
	if err != nil {
		return nil, issuer.AuditHead{}, err
	}
	head.At, head.Seal.At = optionalInstant(at), optionalInstant(sealedAt)
	return entries, head, nil
}

// SealAudit implements [issuer.AuditLog].
func (s *Store) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	// Twice the same is once.
	return s.write(ctx, "seal the audit log", true, func(t *tx) error {
		var sealed int64
		err := t.send(query{
			sql: `UPDATE audit_head SET sealed_seq = $1, sealed_chain = $2, sealed_at = $3, seal = $4
				WHERE sealed_seq <= $1 AND EXISTS (SELECT FROM audit WHERE seq = $1 AND chain = $2)`,
			args:     []any{int64(min(seal.Seq, 1<<63-1)), seal.Chain[:], seal.At.UnixMicro(), seal.MAC},
			affected: func(n int64) { sealed = n },
		})
		if err != nil {
			return err
		}
		if sealed == 0 {
			return issuer.ErrConflict
		}
		return t.commit()
	})
}

// pruneAudit deletes what is old and sealed, from the beginning.
func (s *Store) pruneAudit(ctx context.Context, keep issuer.Retention, limit int) (looked, deleted int, err error) {
	if keep.Audit == 0 {
		return 0, 0, nil
	}
	// Most often there is nothing to do, which needs no lock.
	var last *int64
	oldest := `SELECT max(seq) FROM (SELECT seq, at FROM audit WHERE seq <= (SELECT sealed_seq FROM audit_head) ORDER BY seq LIMIT $2) AS oldest
		WHERE at + $3 <= ` + nowSQL
	args := func() []any { return []any{s.tick(), int64(limit), int64(keep.Audit / time.Microsecond)} }
	err = s.read(ctx, "prune", func() []query { return []query{{sql: oldest, args: args(), dest: []any{&last}}} })
	if err != nil || last == nil {
		return 0, 0, err
	}
	err = s.write(ctx, "prune", true, func(t *tx) error {
		// The lock first: the statement after it sees what is left.
		err := t.send(query{sql: `SELECT FROM audit_head FOR UPDATE`}, query{sql: oldest, args: args(), dest: []any{&last}})
		if err != nil {
			return err
		}
		if last == nil {
			return t.commit()
		}
		return t.commit(
			query{sql: `UPDATE audit_head SET pruned = a.seq, pruned_chain = a.chain FROM audit a WHERE a.seq = $1`, args: []any{*last}},
			query{sql: `DELETE FROM audit WHERE seq <= $1`, args: []any{*last}, affected: func(n int64) { deleted = int(n) }})
	})
	return deleted, deleted, err
}
