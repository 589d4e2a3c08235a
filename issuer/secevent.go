package issuer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
)

const (
	// SecurityEventType is the "typ" of a security event token (RFC 8417
	// section 2.3).
	SecurityEventType = "secevent+jwt"
	// SessionRevokedEvent is the event that the tokens tell of (OpenID CAEP 1.0
	// section 3.1).
	SessionRevokedEvent = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	// MaxPolledEvents bounds the events of one answer.
	MaxPolledEvents = 100

	maxReceivers = 100
	// noticeInterval is how often a poll that waits looks for what other nodes
	// and commands revoked.
	noticeInterval = 500 * time.Millisecond
	// nameAgain is how often the store is told that the receivers are still
	// wanted.
	nameAgain = 10 * time.Minute
)

// EventPoll asks for what a receiver was not told of yet (RFC 8936 section 2.2).
type EventPoll struct {
	Receiver string
	// Max bounds the answer; more than MaxPolledEvents is that. 0 acknowledges
	// and asks for nothing.
	Max int
	// Acknowledged are the "jti" of tokens that have arrived and need not come
	// again, whether the receiver could use them or not. Others than those that
	// wait for it are passed over.
	Acknowledged []string
	// Refused are those of tokens that the receiver could not use, with its
	// reason, an error code of RFC 8936 section 2.6. They don't come again
	// either; the operator is told.
	Refused map[string]string
}

// SecurityEvents is an answer to an EventPoll.
type SecurityEvents struct {
	Events []SecurityEvent // oldest first
	More   bool            // there are more than Max
}

// SecurityEvent is a signed event. Until it is acknowledged it is told again, with
// the same ID, and signed anew.
type SecurityEvent struct {
	ID    string // "jti"
	Token string // a JWT of SecurityEventType
}

// secEvents signs events and wakes up who waits for them.
type secEvents struct {
	issuer *Issuer

	mu         sync.Mutex // of what follows
	signing    *jeton.SigningKey
	signer     *jeton.Signer
	changed    chan struct{} // closed and replaced when there may be something new
	namedAfter time.Time
}

func newSecEvents(i *Issuer) *secEvents {
	return &secEvents{issuer: i, changed: make(chan struct{})}
}

// secEventClaims is the claims set of a security event token: no "sub" and no
// "exp" (RFC 8417 sections 2.2 and 4.5), so that none passes for an access token.
type secEventClaims struct {
	Issuer   string            `json:"iss"`
	Audience string            `json:"aud"`
	IssuedAt jeton.NumericDate `json:"iat"`
	ID       string            `json:"jti"`
	Subject  complexSubject    `json:"sub_id"`
	Events   map[string]any    `json:"events"`
}

// complexSubject names a session and whose it is (RFC 9493, and section 3.2 of
// OpenID Shared Signals 1.0 for the format "complex").
type complexSubject struct {
	Format  string        `json:"format"`
	User    issuerSubject `json:"user"`
	Session opaqueID      `json:"session"`
}

type issuerSubject struct {
	Format  string `json:"format"`
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
}

type opaqueID struct {
	Format string `json:"format"`
	ID     string `json:"id"`
}

// sessionRevoked is the event itself. CAEP has reasons by language.
type sessionRevoked struct {
	At        int64             `json:"event_timestamp"`
	Initiator string            `json:"initiating_entity,omitempty"`
	Reason    map[string]string `json:"reason_admin,omitempty"`
}

// initiators are CAEP's names for who revokes for a reason, as far as a reason
// tells.
var initiators = map[Reason]string{
	ReasonLogout:   "user",
	ReasonReuse:    "policy",
	ReasonLimit:    "policy",
	ReasonDisabled: "admin",
}

// EventReceivers returns the names of Config.EventReceivers.
func (i *Issuer) EventReceivers() []string { return slices.Clone(i.cfg.EventReceivers) }

// PollEvents takes note of what a receiver acknowledges and returns what waits
// for it, oldest first. What was acknowledged is so for every issuer on the
// store, durably; what was not comes again. With nothing to return it waits until
// wait is over or something comes. Errors: ErrNotFound for a receiver that is not
// in the configuration, those of the store.
func (i *Issuer) PollEvents(ctx context.Context, p EventPoll, wait time.Duration) (SecurityEvents, error) {
	if !slices.Contains(i.cfg.EventReceivers, p.Receiver) {
		return SecurityEvents{}, because(ErrNotFound, "no such receiver of events")
	}
	if err := i.acknowledge(ctx, p); err != nil {
		return SecurityEvents{}, err
	}
	if p.Max <= 0 {
		return SecurityEvents{}, nil
	}
	limit := min(p.Max, MaxPolledEvents)
	over := time.NewTimer(max(0, wait))
	defer over.Stop()
	look := time.NewTicker(noticeInterval)
	defer look.Stop()
	for {
		changed := i.events.waitForChange() // before looking
		notices, err := i.store.Notices(ctx, p.Receiver, limit+1)
		if err != nil {
			return SecurityEvents{}, err
		}
		if len(notices) > 0 || wait <= 0 {
			return i.events.tell(p.Receiver, notices, limit)
		}
		select {
		case <-changed:
		case <-look.C:
		case <-over.C:
			wait = 0 // and once more
		case <-i.feed.ended:
			return SecurityEvents{}, nil
		case <-ctx.Done():
			return SecurityEvents{}, ctx.Err()
		}
	}
}

func (i *Issuer) acknowledge(ctx context.Context, p EventPoll) error {
	var ids []NoticeID
	for _, text := range p.Acknowledged {
		if id, ok := parseNoticeID(text); ok {
			ids = append(ids, id)
		}
	}
	for text, code := range p.Refused {
		id, ok := parseNoticeID(text)
		if !ok {
			continue
		}
		ids = append(ids, id)
		i.emit(ctx, Event{Kind: EventWarning, Sessions: []SessionID{id.Session},
			Detail: fmt.Sprintf("the receiver %s could not use a security event: %s", p.Receiver, errorCode(code))})
	}
	if len(ids) == 0 {
		return nil
	}
	return i.store.DropNotices(ctx, p.Receiver, ids)
}

// errorCode is what a log may have of what a receiver sent.
func errorCode(code string) string {
	strange := func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' }
	if code == "" || len(code) > 40 || strings.ContainsFunc(code, strange) {
		return "no code of RFC 8936"
	}
	return code
}

// wakeUp has polls look again.
func (e *secEvents) wakeUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *secEvents) waitForChange() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed
}

// tell signs notices, up to limit.
func (e *secEvents) tell(receiver string, notices []Notice, limit int) (SecurityEvents, error) {
	out := SecurityEvents{More: len(notices) > limit}
	signer, err := e.eventSigner()
	if err != nil {
		return SecurityEvents{}, err
	}
	for _, n := range notices[:min(limit, len(notices))] {
		iss := e.issuer.cfg.Issuer
		event := sessionRevoked{At: n.At.Unix(), Initiator: initiators[n.Reason]}
		if n.Reason != "" {
			event.Reason = map[string]string{"en": string(n.Reason)}
		}
		token, err := signer.Sign(secEventClaims{
			Issuer:   iss,
			Audience: receiver,
			IssuedAt: jeton.At(n.At.Truncate(time.Second)), // the same each time it is told
			ID:       n.NoticeID.String(),
			Subject: complexSubject{
				Format:  "complex",
				User:    issuerSubject{"iss_sub", iss, n.Subject},
				Session: opaqueID{"opaque", n.Session.String()},
			},
			Events: map[string]any{SessionRevokedEvent: event},
		})
		if err != nil {
			return SecurityEvents{}, err
		}
		out.Events = append(out.Events, SecurityEvent{n.NoticeID.String(), token})
	}
	return out, nil
}

// eventSigner is a signer of events for the active key.
func (e *secEvents) eventSigner() (*jeton.Signer, error) {
	key := e.issuer.ring.Load().signing
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.signing != key {
		// A subject may be longer than a token usually is.
		signer, err := jeton.NewSigner(key, jeton.Type(SecurityEventType), jeton.TokenLimits(jeton.Limits{TokenBytes: 128 << 10}))
		if err != nil {
			return nil, err
		}
		e.signing, e.signer = key, signer
	}
	return e.signer, nil
}

// name tells the store who the receivers are, now and then.
func (e *secEvents) name(ctx context.Context) error {
	now := e.issuer.cfg.Now()
	e.mu.Lock()
	due := !now.Before(e.namedAfter)
	e.mu.Unlock()
	if !due || len(e.issuer.cfg.EventReceivers) == 0 {
		return nil
	}
	if err := e.issuer.store.NameReceivers(ctx, e.issuer.cfg.EventReceivers); err != nil {
		return fmt.Errorf("name the receivers of events: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.namedAfter = now.Add(nameAgain)
	return nil
}

// checkReceivers checks Config.EventReceivers.
func checkReceivers(names []string) error {
	if len(names) > maxReceivers {
		return because(ErrConfig, "more than %d receivers of events", maxReceivers)
	}
	for j, name := range names {
		if name == "" || len(name) > 256 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return because(ErrConfig, "a receiver of events has a name of at most 256 visible ASCII characters")
		}
		if slices.Contains(names[:j], name) {
			return because(ErrConfig, "two receivers of events of one name")
		}
	}
	return nil
}
