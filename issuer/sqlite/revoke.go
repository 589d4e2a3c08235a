package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Revoke implements [issuer.SessionStore].
func (s *Store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	byID := r.SessionID != issuer.SessionID{}
	switch {
	case byID == (r.Subject != ""):
		return issuer.Revoked{}, errors.New("sqlite: revoke: exactly one of session and subject must be set")
	case !byID && r.OwnedBy != "":
		return issuer.Revoked{}, errors.New("sqlite: revoke: an owner goes with a session, not with a subject")
	}
	var done issuer.Revoked
	err := s.write(ctx, "revoke", func(t *tx) error {
		var err error
		if !byID {
			if done, err = t.revokeSubject(r.Reason, r.Subject); err != nil {
				return err
			}
			return t.record(done.Audit(r.Subject, r.Audit))
		}
		var subject string
		if err := t.row(`SELECT subject FROM sessions WHERE id = ?`, r.SessionID[:]).Scan(&subject); err != nil {
			return notFound(err)
		}
		if r.OwnedBy != "" && r.OwnedBy != subject {
			return issuer.ErrNotFound
		}
		if done, err = t.revoke(r.Reason, `id = ?`, r.SessionID[:]); err != nil || len(done.Sessions) == 0 {
			return err
		}
		return t.record(done.Audit(subject, r.Audit))
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// revokeSubject revokes the sessions of a subject that are not revoked, and
// calls back its tokens.
func (t *tx) revokeSubject(reason issuer.Reason, subject string) (issuer.Revoked, error) {
	done, err := t.revoke(reason, `subject = ?`, subject)
	if err != nil {
		return issuer.Revoked{}, err
	}
	_, err = t.appendBefore(issuer.EntrySubject, subject)
	return done, err
}

const (
	// countOf reads an index alone, so it counts those that are over, too.
	countOf = `SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND subject = ?`
	// surplus takes as many as are too many by that count: first those that are
	// over, which go by themselves, and then those that were unused for longest; the
	// newest is the last of all. So there are few to sort, if many to look at.
	surplus = `number IN (SELECT number FROM (
		SELECT number, expires_at > ? AND (idle_timeout = 0 OR max(rotated_at, created_at) + idle_timeout > ?) AS live
		FROM sessions JOIN grants ON grants.id = grant_id
		WHERE revoked_at IS NULL AND subject = ?
		ORDER BY live, max(rotated_at, created_at), number LIMIT ?) WHERE live)`
)

// revokeSurplus revokes those of a subject's live sessions that must go for a
// new one, which is stored already.
func (t *tx) revokeSurplus(n issuer.NewSession) ([]issuer.SessionID, error) {
	if n.MaxLive == 0 {
		return nil, nil
	}
	var count int
	if err := t.row(countOf, n.Subject).Scan(&count); err != nil || count <= n.MaxLive {
		return nil, err
	}
	done, err := t.revoke(issuer.ReasonLimit, surplus, t.now, t.now, n.Subject, count-n.MaxLive)
	return done.Sessions, err
}

func revokeWhere(where string) string {
	return `UPDATE sessions SET revoked_at = ?, revoke_reason = ?, due_at = min(due_at, ?)
		WHERE revoked_at IS NULL AND ` + where + ` RETURNING id, subject`
}

// revoke revokes the sessions that where names and that are not revoked, and
// calls back their tokens.
func (t *tx) revoke(reason issuer.Reason, where string, args ...any) (issuer.Revoked, error) {
	done := issuer.Revoked{At: instant(t.now)}
	var subjects []string
	rows, err := t.query(revokeWhere(where), append([]any{t.now, string(reason), t.now}, args...)...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var id issuer.SessionID
		var subject string
		if err := rows.Scan(into(id[:]), &subject); err != nil {
			return err
		}
		done.Sessions, subjects = append(done.Sessions, id), append(subjects, subject)
		return nil
	})
	if err != nil || reason == issuer.ReasonExpired {
		return done, err
	}
	entries := make([]issuer.Entry, len(done.Sessions))
	for i, id := range done.Sessions {
		entries[i] = issuer.Entry{Kind: issuer.EntrySession, Value: id.String()}
		if _, err := t.exec(leaveNotices, t.now, id[:], subjects[i], string(reason)); err != nil {
			return done, err
		}
	}
	return done, t.append(entries)
}

// appendBefore appends to the revocation log that the tokens of a subject, a
// client or all that were issued before this second are called back.
func (t *tx) appendBefore(kind issuer.EntryKind, value string) (issuer.Entry, error) {
	entry := []issuer.Entry{{Kind: kind, Value: value}}
	if kind != issuer.EntryKey {
		entry[0].Before = instant(t.now).Truncate(time.Second)
	}
	err := t.append(entry)
	return entry[0], err
}

// The statements of the revocation log.
const (
	getHead   = `SELECT log, seq, chain FROM log_head`
	setHead   = `UPDATE log_head SET seq = ?, chain = ?`
	appendLog = `INSERT INTO log (seq, kind, value, before, at, chain) VALUES (?, ?, ?, ?, ?, ?)`
)

func scanHead(scan func(...any) error) (head issuer.LogHead, err error) {
	return head, scan(into(head.Log[:]), &head.Seq, into(head.Chain[:]))
}

// append appends entries to the revocation log and completes them.
func (t *tx) append(entries []issuer.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	head, err := scanHead(t.row(getHead).Scan)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		e.Seq, e.At = head.Seq+1, instant(t.now)
		e.Chain = e.Link(head.Chain)
		head.Seq, head.Chain = e.Seq, e.Chain
		if _, err := t.exec(appendLog, e.Seq, string(e.Kind), e.Value, optional(e.Before), t.now, e.Chain[:]); err != nil {
			return err
		}
	}
	_, err = t.exec(setHead, head.Seq, head.Chain[:])
	return err
}

// Revocations implements [issuer.RevocationLog].
func (s *Store) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	if limit <= 0 {
		return nil, issuer.LogHead{}, time.Time{}, errors.New("sqlite: revocations: the limit is not positive")
	}
	var entries []issuer.Entry
	var head issuer.LogHead
	now, err := s.read(ctx, "revocations", func(t *sql.Tx, _ int64) (err error) {
		if head, err = scanHead(t.QueryRowContext(ctx, getHead).Scan); err != nil {
			return err
		}
		if after >= head.Seq { // which also keeps it within SQLite's integers
			return nil
		}
		rows, err := t.QueryContext(ctx, `SELECT seq, kind, value, before, at, chain FROM log WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		return each(rows, err, func(rows *sql.Rows) error {
			var e issuer.Entry
			var before sql.NullInt64
			var at int64
			if err := rows.Scan(&e.Seq, &e.Kind, &e.Value, &before, &at, into(e.Chain[:])); err != nil {
				return err
			}
			e.Before, e.At = optionalInstant(before), instant(at)
			entries = append(entries, e)
			return nil
		})
	})
	if err != nil {
		return nil, issuer.LogHead{}, time.Time{}, err
	}
	return entries, head, now, nil
}

// RevokeBefore implements [issuer.RevocationLog]. It refuses a kind other than
// the three that are documented there, a subject or client that is empty, and a
// value for [issuer.EntryAll].
func (s *Store) RevokeBefore(ctx context.Context, kind issuer.EntryKind, value string, audit ...issuer.AuditRecord) (issuer.Entry, error) {
	switch kind {
	case issuer.EntrySubject, issuer.EntryClient, issuer.EntryKey:
		if value == "" {
			return issuer.Entry{}, fmt.Errorf("sqlite: revoke before: no %s", kind)
		}
	case issuer.EntryAll:
		if value != "" {
			return issuer.Entry{}, errors.New("sqlite: revoke before: a value, though all are meant")
		}
	default:
		return issuer.Entry{}, errors.New("sqlite: revoke before: the kind must be subject, client, key or all")
	}
	var appended issuer.Entry
	err := s.write(ctx, "revoke before", func(t *tx) (err error) {
		if appended, err = t.appendBefore(kind, value); err != nil {
			return err
		}
		return t.record(audit)
	})
	if err != nil {
		return issuer.Entry{}, err
	}
	return appended, nil
}
