//go:build pkcs11 && cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/jeton-go/jeton/issuer"
)

// Token is a token of PKCS#11. It is safe for concurrent use.
type Token struct {
	opts Options

	// using is held for reading while the module works and for writing while the
	// connection changes: C_Finalize under a running call is undefined.
	using  sync.RWMutex
	module *p11.Ctx
	conn   *connection // nil: there is none

	failed   error // of the last try to connect
	failedAt time.Time
	badPIN   [sha256.Size]byte // the digest of one that was wrong
}

var _ issuer.Device = (*Token)(nil)

// retryEvery is how long a token that could not be connected to is left alone.
const retryEvery = time.Second

func (o Options) complete() (Options, error) {
	if o.Module == "" || o.Token == "" || o.PIN == nil || o.Now == nil || o.Sessions < 0 {
		return o, errors.New("pkcs11: module, token, PIN and clock are required, and the number of sessions is not negative")
	}
	if o.Sessions == 0 {
		o.Sessions = 8
	}
	return o, nil
}

// connection is a login at a token. It ends whole.
type connection struct {
	module  *p11.Ctx
	slot    uint
	login   p11.SessionHandle      // stays open: the login ends with the last session
	free    chan p11.SessionHandle // 0 is one that is not open yet
	objects sync.Map               // p11.ObjectHandle by location
}

var (
	errNoKey = errors.New("there is no such key in the token")
	errPIN   = errors.New("the PIN is wrong")
)

// Open loads the module and logs in at the token. Errors: issuer.ErrDevice with
// the reason.
func Open(_ context.Context, opts Options) (*Token, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	t := &Token{opts: opts, module: p11.New(opts.Module)}
	if t.module == nil {
		return nil, fmt.Errorf("%w: the module %s can't be loaded: is it there, and for this architecture?", issuer.ErrDevice, opts.Module)
	}
	if _, err := t.connect(nil); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close logs out and lets go of the module.
func (t *Token) Close() error {
	t.using.Lock()
	defer t.using.Unlock()
	if t.module == nil {
		return nil
	}
	t.hangUp()
	t.module.Destroy()
	t.module, t.conn, t.failed = nil, nil, fmt.Errorf("%w: closed", issuer.ErrDevice)
	return nil
}

// hangUp ends the connection and the module's work. t.using is held.
func (t *Token) hangUp() {
	if t.conn != nil {
		t.module.CloseAllSessions(t.conn.slot) // it may be gone: whatever is left goes with the next line
	}
	t.module.Finalize()
	t.conn = nil
}

// connect returns the connection, and makes another one if it is broken, the one
// that a caller found no good, or nil.
func (t *Token) connect(broken *connection) (*connection, error) {
	t.using.Lock()
	defer t.using.Unlock()
	if t.conn != nil && t.conn != broken {
		return t.conn, nil // somebody else was faster
	}
	if t.module == nil {
		return nil, t.failed
	}
	now := t.opts.Now()
	if since := now.Sub(t.failedAt); t.conn == nil && t.failed != nil && since >= 0 && since < retryEvery {
		return nil, t.failed
	}
	t.hangUp()
	conn, err := t.dial()
	if err != nil {
		t.hangUp()
		t.failed, t.failedAt = fmt.Errorf("%w: token %q: %w", issuer.ErrDevice, t.opts.Token, err), now
		return nil, t.failed
	}
	t.conn, t.failed = conn, nil
	return conn, nil
}

func (t *Token) dial() (*connection, error) {
	pin, err := t.opts.PIN()
	if err != nil {
		return nil, err
	}
	if sha256.Sum256([]byte(pin)) == t.badPIN {
		return nil, fmt.Errorf("%w, and is not tried again until it changes", errPIN)
	}
	// All modules that this program loads are one application to the token.
	if err := t.module.Initialize(); err != nil && err != p11.Error(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return nil, err
	}
	slot, most, err := t.find()
	if err != nil {
		return nil, err
	}
	c := &connection{module: t.module, slot: slot}
	if c.login, err = c.session(); err != nil {
		return nil, err
	}
	switch err := t.module.Login(c.login, p11.CKU_USER, pin); err {
	case nil, p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN):
	case p11.Error(p11.CKR_PIN_INCORRECT), p11.Error(p11.CKR_PIN_LEN_RANGE), p11.Error(p11.CKR_PIN_INVALID):
		t.badPIN = sha256.Sum256([]byte(pin))
		return nil, errPIN
	case p11.Error(p11.CKR_PIN_LOCKED):
		return nil, errors.New("the PIN is locked after too many wrong ones")
	default:
		return nil, fmt.Errorf("log in: %w", err)
	}
	sessions := t.opts.Sessions
	if most > 1 && uint(sessions) > most-1 {
		sessions = int(most - 1)
	}
	c.free = make(chan p11.SessionHandle, sessions)
	for range sessions {
		c.free <- 0
	}
	return c, nil
}

// find returns the slot of the token with the label, and how many sessions it
// allows; 0 if it does not say.
func (t *Token) find() (slot, sessions uint, err error) {
	slots, err := t.module.GetSlotList(true)
	if err != nil {
		return 0, 0, fmt.Errorf("list the tokens: %w", err)
	}
	var others []string
	found := 0
	for _, s := range slots {
		info, err := t.module.GetTokenInfo(s)
		if err != nil || info.Flags&p11.CKF_TOKEN_INITIALIZED == 0 {
			continue // taken out this moment, or empty
		}
		if label := strings.TrimRight(info.Label, " \x00"); label != t.opts.Token {
			others = append(others, fmt.Sprintf("%q", label))
			continue
		}
		found++
		slot, sessions = s, info.MaxSessionCount
	}
	switch {
	case found > 1:
		return 0, 0, errors.New("several tokens have this label")
	case found == 0 && len(others) == 0:
		return 0, 0, errors.New("it is not there, and no other token is")
	case found == 0:
		return 0, 0, fmt.Errorf("it is not there; there are %s", strings.Join(others, ", "))
	}
	if sessions == p11.CK_EFFECTIVELY_INFINITE || sessions > 1<<16 {
		sessions = 0
	}
	return slot, sessions, nil
}

func (c *connection) session() (p11.SessionHandle, error) {
	h, err := c.module.OpenSession(c.slot, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	if err != nil {
		return 0, fmt.Errorf("open a session: %w", err)
	}
	return h, nil
}

// do has the token do something, and once more with another connection if the
// first one turns out to be broken.
func (t *Token) do(work func(*connection, p11.SessionHandle) error) error {
	var broken *connection
	for {
		c, err := t.connect(broken)
		if err != nil {
			return err
		}
		again, err := t.try(c, work)
		switch {
		case err == nil:
			return nil
		case again && broken == nil:
			broken = c
		default:
			return fmt.Errorf("%w: token %q: %w", issuer.ErrDevice, t.opts.Token, err)
		}
	}
}

// try works with a connection, and tells whether another one may do better.
func (t *Token) try(c *connection, work func(*connection, p11.SessionHandle) error) (again bool, err error) {
	t.using.RLock()
	defer t.using.RUnlock()
	if t.conn != c {
		return true, errors.New("the connection ended")
	}
	h := <-c.free
	defer func() { c.free <- h }()
	if h == 0 {
		if h, err = c.session(); err != nil {
			h = 0
			return true, err
		}
	}
	if err = work(c, h); err == nil {
		return false, nil
	}
	// An operation may be left open in this session.
	c.module.CloseSession(h)
	h = 0
	return !final(err), err
}

// final tells whether an error stays the same over another connection.
func final(err error) bool {
	for _, code := range []uint{
		p11.CKR_MECHANISM_INVALID, p11.CKR_MECHANISM_PARAM_INVALID, p11.CKR_KEY_TYPE_INCONSISTENT,
		p11.CKR_KEY_FUNCTION_NOT_PERMITTED, p11.CKR_TEMPLATE_INCONSISTENT, p11.CKR_TEMPLATE_INCOMPLETE,
		p11.CKR_ATTRIBUTE_TYPE_INVALID, p11.CKR_ATTRIBUTE_VALUE_INVALID, p11.CKR_DATA_LEN_RANGE,
		p11.CKR_CURVE_NOT_SUPPORTED, p11.CKR_TOKEN_WRITE_PROTECTED,
	} {
		if errors.Is(err, p11.Error(code)) {
			return true
		}
	}
	return errors.Is(err, errUnsupported)
}

// Ping returns nil if the token is there and logged in to.
func (t *Token) Ping(context.Context) error {
	return t.do(func(c *connection, h p11.SessionHandle) error {
		info, err := c.module.GetSessionInfo(h)
		if err != nil {
			return err
		}
		if info.State != p11.CKS_RW_USER_FUNCTIONS {
			return errors.New("not logged in")
		}
		if _, err = c.module.GetTokenInfo(c.slot); err != nil {
			return err
		}
		return c.search(h)
	})
}

// Destroy destroys the private key at a location, and the public one beside it. It
// is no error if there is none.
func (t *Token) Destroy(_ context.Context, location string) error {
	u, err := t.locate(location)
	if err != nil {
		return err
	}
	return t.do(func(c *connection, h p11.SessionHandle) error {
		c.objects.Delete(location)
		for _, class := range []uint{p11.CKO_PRIVATE_KEY, p11.CKO_PUBLIC_KEY} {
			found, err := c.find(h, class, u)
			if err != nil {
				return err
			}
			for _, object := range found {
				if err := c.module.DestroyObject(h, object); err != nil {
					return fmt.Errorf("destroy: %w", err)
				}
			}
		}
		return nil
	})
}

// locate reads a location, which must be in this token.
func (t *Token) locate(location string) (uri, error) {
	u, err := parseURI(location)
	if err == nil && u.token != t.opts.Token {
		err = fmt.Errorf("%w: the key is in the token %q, and this is %q", issuer.ErrDevice, u.token, t.opts.Token)
	}
	return u, err
}

// find looks for the objects of a class with a label and an id.
func (c *connection) find(h p11.SessionHandle, class uint, u uri) ([]p11.ObjectHandle, error) {
	return c.look(h, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, class),
		p11.NewAttribute(p11.CKA_LABEL, u.object),
		p11.NewAttribute(p11.CKA_ID, u.id),
	})
}

func (c *connection) look(h p11.SessionHandle, template []*p11.Attribute) ([]p11.ObjectHandle, error) {
	if err := c.module.FindObjectsInit(h, template); err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	found, _, err := c.module.FindObjects(h, 8)
	if end := c.module.FindObjectsFinal(h); err == nil {
		err = end
	}
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	return found, nil
}

// search looks for any private key: a token that was taken out does not answer.
func (c *connection) search(h p11.SessionHandle) error {
	_, err := c.look(h, []*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, uint(p11.CKO_PRIVATE_KEY))})
	return err
}

// private returns the handle of the private key at a location.
func (c *connection) private(h p11.SessionHandle, location string, u uri) (p11.ObjectHandle, error) {
	if object, ok := c.objects.Load(location); ok {
		return object.(p11.ObjectHandle), nil
	}
	found, err := c.find(h, p11.CKO_PRIVATE_KEY, u)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, fmt.Errorf("%w: %s", errNoKey, location)
	case len(found) > 1:
		return 0, fmt.Errorf("several keys are at %s", location)
	}
	c.objects.Store(location, found[0])
	return found[0], nil
}

// Signer returns what signs with the private key at a location.
func (t *Token) Signer(location string, public crypto.PublicKey) crypto.Signer {
	return &signer{t, location, public}
}
