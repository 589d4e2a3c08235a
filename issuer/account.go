package issuer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jeton-go/jeton/internal/base64url"
)

// Admin does what operators do: it keeps users and revokes sessions. It needs no
// keys, so a command can do its work beside a running service without having a
// say in how that one signs. It is safe for concurrent use.
type Admin struct {
	store    Store
	password PasswordParams
	hasher   hasher
	gate     *gate
	now      func() time.Time
	onEvent  func(context.Context, Event)
	wake     func()      // of the feed, after a revocation; nil if there is none
	note     func(Entry) // of a cut-off; nil like wake
	onWork   func(context.Context, Work) func(error)
	counts   *counters
}

// NewAdmin makes an Admin. Of the configuration it uses the store, the clock,
// what is about passwords, and OnEvent.
func NewAdmin(cfg Config) (*Admin, error) {
	cfg, err := cfg.completePasswords()
	if err != nil {
		return nil, err
	}
	return newAdmin(cfg), nil
}

func newAdmin(cfg Config) *Admin {
	return &Admin{
		store:    cfg.Store,
		password: cfg.Password,
		hasher:   cfg.HashElsewhere,
		gate:     newGate(cfg.HashSlots, cfg.HashQueue, cfg.HashWait),
		now:      cfg.Now,
		onEvent:  cfg.OnEvent,
		onWork:   cfg.OnWork,
		counts:   &counters{},
	}
}

// NewUser is what a user is made of. It hides itself from fmt and slog.
type NewUser struct {
	Name     string
	Password string
	Scopes   []string // what the user may ask for at login
	Roles    []string // the "roles" claim of the user's access tokens
}

// Format writes the name and not the password, whatever the verb.
func (n NewUser) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "issuer.NewUser(%q, redacted)", n.Name) }

// LogValue returns what Format writes.
func (n NewUser) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(n)) }

// AddUser makes a user. Errors: ErrInvalidRequest, ErrExists, ErrBusy, those of
// the store.
func (a *Admin) AddUser(ctx context.Context, n NewUser) (User, error) {
	name, err := prepareUsername(n.Name)
	if err != nil {
		return User{}, err
	}
	scopes, err := checkScopes(n.Scopes)
	if err != nil {
		return User{}, err
	}
	if err := checkRoles(n.Roles); err != nil {
		return User{}, err
	}
	if claimSize(strings.Join(scopes, " "))+claimSize(n.Roles) > maxRightsBytes {
		return User{}, badRequest("scopes and roles have at most %d bytes together, as JSON: they must fit into a token", maxRightsBytes)
	}
	hash, err := a.newHash(ctx, n.Password)
	if err != nil {
		return User{}, err
	}
	id := make([]byte, 16)
	rand.Read(id)
	subject := base64url.Encode(id)
	return a.store.CreateUser(ctx, User{
		ID:           subject,
		Name:         name,
		PasswordHash: hash,
		Scopes:       scopes,
		Roles:        slices.Clone(n.Roles),
	}, audited(ctx, AuditRecord{
		Action: AuditUserAdd, Subject: subject, User: name,
		Detail: "scopes: " + strings.Join(scopes, " ") + "; roles: " + strings.Join(n.Roles, " "),
	}))
}

// What a user may have goes into one access token, of which verifiers accept 8
// KiB and 512 members.
const (
	maxRightsBytes = 4096
	maxRoles       = 256
)

// checkScopes returns scopes without repetitions.
func checkScopes(scopes []string) ([]string, error) {
	var out []string
	for _, scope := range scopes {
		names, err := ParseScope(scope)
		if err != nil {
			return nil, err
		}
		if len(names) != 1 || names[0] != scope {
			return nil, badRequest("a scope is one name without spaces")
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	return out, nil
}

func checkRoles(roles []string) error {
	if len(roles) > maxRoles {
		return badRequest("a user has at most %d roles", maxRoles)
	}
	for _, role := range roles {
		if role == "" || !utf8.ValidString(role) || strings.ContainsFunc(role, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return badRequest("a role has one or more printable characters")
		}
	}
	return nil
}

// claimSize is the length of a claim's value in a token.
func claimSize(value any) int {
	b, err := json.Marshal(value)
	if err != nil {
		panic("issuer: " + err.Error()) // strings always have a JSON form
	}
	return len(b)
}

// User returns a user by name. ErrNotFound, ErrInvalidRequest.
func (a *Admin) User(ctx context.Context, name string) (User, error) {
	name, err := prepareUsername(name)
	if err != nil {
		return User{}, err
	}
	return a.store.User(ctx, name)
}

// Users lists all users, by name.
func (a *Admin) Users(ctx context.Context) ([]User, error) { return a.store.Users(ctx) }

// SetPassword gives a user a new password and revokes all of the user's
// sessions. Errors: ErrNotFound, ErrInvalidRequest, ErrBusy.
func (a *Admin) SetPassword(ctx context.Context, name, password string) error {
	user, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	hash, err := a.newHash(ctx, password)
	if err != nil {
		return err
	}
	done, err := a.store.SetPassword(ctx, user.Name, hash, audited(ctx, AuditRecord{
		Action: AuditUserPassword, Subject: user.ID, User: user.Name, Reason: ReasonPassword,
	}))
	if err != nil {
		return err
	}
	a.revoked(ctx, done, user.ID, ReasonPassword)
	return nil
}

// SetDisabled disables a user, which revokes all of the user's sessions, or
// enables one again. Errors: ErrNotFound, ErrInvalidRequest.
func (a *Admin) SetDisabled(ctx context.Context, name string, disabled bool) error {
	user, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	r := AuditRecord{Action: AuditUserEnable, Subject: user.ID, User: user.Name}
	if disabled {
		r.Action, r.Reason = AuditUserDisable, ReasonDisabled
	}
	done, err := a.store.SetDisabled(ctx, user.Name, disabled, audited(ctx, r))
	if err != nil {
		return err
	}
	a.revoked(ctx, done, user.ID, ReasonDisabled)
	return nil
}
