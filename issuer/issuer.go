package issuer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeton-go/jeton"
)

// AccessTokenType is the "typ" of access tokens (RFC 9068 section 2.1).
const AccessTokenType = "at+jwt"

// Issuer is the token service. It is safe for concurrent use, holds no state of
// its own but opened keys, what it read of the revocation log and what it counts
// by address, and any number of issuers may share one store.
type Issuer struct {
	*Admin
	cfg      Config
	ring     atomic.Pointer[ring]
	loading  sync.Mutex // held while the ring is replaced, or the master key
	master   MasterKey
	reloaded time.Time // when the master key was last looked for in vain
	verifier *jeton.Verifier
	dummy    parsedHash // that of no password
	noSeed   Seed       // of a session that does not exist
	feed     *Feed
	recalls  *recalls
	status   *statusLists // nil: none are published
	guard    *loginGuard
	events   *secEvents
	trail    trail

	sealing    sync.Mutex // held while the audit log is sealed
	seal       AuditSeal  // the latest that this process knows
	unsealable bool       // the audit log does not hold
}

// New makes an issuer. On an empty store it makes the first keys; where the
// configured algorithm is not the active key's, it rotates. Errors: ErrConfig,
// ErrMasterKey, those of the store.
func New(ctx context.Context, cfg Config) (*Issuer, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	i := &Issuer{Admin: newAdmin(cfg), cfg: cfg, master: cfg.MasterKey, dummy: nobodysHash(cfg.Password), noSeed: NewSeed()}
	if err := i.loadKeys(ctx, true); err != nil {
		return nil, err
	}
	if r := i.ring.Load(); r.inDevice {
		if _, err := r.signer.Sign(struct{}{}); err != nil { // better now than at the first login
			return nil, err
		}
	}
	i.guard = newLoginGuard(cfg, i.ring.Load().root)
	i.feed = newFeed(i, cfg.Store)
	i.recalls = newRecalls(i)
	i.events = newSecEvents(i)
	if err := i.events.name(ctx); err != nil {
		return nil, err
	}
	if cfg.StatusListTTL > 0 {
		i.status = newStatusLists(i)
	}
	if err := i.recalls.read(ctx); err != nil {
		return nil, err
	}
	i.note = i.recalls.note
	i.wake = func() { i.feed.wakeUp(); i.events.wakeUp() }
	i.verifier, err = jeton.NewVerifier(keySetFunc(i.findKey), jeton.Policy{
		Issuer:      cfg.Issuer,
		AnyAudience: true, // any of this issuer's, which sessionCheck sees to
		Type:        AccessTokenType,
		Leeway:      Leeway,
		Revocations: sessionCheck{i},
		Now:         cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// Issuer returns the "iss" of the issuer's tokens.
func (i *Issuer) Issuer() string { return i.cfg.Issuer }

// Now reads the wall clock that the issuer was made with.
func (i *Issuer) Now() time.Time { return i.cfg.Now() }

// Verifier verifies this issuer's own access tokens, of any of its audiences.
// It asks the store about the session, so that a revocation counts from the
// moment it was answered; a cut-off ([Admin.RevokeIssued]) does so on the issuer
// that was asked for it, and on the others once they [Issuer.Tick]. An API elsewhere verifies without the store.
func (i *Issuer) Verifier() *jeton.Verifier { return i.verifier }

// Ping returns nil if the service can work now: the store, and the device that
// the key which signs is in, if it is in one.
func (i *Issuer) Ping(ctx context.Context) error {
	if err := i.store.Ping(ctx); err != nil {
		return err
	}
	return i.deviceReady(ctx)
}

// sessionCheck refuses access tokens whose session is revoked or over.
type sessionCheck struct{ *Issuer }

func (c sessionCheck) CheckRevoked(ctx context.Context, v *jeton.Verified) error {
	forUs := false
	for _, name := range v.Claims().Audience {
		forUs = forUs || c.SupportsAudience(name)
	}
	if !forUs {
		return because(jeton.ErrAudience, "none of this issuer's")
	}
	id, err := ParseSessionID(v.StringClaim("sid"))
	if err != nil {
		return because(jeton.ErrRevoked, "no session id")
	}
	s, now, err := c.store.Session(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return because(jeton.ErrRevoked, "no such session")
	case err != nil:
		return err
	case s.Subject != v.Subject():
		return because(jeton.ErrRevoked, "the session is another subject's")
	case !s.Live(now):
		return because(jeton.ErrRevoked, "the session is over")
	case c.recalls.calledBack(v.Subject(), v.StringClaim("client_id"), v.IssuedAt()):
		return because(jeton.ErrRevoked, "issued before a cut-off")
	}
	return nil
}
