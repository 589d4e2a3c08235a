package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/batch"
	"github.com/jeton-go/jeton/issuer"
)

// Revoke implements [issuer.SessionStore].
func (s *Store) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	byID := r.SessionID != issuer.SessionID{}
	switch {
	case byID == (r.Subject != ""):
		return issuer.Revoked{}, errors.New("postgres: revoke: exactly one of session and subject must be set")
	case !byID && r.OwnedBy != "":
		return issuer.Revoked{}, errors.New("postgres: revoke: an owner goes with a session, not with a subject")
	}
	if err := checkTexts(string(r.Reason), r.Subject); err != nil {
		return issuer.Revoked{}, errors.New("postgres: revoke: " + err.Error())
	}
	if byID {
		r.Audit = slices.Clone(r.Audit)
		return s.endings.Do(ctx, r)
	}
	var done issuer.Revoked
	// A second time it finds nothing left to revoke, but for what came between.
	err := s.alone(ctx, "revoke", true, func(t *tx, a *appender) (err error) {
		if done, err = t.endSubject(a, r.Subject, r.Reason); err == nil {
			a.records = done.Audit(r.Subject, r.Audit)
		}
		return err
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	return done, nil
}

// ending is a session that may be revoked.
type ending struct {
	id      issuer.SessionID
	subject string
	revoked *int64
	reason  string
	last    int64 // when it was used
}

const (
	endingColumns = `s.id, s.subject, s.revoked_at, s.revoke_reason, ` + lastUsedSQL
	endSQL        = `UPDATE sessions SET revoked_at = $1, revoke_reason = r.reason, due = least(due, $2)
		FROM unnest($3::uuid[], $4::text[]) AS r (id, reason) WHERE sessions.id = r.id`
)

func scanEnding(rows pgx.Rows) (e ending, err error) {
	var id [16]byte
	err = rows.Scan(&id, &e.subject, &e.revoked, &e.reason, &e.last)
	e.id = id
	return e, err
}

// endAll revokes the sessions of a batch, one request at a time, as if they had
// come one after the other.
func (s *Store) endAll(ctx context.Context, reqs []issuer.Revocation) ([]batch.Result[issuer.Revoked], error) {
	ids := make([][16]byte, len(reqs))
	for i, r := range reqs {
		ids[i] = r.SessionID
	}
	var results []batch.Result[issuer.Revoked]
	var before []int64 // the instants of attempts of which nobody knows whether they happened
	err := s.write(ctx, "revoke", true, func(t *tx) error {
		results = make([]batch.Result[issuer.Revoked], len(reqs))
		slot := s.slot()
		var a appender
		found := make(map[issuer.SessionID]ending, len(reqs))
		queries := []query{lockSlot(slot), a.lock(s.tick()), {
			sql:  `SELECT ` + endingColumns + ` FROM sessions s WHERE s.id = ANY($1) ORDER BY s.id FOR UPDATE`,
			args: []any{ids},
			each: func(rows pgx.Rows) error {
				e, err := scanEnding(rows)
				found[e.id] = e
				return err
			},
		}}
		var audit auditEnd
		if slices.ContainsFunc(reqs, func(r issuer.Revocation) bool { return len(r.Audit) > 0 }) {
			queries = append(queries, audit.lock())
		}
		if err := t.send(queries...); err != nil {
			return err
		}
		for _, e := range found {
			a.now = max(a.now, e.last)
		}
		var ended [][16]byte
		var subjects, reasons []string
		for i, r := range reqs {
			e, ok := found[r.SessionID]
			if !ok || r.OwnedBy != "" && r.OwnedBy != e.subject {
				results[i].Err = issuer.ErrNotFound
				continue
			}
			results[i].Value.At = instant(a.now)
			switch {
			case e.revoked == nil:
				results[i].Value.Sessions = []issuer.SessionID{e.id}
				a.records = append(a.records, results[i].Value.Audit(e.subject, r.Audit)...)
				ended, subjects, reasons = append(ended, e.id), append(subjects, e.subject), append(reasons, string(r.Reason))
				if r.Reason != issuer.ReasonExpired {
					a.add(issuer.EntrySession, e.id.String())
				}
				e.revoked, e.reason = &a.now, string(r.Reason)
				found[e.id] = e
			case t.repeated && slices.Contains(before, *e.revoked) && e.reason == string(r.Reason):
				results[i].Value = issuer.Revoked{At: instant(*e.revoked), Sessions: []issuer.SessionID{e.id}}
			}
		}
		before = append(before, a.now)
		s.seen(a.now)
		queries = append(a.write(), audit.write(a.now, a.records)...)
		if len(ended) > 0 {
			queries = append(queries, query{sql: endSQL, args: []any{a.now, minute(a.now), ended, reasons}}, leave(a.now, ended, subjects, reasons))
		}
		return t.commit(append(queries, s.raiseLater(slot, a.now)...)...)
	})
	return results, err
}

// alone runs work, which writes with t.send, in a write transaction beside which
// no other write of sessions or users is under way, and which may append to the
// log.
func (s *Store) alone(ctx context.Context, op string, repeatable bool, work func(*tx, *appender) error) error {
	return s.write(ctx, op, repeatable, func(t *tx) error {
		var a appender
		var mark int64
		if err := t.send(lockClock(&mark), a.lock(s.tick())); err != nil {
			return err
		}
		a.now = max(a.now, mark)
		if err := work(t, &a); err != nil {
			return err
		}
		s.seen(a.now)
		audit, err := t.record(a.now, a.records)
		if err != nil {
			return err
		}
		return t.commit(slices.Concat(a.write(), audit, []query{raiseClock(a.now)})...)
	})
}

// endSubject revokes the sessions of a subject that are not revoked. No other
// write is under way.
func (t *tx) endSubject(a *appender, subject string, reason issuer.Reason) (issuer.Revoked, error) {
	var ended [][16]byte
	var subjects, reasons []string
	var done issuer.Revoked
	err := t.send(query{
		sql:  `SELECT ` + endingColumns + ` FROM sessions s WHERE s.subject = $1 AND s.revoked_at IS NULL ORDER BY s.created_at, s.id`,
		args: []any{subject},
		each: func(rows pgx.Rows) error {
			e, err := scanEnding(rows)
			a.now = max(a.now, e.last)
			ended, subjects, reasons = append(ended, e.id), append(subjects, subject), append(reasons, string(reason))
			done.Sessions = append(done.Sessions, e.id)
			return err
		},
	})
	if err != nil {
		return issuer.Revoked{}, err
	}
	done.At = instant(a.now)
	for _, id := range done.Sessions {
		if reason != issuer.ReasonExpired {
			a.add(issuer.EntrySession, id.String())
		}
	}
	a.add(issuer.EntrySubject, subject)
	if len(ended) == 0 {
		return done, nil
	}
	return done, t.send(query{sql: endSQL, args: []any{a.now, minute(a.now), ended, reasons}}, leave(a.now, ended, subjects, reasons))
}
