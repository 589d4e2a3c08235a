package issuer

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

// Config is what an [Issuer] is made of. A zero field means its default, where
// there is one.
type Config struct {
	// Store keeps sessions, users and keys. Required.
	Store Store
	// Issuer is the "iss" claim: an absolute http or https URL without query
	// and fragment (RFC 8414 section 2). Required.
	Issuer string
	// Audiences are the values of "aud" that tokens may be asked for; the
	// first is what a login gets that asks for none. At least one.
	Audiences []string
	// Algorithm signs access tokens; default RS256. Another algorithm than the
	// store's active key has is a rotation: tokens in flight stay good.
	Algorithm jeton.Algorithm
	// MasterKey seals the keys in the store. Required.
	MasterKey MasterKey
	// ReloadMasterKey, if set, reads the master key again. It is called when the
	// keys in the store are sealed under another one, as after a rekey, at most
	// every 10 s in vain; housekeeping waits meanwhile. It must not log or return
	// in an error what it read.
	ReloadMasterKey func(context.Context) (MasterKey, error)

	// Device, if set, keeps the private halves of access keys: new ones are made
	// there. Moving the keys into a device, or out of it, is a rotation like a
	// change of the algorithm. The algorithm must not be HMAC then.
	Device Device
	// LeaveDevice makes new keys in the store again: the Device is there for those
	// that are in it.
	LeaveDevice bool
	// KeepRetiredInDevice leaves the private half of a retired key in the device.
	// Otherwise it is destroyed soon after, as in the store.
	KeepRetiredInDevice bool

	AccessTTL time.Duration // life of an access token; default 5 min, at most 24 h
	// LongestAccessTTL is the longest AccessTTL that tokens still alive were
	// made with, by this issuer or another on the same store: a revocation is
	// told to verifiers for so long. Set it to the old value when AccessTTL
	// becomes shorter. Default, and at least, AccessTTL; at most 24 h.
	LongestAccessTTL time.Duration
	RefreshTTL       time.Duration // absolute life of a session; default 30 days
	RefreshIdle      time.Duration // life of a session that is not used; default 7 days; NoIdle for none
	RefreshGrace     time.Duration // window in which a retry is answered; default 10 s, at most 5 min; NoGrace for none

	// MaxSessions is how many live sessions a user may have. A login beyond it
	// ends the one that was unused for longest, with ReasonLimit. Default 0: any
	// number.
	MaxSessions int

	// KeyPeriod is how long a key signs access tokens before the next one takes
	// over; default 30 days, at least 1 h; NoRotation for no such limit.
	KeyPeriod time.Duration

	// AuditKeep is how long an entry of the audit log stays; default 90 days, at
	// least 1 h; KeepAudit for no such limit. See [Issuer.Prune].
	AuditKeep time.Duration

	// ClientID is the "client_id" of sessions that a login opens; default
	// "jeton-login".
	ClientID string

	Password PasswordParams
	// HashSlots is how many passwords are hashed at once; default one per
	// processor (GOMAXPROCS) but one, at least one. Each takes
	// Password.MemoryKiB. A hash takes its processor for tens of milliseconds;
	// with all of them taken everything else waits, unless they are hashed
	// elsewhere. A hash that would not fit under the memory limit of the process
	// (GOMEMLIMIT) collects garbage first.
	HashSlots int
	// HashElsewhere, if not nil, does the work of hashes: in processes of their
	// own, among which and this one the system shares out the cores, there may be
	// as many at once as cores. It is called by HashSlots goroutines at most, with
	// work within its bounds, and returns what [HashWork.Run] does; with another
	// key, no password fits. With an error, it is done here.
	HashElsewhere func(HashWork) (key []byte, err error)
	HashQueue     int           // logins that may wait for a slot; default 64
	HashWait      time.Duration // how long they wait; default 2 s

	// LoginLimits bound how fast passwords can be guessed.
	LoginLimits LoginLimits

	// FeedReaders is how many may read the feed of revocations at once; default
	// 10,000. Each is a connection and some 30 KiB. One address (of IPv6, a /64)
	// may have a quarter of the places, rounded up, but for this machine's own and
	// one that [RequestInfo] does not tell.
	FeedReaders int

	// StatusListTTL, if not 0, gives access tokens a place in a status list
	// (draft-ietf-oauth-status-list-21), for verifiers that know that and not the
	// feed; they may keep a list for so long, from 1 s to 1 h. It makes a token
	// some 200 bytes longer. Sessions that were opened before have no place.
	StatusListTTL time.Duration

	// EventReceivers are the names of systems outside that are told of revoked
	// sessions by security event tokens ([Issuer.PollEvents]); each is the "aud"
	// of its tokens. At most 100, of at most 256 visible ASCII characters.
	EventReceivers []string
	// KeepEvents is how long an event waits for a receiver, and what is known of
	// a receiver stays when no issuer on the store names it any more; default 7
	// days, from 1 h to 90 days.
	KeepEvents time.Duration

	// Now is the wall clock. Required. It dates access tokens; sessions live in
	// the store's time.
	Now func() time.Time
	// OnEvent, if set, is told what happens, after it happened. It must not
	// block and may be called from many goroutines.
	OnEvent func(context.Context, Event)
	// OnWork, if set, is told when a piece of work begins that takes time beside
	// the store's; the function that it returns is called once it ended, with
	// the error that it ended with. It must not block and may be called from
	// many goroutines.
	OnWork func(context.Context, Work) func(error)
}

// Work names a piece of work.
type Work string

// The pieces of work.
const (
	WorkHashWait Work = "password_wait" // until there is a slot for a hash
	WorkHash     Work = "password_hash" // one hash, or two where the costs changed
)

// begin tells of a piece of work.
func (a *Admin) begin(ctx context.Context, w Work) (done func(error)) {
	if a.onWork == nil {
		return func(error) {}
	}
	return a.onWork(ctx, w)
}

const (
	// NoGrace as a RefreshGrace: every use of a refresh token rotates and
	// every reuse revokes.
	NoGrace time.Duration = -1
	// NoIdle as a RefreshIdle: a session ends at its absolute limit only.
	NoIdle time.Duration = -1
	// NoRotation as a KeyPeriod: keys rotate on command only.
	NoRotation time.Duration = -1
	// KeepAudit as an AuditKeep: the audit log is never pruned.
	KeepAudit time.Duration = -1
)

// Leeway is what the clocks of issuer and verifiers may be apart.
const Leeway = 30 * time.Second

// Check returns the ErrConfig with which New would refuse c, nil for none. It
// touches nothing.
func (c Config) Check() error {
	_, err := c.complete()
	return err
}

func (c Config) complete() (Config, error) {
	bad := func(format string, args ...any) (Config, error) {
		return c, because(ErrConfig, format, args...)
	}
	c, err := c.completePasswords()
	if err != nil {
		return c, err
	}
	if c.MasterKey.isZero() {
		return bad("a master key is required")
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(c.Issuer, "#") {
		return bad("the issuer must be an http or https URL without user, query and fragment (RFC 8414 section 2)")
	}
	if len(c.Audiences) == 0 || slices.Contains(c.Audiences, "") {
		return bad("at least one audience, and none of them empty")
	}
	c.Audiences = slices.Clone(c.Audiences)
	if c.Algorithm == "" {
		c.Algorithm = jeton.RS256
	}
	if !c.Algorithm.Valid() {
		return bad("no algorithm %q; there are %v", c.Algorithm, jeton.Algorithms())
	}
	if c.Device != nil && !c.LeaveDevice && c.Algorithm.Symmetric() {
		return bad("%s has no private half that a device could keep", c.Algorithm)
	}
	if c.Device == nil && (c.LeaveDevice || c.KeepRetiredInDevice) {
		return bad("settings for a device, and no device")
	}
	for _, d := range []struct {
		name          string
		value         *time.Duration
		def, min, max time.Duration
		none          time.Duration
	}{
		{"access TTL", &c.AccessTTL, 5 * time.Minute, time.Second, 24 * time.Hour, 0},
		{"refresh TTL", &c.RefreshTTL, 30 * 24 * time.Hour, time.Second, 10 * 365 * 24 * time.Hour, 0},
		{"refresh idle time", &c.RefreshIdle, 7 * 24 * time.Hour, time.Second, 10 * 365 * 24 * time.Hour, NoIdle},
		{"refresh grace", &c.RefreshGrace, 10 * time.Second, time.Millisecond, 5 * time.Minute, NoGrace},
		{"time that events are kept", &c.KeepEvents, 7 * 24 * time.Hour, time.Hour, 90 * 24 * time.Hour, 0},
		{"key period", &c.KeyPeriod, 30 * 24 * time.Hour, time.Hour, 10 * 365 * 24 * time.Hour, NoRotation},
		{"audit retention", &c.AuditKeep, 90 * 24 * time.Hour, time.Hour, 100 * 365 * 24 * time.Hour, KeepAudit},
	} {
		switch {
		case *d.value == 0:
			*d.value = d.def
		case d.none != 0 && *d.value == d.none:
			*d.value = 0
		case *d.value < d.min || *d.value > d.max:
			return bad("the %s must be between %s and %s", d.name, d.min, d.max)
		}
	}
	if c.FeedReaders == 0 {
		c.FeedReaders = 10_000
	}
	c.LongestAccessTTL = max(c.LongestAccessTTL, c.AccessTTL)
	if c.FeedReaders < 0 || c.LongestAccessTTL > 24*time.Hour {
		return bad("a negative number of feed readers, or a longest access TTL over 24h")
	}
	c.EventReceivers = slices.Clone(c.EventReceivers)
	if err := checkReceivers(c.EventReceivers); err != nil {
		return c, err
	}
	if c.StatusListTTL != 0 && (c.StatusListTTL < time.Second || c.StatusListTTL > time.Hour || c.StatusListTTL%time.Second != 0) {
		return bad("the status list TTL must be whole seconds between 1s and 1h, or 0 for none")
	}
	if c.LoginLimits, err = c.LoginLimits.complete(); err != nil {
		return c, err
	}
	if c.MaxSessions < 0 {
		return bad("a negative number of sessions")
	}
	if c.RefreshGrace > 0 && c.RefreshIdle > 0 && c.RefreshIdle <= c.RefreshGrace {
		return bad("the refresh idle time must be longer than the refresh grace")
	}
	if c.ClientID == "" {
		c.ClientID = "jeton-login"
	}
	return c, nil
}

// completePasswords completes the part of a Config that an Admin needs.
func (c Config) completePasswords() (Config, error) {
	if c.Store == nil || c.Now == nil {
		return c, because(ErrConfig, "store and clock are required")
	}
	if c.HashSlots == 0 {
		c.HashSlots = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if c.HashQueue == 0 {
		c.HashQueue = 64
	}
	if c.HashWait == 0 {
		c.HashWait = 2 * time.Second
	}
	if c.HashSlots < 0 || c.HashQueue < 0 || c.HashWait < 0 {
		return c, because(ErrConfig, "negative hash slots, queue or wait")
	}
	c.Password = c.Password.withDefaults()
	if err := c.Password.check(); err != nil {
		return c, because(ErrConfig, "%w", err)
	}
	return c, nil
}

// SupportsAudience tells whether the issuer makes tokens for an audience.
func (i *Issuer) SupportsAudience(name string) bool {
	return slices.Contains(i.cfg.Audiences, name)
}

// audience picks the audience of a session.
func (i *Issuer) audience(asked string) ([]string, error) {
	if asked == "" {
		return []string{i.cfg.Audiences[0]}, nil
	}
	if !i.SupportsAudience(asked) {
		return nil, fmt.Errorf("%w", ErrInvalidTarget)
	}
	return []string{asked}, nil
}
