package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// The statements of the audit log on the hot path.
const (
	getAuditEnd = `SELECT seq, chain, at FROM audit_head`
	setAuditEnd = `UPDATE audit_head SET seq = ?, chain = ?, at = ?`
	appendAudit = `INSERT INTO audit (seq, at, action, actor, subject, user, client_id, session, key, reason, detail, count,
		address, agent, request, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// record appends to the audit log.
func (t *tx) record(records []issuer.AuditRecord) error {
	if len(records) == 0 {
		return nil
	}
	var head issuer.AuditHead
	var at sql.NullInt64
	if err := t.row(getAuditEnd).Scan(&head.Seq, into(head.Chain[:]), &at); err != nil {
		return err
	}
	head.At = optionalInstant(at)
	for _, r := range records {
		e := head.Append(instant(t.now), r)
		_, err := t.exec(appendAudit, e.Seq, e.At.UnixMicro(), string(e.Action), e.Actor, e.Subject, e.User, e.ClientID, e.Session,
			e.Key, string(e.Reason), e.Detail, e.Count, e.Address, e.Agent, e.Request, e.Chain[:])
		if err != nil {
			return err
		}
	}
	_, err := t.exec(setAuditEnd, head.Seq, head.Chain[:], head.At.UnixMicro())
	return err
}

// AppendAudit implements [issuer.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	return s.write(ctx, "append to the audit log", func(t *tx) error { return t.record(records) })
}

const selectAudit = `SELECT seq, at, action, actor, subject, user, client_id, session, key, reason, detail, count,
	address, agent, request, chain FROM audit`

func scanAudit(scan func(...any) error) (e issuer.AuditEntry, err error) {
	var at int64
	err = scan(&e.Seq, &at, &e.Action, &e.Actor, &e.Subject, &e.User, &e.ClientID, &e.Session,
		&e.Key, &e.Reason, &e.Detail, &e.Count, &e.Address, &e.Agent, &e.Request, into(e.Chain[:]))
	e.At = instant(at)
	return e, err
}

// Audit implements [issuer.AuditLog].
func (s *Store) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	if limit <= 0 {
		return nil, issuer.AuditHead{}, errors.New("sqlite: audit: the limit is not positive")
	}
	after = min(after, 1<<63-1)
	var entries []issuer.AuditEntry
	var head issuer.AuditHead
	_, err := s.read(ctx, "audit", func(t *sql.Tx, _ int64) error {
		var at, sealedAt sql.NullInt64
		err := t.QueryRowContext(ctx, `SELECT log, seq, chain, at, pruned, pruned_chain, sealed_seq, sealed_chain, sealed_at, seal FROM audit_head`).
			Scan(into(head.Log[:]), &head.Seq, into(head.Chain[:]), &at, &head.Pruned, into(head.PrunedChain[:]),
				&head.Seal.Seq, into(head.Seal.Chain[:]), &sealedAt, &head.Seal.MAC)
		if err != nil {
			return err
		}
		head.At, head.Seal.At = optionalInstant(at), optionalInstant(sealedAt)
		rows, err := t.QueryContext(ctx, selectAudit+` WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		return each(rows, err, func(rows *sql.Rows) error {
			e, err := scanAudit(rows.Scan)
			entries = append(entries, e)
			return err
		})
	})
	if err != nil {
		return nil, issuer.AuditHead{}, err
	}
	return entries, head, nil
}

// SealAudit implements [issuer.AuditLog].
func (s *Store) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	seal.Seq = min(seal.Seq, 1<<63-1)
	return s.writePlain(ctx, "seal the audit log", func(t *tx) error {
		res, err := t.exec(`UPDATE audit_head SET sealed_seq = ?, sealed_chain = ?, sealed_at = ?, seal = ?
			WHERE sealed_seq <= ? AND EXISTS (SELECT 1 FROM audit WHERE seq = ? AND chain = ?)`,
			seal.Seq, seal.Chain[:], seal.At.UnixMicro(), seal.MAC, seal.Seq, seal.Seq, seal.Chain[:])
		return changedOne(res, err, issuer.ErrConflict)
	})
}

// pruneAudit deletes what is old and sealed, from the beginning.
func (t *tx) pruneAudit(keep time.Duration, limit int) (looked, deleted int, err error) {
	if keep == 0 {
		return 0, 0, nil
	}
	var last issuer.AuditEntry
	err = t.row(`SELECT seq, chain FROM (SELECT seq, chain, at FROM audit WHERE seq <= (SELECT sealed_seq FROM audit_head) ORDER BY seq LIMIT ?)
		WHERE at <= ? ORDER BY seq DESC LIMIT 1`, limit, t.now-keep.Microseconds()).Scan(&last.Seq, into(last.Chain[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	res, err := t.exec(`DELETE FROM audit WHERE seq <= ?`, last.Seq)
	if err != nil {
		return 0, 0, err
	}
	if _, err := t.exec(`UPDATE audit_head SET pruned = ?, pruned_chain = ?`, last.Seq, last.Chain[:]); err != nil {
		return 0, 0, err
	}
	n, err := res.RowsAffected()
	return int(n), int(n), err
}
