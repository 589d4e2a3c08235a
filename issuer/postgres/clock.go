package postgres

import "time"

// The table clock has a few rows, its slots. The high-water mark of time is the
// latest of them, and each of them is a lock that a write holds to its end:
//
//   - A write of one session (or of several, each for itself) locks one slot,
//     taken in turn, so that such writes do not wait for each other. Creations
//     that count the subject's sessions lock the slot of the subject instead.
//   - A write that must be alone, because it concerns what others add to (all
//     sessions of a subject), locks all of them.
//   - A write of the keys locks the first, which no write of a session takes.
//
// So a write that is alone sees all that was committed before, and nothing is
// under way beside it. What the others do is decided by one row each, whose
// instants do not go back because each new one is at least the last one in the
// row: they are in one order, that of their instants, and within an instant
// that of their commits.
//
// "now" of a statement is the latest of the clock's reading and all slots that
// its snapshot sees. It is computed in the statement that needs it, so it is
// never earlier than what that statement sees.
//
// A write that is alone, or of the keys, raises its slots to its now. One of
// sessions does so only when the mark is markStep behind: a row that changes a
// thousand times a second would grow without bound while some long transaction
// (a dump of the database) keeps its old versions alive. What this gives up:
// after a crash of all nodes whose clocks then stand earlier, now may be up to
// markStep earlier than such a write's instant. No answer depended on the
// difference: a session's own instants are in its row, and that it was found
// expired is written down before it is said (see Issuer.Refresh).
const (
	slots    = 16
	markStep = 100 * time.Millisecond
	keySlot  = 0
)

// nowSQL is now in a statement whose parameter $1 is tick.
const nowSQL = `greatest($1::bigint, (SELECT max(latest) FROM clock))`

// tick reads the clock and returns the instant that it is as far as this
// process knows.
func (s *Store) tick() int64 { return s.seen(s.clock().UnixMicro()) }

// seen takes note of an instant and returns the latest one known.
func (s *Store) seen(instant int64) int64 {
	for {
		latest := s.latest.Load()
		if instant <= latest {
			return latest
		}
		if s.latest.CompareAndSwap(latest, instant) {
			return instant
		}
	}
}

// slot returns the slot of the clock that a write of sessions is to lock: each
// but keySlot in turn, so that those of one node do not meet.
func (s *Store) slot() int16 { return int16(1 + s.turn.Add(1)%(slots-1)) }

// lockSlot locks one slot to the end of the transaction.
func lockSlot(slot int16) query {
	return query{sql: `SELECT FROM clock WHERE slot = $1 FOR UPDATE`, args: []any{slot}, hot: true}
}

// lockSlots locks some slots to the end of the transaction, in order.
func lockSlots(slots []int16) query {
	return query{sql: `SELECT FROM clock WHERE slot = ANY($1) ORDER BY slot FOR UPDATE`, args: []any{slots}}
}

// lockClock locks all slots and reads the mark. Statements after it see all that
// was committed before.
func lockClock(mark *int64) query {
	return query{
		sql:  `SELECT max(latest) FROM (SELECT latest FROM clock ORDER BY slot FOR UPDATE) AS c`,
		dest: []any{mark},
	}
}

// raiseClock raises every slot, whose locks the transaction has. It changes them
// in any case: an engine whose snapshots are those of the transaction's begin
// then refuses a write that had waited for the lock, instead of letting it work
// on what was there before.
func raiseClock(now int64) query {
	return query{sql: `UPDATE clock SET latest = greatest(latest, $1)`, args: []any{now}}
}

func raiseSlot(slot int16, now int64) query {
	return query{sql: `UPDATE clock SET latest = greatest(latest, $1) WHERE slot = $2`, args: []any{now, slot}}
}

// raiseLater raises the mark to now if that is due. It returns no or one query.
func (s *Store) raiseLater(slot int16, now int64) []query {
	if now < s.marked.Load()+markStep.Microseconds() {
		return nil
	}
	return []query{{
		sql:  `UPDATE clock SET latest = $1 WHERE slot = $2 AND $1 >= (SELECT max(latest) FROM clock) + $3`,
		args: []any{now, slot, markStep.Microseconds()},
		affected: func(n int64) {
			if n > 0 { // if the commit fails, the mark is late by a step once more
				s.marked.Store(now)
			}
		},
	}}
}
