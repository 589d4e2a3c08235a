package issuer

import (
	"context"
	"time"
)

// EventKind names what happened.
type EventKind string

// The kinds of events.
const (
	EventLogin        EventKind = "login"         // a session was opened
	EventLoginRefused EventKind = "login_refused" // Detail says why
	EventLoginSlowed  EventKind = "login_slowed"  // a login came too soon after others failed; its password was not looked at. Detail says which limit
	EventRefresh      EventKind = "refresh"       // a session rotated
	EventReuse        EventKind = "reuse"         // a superseded refresh token came back: the session was revoked
	EventStoreBehind  EventKind = "store_behind"  // an authentic refresh token was newer than the store
	EventRevoked      EventKind = "revoked"       // sessions were revoked; Reason says why
	EventKey          EventKind = "key"           // a key was made, retired or removed
	EventWarning      EventKind = "warning"       // something an operator should look at
)

// Event is something that happened, for a log or an audit trail. It never holds
// a token, a password or a key.
type Event struct {
	Kind     EventKind
	At       time.Time
	Subject  string
	ClientID string
	Sessions []SessionID
	Reason   Reason
	Detail   string // for operators
}

func (a *Admin) emit(ctx context.Context, e Event) {
	if a.onEvent == nil {
		return
	}
	if e.At.IsZero() {
		e.At = a.now()
	}
	a.onEvent(ctx, e)
}
