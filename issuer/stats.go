package issuer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// LoginOutcome is how a login ended.
type LoginOutcome string

// The outcomes of logins.
const (
	LoginOK            LoginOutcome = "ok"
	LoginUnknownUser   LoginOutcome = "unknown_user"
	LoginWrongPassword LoginOutcome = "wrong_password"
	LoginDisabled      LoginOutcome = "disabled"
	LoginUserChanged   LoginOutcome = "user_changed" // while the password was being checked
	LoginInvalid       LoginOutcome = "invalid"      // it broke a rule for requests, or named no audience of ours
	LoginBusy          LoginOutcome = "busy"         // turned away before a hash
	LoginSlowed        LoginOutcome = "slowed"       // it came too soon after others that failed
	LoginCanceled      LoginOutcome = "canceled"     // the client left, or its deadline ended
	LoginFailed        LoginOutcome = "failed"       // the store or the signing key did not do its part
)

// RefreshOutcome is how the use of a refresh token ended.
type RefreshOutcome string

// The outcomes of refreshes. Those from RefreshMalformed on are refusals.
const (
	RefreshRotated      RefreshOutcome = "rotated"
	RefreshRetried      RefreshOutcome = "retried"      // inside the grace window: answered without a write
	RefreshStoreBehind  RefreshOutcome = "store_behind" // the token was newer than the store
	RefreshReuse        RefreshOutcome = "reuse"        // a superseded token: the session is revoked
	RefreshMalformed    RefreshOutcome = "malformed"
	RefreshNotAuthentic RefreshOutcome = "not_authentic" // forged, or of a session that is not there any more
	RefreshRevoked      RefreshOutcome = "revoked"
	RefreshExpired      RefreshOutcome = "expired"
	RefreshOtherClient  RefreshOutcome = "other_client"
	RefreshBadScope     RefreshOutcome = "bad_scope"
	RefreshCanceled     RefreshOutcome = "canceled" // the client left, or its deadline ended
	RefreshFailed       RefreshOutcome = "failed"   // the store or the signing key did not do its part
)

var (
	loginOutcomes = [...]LoginOutcome{
		LoginOK, LoginUnknownUser, LoginWrongPassword, LoginDisabled, LoginUserChanged, LoginInvalid, LoginBusy, LoginSlowed, LoginCanceled, LoginFailed,
	}
	refreshOutcomes = [...]RefreshOutcome{
		RefreshRotated, RefreshRetried, RefreshStoreBehind, RefreshReuse, RefreshMalformed, RefreshNotAuthentic,
		RefreshRevoked, RefreshExpired, RefreshOtherClient, RefreshBadScope, RefreshCanceled, RefreshFailed,
	}
	// The last one stands for every other that an embedding program gives.
	revokeReasons = [...]Reason{
		ReasonLogout, ReasonRevoked, ReasonReuse, ReasonExpired, ReasonPassword, ReasonDisabled, ReasonLimit, reasonOther,
	}
)

const reasonOther Reason = "other"

// Stats are what an issuer counted since it was made, and its state now. Every
// outcome and reason is there, with 0 if it never happened; nothing names a
// session, a subject or a client.
type Stats struct {
	Logins    map[LoginOutcome]uint64
	Refreshes map[RefreshOutcome]uint64
	// Revoked counts sessions by the reason of their end. Other nodes and
	// commands beside the service count theirs; ReasonExpired are those whose
	// refresh token came too late, not all that ran out. Reasons that are not
	// this package's count as "other".
	Revoked map[Reason]uint64

	Hashes  HashStats
	Guesses GuessStats
	Feed    FeedStats
	Keys    []KeyStats
	Signing string // the algorithm that signs access tokens
}

// HashStats are the state of the queue for password hashing.
type HashStats struct {
	Slots, Busy    int // how many may hash at once, and do
	Queue, Waiting int // how many may wait, and do
	TurnedAway     uint64
}

// GuessStats are the state of the limits on logins of this process.
type GuessStats struct {
	Refused   map[LoginLimit]uint64 // logins that came too soon, by the limit that they met
	Addresses int                   // from which logins failed lately
	Sources   int                   // accounts, each from an address, whose logins failed lately
}

// FeedStats are the state of the feed of revocations.
type FeedStats struct {
	Readers   int
	Batches   uint64    // that were made for all readers
	Entries   uint64    // in those
	Overtaken uint64    // times that a reader was too far behind and had to read pages
	Seq       uint64    // of the last entry that the feed has; 0 while nobody reads
	ReadAt    time.Time // when the log was read last, by Config.Now; zero while nobody reads
	// Delay is how long the newest entry of the last batch that had one waited
	// for it, by the store's and the issuer's clock: at least 0.
	Delay time.Duration
}

// KeyStats are a key of the service.
type KeyStats struct {
	Use       KeyUse
	Algorithm string
	State     KeyState
	// Since is when the key came into its state, in the store's time.
	Since time.Time
	// Until is when it is to leave it: a next key to sign, an active one to
	// stop, a retiring one to be gone. Zero: on command only.
	Until time.Time
}

// counters are the part of Stats that counts. The order is that of the lists
// of outcomes.
type counters struct {
	logins     [len(loginOutcomes)]atomic.Uint64
	refreshes  [len(refreshOutcomes)]atomic.Uint64
	revoked    [len(revokeReasons)]atomic.Uint64
	turnedAway atomic.Uint64
}

func (c *counters) login(o LoginOutcome) {
	for i := range loginOutcomes {
		if loginOutcomes[i] == o {
			c.logins[i].Add(1)
		}
	}
}

func (c *counters) refresh(o RefreshOutcome) {
	for i := range refreshOutcomes {
		if refreshOutcomes[i] == o {
			c.refreshes[i].Add(1)
		}
	}
}

func (c *counters) revoke(why Reason, sessions int) {
	for i := range revokeReasons {
		if revokeReasons[i] == why || revokeReasons[i] == reasonOther {
			c.revoked[i].Add(uint64(sessions))
			return
		}
	}
}

// loginError counts a login that ended before or beside the question whether the
// password is right.
func (c *counters) loginError(err error) {
	var rule *RequestError
	switch {
	case err == nil:
		c.login(LoginOK)
	case errors.Is(err, ErrInvalidCredentials): // refuseLogin knows why
	case errors.Is(err, ErrTooManyFailures):
		c.login(LoginSlowed)
	case errors.Is(err, ErrBusy):
		c.login(LoginBusy)
	case errors.As(err, &rule), errors.Is(err, ErrInvalidTarget):
		c.login(LoginInvalid)
	case gone(err):
		c.login(LoginCanceled)
	default:
		c.login(LoginFailed)
	}
}

// gone tells whether an error is that nobody waits for the answer any more.
func gone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// refreshError is the outcome of a refresh that a store or a key let fail.
func refreshError(err error) RefreshOutcome {
	if gone(err) {
		return RefreshCanceled
	}
	return RefreshFailed
}

// Stats returns the issuer's counters and state. It asks no store and takes some
// microseconds, so that it can be called for every scrape of a monitoring system.
func (i *Issuer) Stats() Stats {
	s := Stats{
		Logins:    make(map[LoginOutcome]uint64, len(loginOutcomes)),
		Refreshes: make(map[RefreshOutcome]uint64, len(refreshOutcomes)),
		Revoked:   make(map[Reason]uint64, len(revokeReasons)),
		Hashes:    i.gate.stats(),
		Guesses:   i.guard.stats(),
		Feed:      i.feed.stats(),
		Signing:   string(i.Algorithm()),
	}
	for n, o := range loginOutcomes {
		s.Logins[o] = i.counts.logins[n].Load()
	}
	for n, o := range refreshOutcomes {
		s.Refreshes[o] = i.counts.refreshes[n].Load()
	}
	for n, why := range revokeReasons {
		s.Revoked[why] = i.counts.revoked[n].Load()
	}
	s.Hashes.TurnedAway = i.counts.turnedAway.Load()
	for _, k := range i.ring.Load().stored {
		s.Keys = append(s.Keys, keyStats(k))
	}
	return s
}

func keyStats(k StoredKey) KeyStats {
	s := KeyStats{Use: k.Use, Algorithm: k.Algorithm, State: k.State}
	switch k.State {
	case KeyNext:
		s.Since, s.Until = k.CreatedAt, k.ActiveAt
	case KeyActive:
		s.Since, s.Until = k.ActiveAt, k.RetiredAt
	case KeyRetiring:
		s.Since, s.Until = k.RetiredAt, k.GoneAt
	}
	return s
}
