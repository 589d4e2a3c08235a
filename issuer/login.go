package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LoginRequest is a login with a password. It hides itself from fmt and slog, the
// user name too: people type their password there.
type LoginRequest struct {
	Username string
	Password string
	Device   string // label for the list of sessions; at most 128 bytes
	// DeviceToken is the TokenPair.DeviceToken of an earlier login on the same
	// device, if there was one. With it, this login does not suffer from the
	// failed ones of others. One that is not good counts as none.
	DeviceToken string
	Audience    string // one of Config.Audiences; "" for the first
	// Scope is what the client asks for, space-delimited; "" for all that the
	// user may have. What the user may not have is left out, and the answer
	// says what was granted (RFC 6749 section 3.3).
	Scope string
}

// Format writes "issuer.LoginRequest(redacted)", whatever the verb.
func (LoginRequest) Format(f fmt.State, _ rune) { io.WriteString(f, "issuer.LoginRequest(redacted)") }

// LogValue returns what Format writes.
func (r LoginRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

const maxDeviceBytes = 128

// Login checks a password and opens a session. Errors: ErrInvalidRequest,
// ErrInvalidCredentials, ErrTooManyFailures (a [RetryError]), ErrInvalidTarget,
// ErrBusy, ErrDevice, those of the store.
func (i *Issuer) Login(ctx context.Context, req LoginRequest) (*TokenPair, error) {
	pair, err := i.login(ctx, req)
	i.counts.loginError(err)
	return pair, err
}

func (i *Issuer) login(ctx context.Context, req LoginRequest) (*TokenPair, error) {
	// Whatever can be refused without a hash is refused before one.
	name, err := prepareUsername(req.Username)
	if err != nil {
		return nil, err
	}
	password, err := preparePassword(req.Password)
	if err != nil {
		return nil, err
	}
	if err := checkDevice(req.Device); err != nil {
		return nil, err
	}
	asked, err := ParseScope(req.Scope)
	if err != nil {
		return nil, err
	}
	audience, err := i.audience(req.Audience)
	if err != nil {
		return nil, err
	}

	// A session whose tokens can't be signed is not opened.
	if err := i.deviceReady(ctx); err != nil {
		return nil, err
	}
	try := i.guard.try(ctx, name, req.DeviceToken)
	if err := try.check(ctx); err != nil {
		return nil, i.slowed(ctx, err)
	}
	stored, err := i.store.User(ctx, name)
	user := &stored
	if errors.Is(err, ErrNotFound) {
		user = nil
	} else if err != nil {
		return nil, err
	}
	ok, rehash, err := i.checkPassword(ctx, password, user, try.begin)
	defer try.end()
	if err != nil {
		return nil, i.slowed(ctx, err)
	}
	if outcome, why := refusal(user, ok); why != "" {
		// What can't be counted is not answered either: it would be a guess for
		// free.
		if err := try.failed(ctx); err != nil {
			return nil, err
		}
		return nil, i.refuseLogin(ctx, user, outcome, why)
	}
	if rehash != "" {
		// A failure here costs nothing: the next login tries again.
		if err := i.store.Rehash(ctx, name, user.PasswordHash, rehash); err != nil && !errors.Is(err, ErrConflict) {
			i.emit(ctx, Event{Kind: EventWarning, Subject: user.ID, Detail: "the password could not be hashed again with the configured costs: " + err.Error()})
		}
	}

	claims, err := sessionClaims(user)
	if err != nil {
		return nil, err
	}
	id := i.newSessionID(i.cfg.ClientID)
	// What was refused before goes along, so that the log has it before.
	told := append(i.trail.take(i.now(), false), audited(ctx, AuditRecord{
		Action: AuditLogin, Actor: actorUser(user.ID), Subject: user.ID, User: user.Name, ClientID: i.cfg.ClientID, Session: id.String(),
	}))
	created, err := i.store.CreateSession(ctx, NewSession{
		ID:          id,
		Subject:     user.ID,
		ClientID:    i.cfg.ClientID,
		Seed:        NewSeed(),
		Lifetime:    i.cfg.RefreshTTL,
		IdleTimeout: i.cfg.RefreshIdle,
		Audience:    audience,
		Scope:       grant(asked, user.Scopes),
		Claims:      claims,
		Device:      req.Device,
		User:        &UserCondition{ID: user.ID, Version: user.Version},
		MaxLive:     i.cfg.MaxSessions,
		Audit:       told,
	})
	if err != nil {
		i.trail.giveBack(told[:len(told)-1])
	}
	if errors.Is(err, ErrConflict) {
		// Between the hash and here the password changed or the user was
		// disabled.
		return nil, i.refuseLogin(ctx, user, LoginUserChanged, "the user changed during the login")
	}
	if err != nil {
		return nil, err
	}
	s := &created.Session
	i.emit(ctx, Event{Kind: EventLogin, At: s.CreatedAt, Subject: s.Subject, ClientID: s.ClientID, Sessions: []SessionID{s.ID}})
	if len(created.Ended) > 0 {
		i.revoked(ctx, Revoked{At: s.CreatedAt, Sessions: created.Ended}, s.Subject, ReasonLimit)
	}
	if err := try.succeeded(ctx); err != nil {
		i.emit(ctx, Event{Kind: EventWarning, Subject: user.ID, Detail: "the failed logins before a good one stay counted: " + err.Error()})
	}
	pair, err := i.pair(s, s.Scope)
	if err != nil {
		return nil, err
	}
	pair.DeviceToken = try.deviceToken()
	return pair, nil
}

// slowed tells the operator of a login that came too soon.
func (i *Issuer) slowed(ctx context.Context, err error) error {
	var slow *RetryError
	if errors.As(err, &slow) {
		i.emit(ctx, Event{Kind: EventLoginSlowed, Detail: string(slow.Limit)})
		i.trail.add(i.now(), audited(ctx, AuditRecord{
			Action: AuditLoginRefused, Actor: ActorUnknown, ClientID: i.cfg.ClientID, Detail: "too soon after failures: " + string(slow.Limit),
		}))
	}
	return err
}

// refuseLogin tells the operator why a login was refused. The error is the same
// whatever the reason: a program that shows it tells nobody which users exist.
func (i *Issuer) refuseLogin(ctx context.Context, user *User, outcome LoginOutcome, why string) error {
	i.counts.login(outcome)
	e := Event{Kind: EventLoginRefused, Detail: why}
	// Of an unknown user not even the name is kept: people type their password
	// there.
	r := AuditRecord{Action: AuditLoginRefused, Actor: ActorUnknown, ClientID: i.cfg.ClientID, Detail: why}
	if user != nil {
		e.Subject = user.ID
		r.Subject, r.User = user.ID, user.Name
	}
	i.trail.add(i.now(), audited(ctx, r))
	i.emit(ctx, e)
	return ErrInvalidCredentials
}

func refusal(user *User, passwordOK bool) (outcome LoginOutcome, why string) {
	switch {
	case user == nil:
		return LoginUnknownUser, "no such user"
	case !passwordOK:
		return LoginWrongPassword, "wrong password"
	case user.Disabled:
		return LoginDisabled, "the user is disabled"
	}
	return LoginOK, ""
}

// grant is what a login gets of what it asked for.
func grant(asked, allowed []string) string {
	if len(asked) == 0 {
		return strings.Join(allowed, " ")
	}
	granted := slices.DeleteFunc(slices.Clone(asked), func(name string) bool {
		return !slices.Contains(allowed, name)
	})
	return strings.Join(granted, " ")
}

func sessionClaims(user *User) ([]byte, error) {
	if len(user.Roles) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"roles": user.Roles})
}

func checkDevice(label string) error {
	if len(label) > maxDeviceBytes || !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return badRequest("a device label has at most %d bytes of printable characters", maxDeviceBytes)
	}
	return nil
}
