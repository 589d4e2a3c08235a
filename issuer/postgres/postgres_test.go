package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
	"github.com/jeton-go/jeton/issuer/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	homes := newHomes(t)
	storetest.Run(t, func(t testing.TB) storetest.Place {
		role := homes.take(t)
		return storetest.Place{
			Open: func(now func() time.Time) (issuer.Store, error) {
				return open(homes.server.URLFor(role, homes.database), now)
			},
			Close:      func(s issuer.Store) error { return s.(*postgres.Store).Close() },
			Persistent: true,
			Shared:     true,
		}
	})
}

// A service of two nodes keeps the contract as a whole: each method is called on
// one or the other, of which one is behind PgBouncer in transaction mode.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	homes := newHomes(t)
	bouncer := homes.server.Bouncer(t)
	storetest.Run(t, func(t testing.TB) storetest.Place {
		role := homes.take(t)
		return storetest.Place{
			Open: func(now func() time.Time) (issuer.Store, error) {
				// What a read has seen is in the memory of one node; so the
				// nodes' clocks never go back while they run.
				now = monotonic(now)
				direct, err := open(homes.server.URLFor(role, homes.database), now)
				if err != nil {
					return nil, err
				}
				pooled, err := open(bouncer.URLFor(role, homes.database), now)
				if err != nil {
					return nil, errors.Join(err, direct.Close())
				}
				return &nodes{stores: []*postgres.Store{direct, pooled}}, nil
			},
			Close:      func(s issuer.Store) error { return s.(*nodes).Close() },
			Persistent: true,
			Shared:     true,
		}
	})
}

func open(url string, now func() time.Time) (*postgres.Store, error) {
	return postgres.Open(context.Background(), url, postgres.Options{Now: now})
}

func monotonic(now func() time.Time) func() time.Time {
	var mu sync.Mutex
	var latest time.Time
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		if t := now(); t.After(latest) {
			latest = t
		}
		return latest
	}
}

// homes are roles whose schemas stores live in. One whose test is over is
// emptied and used again, through a connection that stays: to make a schema takes
// long, and a connection is a process.
type homes struct {
	server   *pgtest.Server
	database string
	admin    *pgx.Conn
	free     chan string
}

func newHomes(t *testing.T) *homes {
	server := pgtest.Shared(t)
	h := &homes{server: server, database: server.Database(t), free: make(chan string, 1000)}
	var err error
	if h.admin, err = pgx.Connect(t.Context(), server.URL(h.database)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.admin.Close(context.Background()) })
	return h
}

func (h *homes) take(t testing.TB) string {
	var role string
	select {
	case role = <-h.free:
		_, err := h.admin.Exec(t.Context(), `SET search_path = `+role+`;
			DELETE FROM sessions; DELETE FROM users; DELETE FROM keys; DELETE FROM log; DELETE FROM login_failures; DELETE FROM audit; DELETE FROM receivers; DELETE FROM notices;
			UPDATE clock SET latest = 0;
			UPDATE log_head SET name = gen_random_uuid(), seq = 0, at = 0, chain = decode(repeat('00', 32), 'hex');
			UPDATE audit_head SET log = gen_random_uuid(), seq = 0, at = NULL, pruned = 0, sealed_seq = 0, sealed_at = NULL, seal = NULL,
				chain = decode(repeat('00', 32), 'hex'), pruned_chain = decode(repeat('00', 32), 'hex'), sealed_chain = decode(repeat('00', 32), 'hex')`)
		if err != nil {
			t.Fatal(err)
		}
	default:
		role = h.server.User(t, h.database)
	}
	t.Cleanup(func() { h.free <- role })
	return role
}

// nodes are stores of which each call goes to the next one.
type nodes struct {
	stores []*postgres.Store
	calls  atomic.Int64
}

func (n *nodes) next() *postgres.Store {
	return n.stores[int(n.calls.Add(1))%len(n.stores)]
}

func (n *nodes) Close() error {
	var err error
	for _, s := range n.stores {
		err = errors.Join(err, s.Close())
	}
	return err
}

func (n *nodes) Ping(ctx context.Context) error { return n.next().Ping(ctx) }

func (n *nodes) CreateSession(ctx context.Context, s issuer.NewSession) (issuer.Created, error) {
	return n.next().CreateSession(ctx, s)
}

func (n *nodes) Session(ctx context.Context, id issuer.SessionID) (issuer.Session, time.Time, error) {
	return n.next().Session(ctx, id)
}

func (n *nodes) Sessions(ctx context.Context, subject string, limit int) ([]issuer.Session, time.Time, error) {
	return n.next().Sessions(ctx, subject, limit)
}

func (n *nodes) Rotate(ctx context.Context, id issuer.SessionID, from, to uint32) (issuer.Session, error) {
	return n.next().Rotate(ctx, id, from, to)
}

func (n *nodes) Revoke(ctx context.Context, r issuer.Revocation) (issuer.Revoked, error) {
	return n.next().Revoke(ctx, r)
}

func (n *nodes) LoginFailures(ctx context.Context, key issuer.FailureKey) (issuer.Failures, time.Time, error) {
	return n.next().LoginFailures(ctx, key)
}

func (n *nodes) CountLoginFailure(ctx context.Context, key issuer.FailureKey) error {
	return n.next().CountLoginFailure(ctx, key)
}

func (n *nodes) ForgetLoginFailures(ctx context.Context, key issuer.FailureKey) error {
	return n.next().ForgetLoginFailures(ctx, key)
}

func (n *nodes) CountSessions(ctx context.Context, sample int) (int64, bool, error) {
	return n.next().CountSessions(ctx, sample)
}

func (n *nodes) CreateUser(ctx context.Context, u issuer.User, audit ...issuer.AuditRecord) (issuer.User, error) {
	return n.next().CreateUser(ctx, u, audit...)
}

func (n *nodes) User(ctx context.Context, name string) (issuer.User, error) {
	return n.next().User(ctx, name)
}

func (n *nodes) Users(ctx context.Context) ([]issuer.User, error) { return n.next().Users(ctx) }

func (n *nodes) SetPassword(ctx context.Context, name string, hash issuer.PasswordHash, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	return n.next().SetPassword(ctx, name, hash, audit...)
}

func (n *nodes) SetDisabled(ctx context.Context, name string, disabled bool, audit ...issuer.AuditRecord) (issuer.Revoked, error) {
	return n.next().SetDisabled(ctx, name, disabled, audit...)
}

func (n *nodes) Rehash(ctx context.Context, name string, old, new issuer.PasswordHash) error {
	return n.next().Rehash(ctx, name, old, new)
}

func (n *nodes) Keys(ctx context.Context) ([]issuer.StoredKey, time.Time, error) {
	return n.next().Keys(ctx)
}

func (n *nodes) UpdateKeys(ctx context.Context, decide func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), audit ...func() []issuer.AuditRecord) error {
	return n.next().UpdateKeys(ctx, decide, audit...)
}

func (n *nodes) Revocations(ctx context.Context, after uint64, limit int) ([]issuer.Entry, issuer.LogHead, time.Time, error) {
	return n.next().Revocations(ctx, after, limit)
}

func (n *nodes) AppendAudit(ctx context.Context, records ...issuer.AuditRecord) error {
	return n.next().AppendAudit(ctx, records...)
}

func (n *nodes) Audit(ctx context.Context, after uint64, limit int) ([]issuer.AuditEntry, issuer.AuditHead, error) {
	return n.next().Audit(ctx, after, limit)
}

func (n *nodes) SealAudit(ctx context.Context, seal issuer.AuditSeal) error {
	return n.next().SealAudit(ctx, seal)
}

func (n *nodes) RevokeBefore(ctx context.Context, kind issuer.EntryKind, value string, audit ...issuer.AuditRecord) (issuer.Entry, error) {
	return n.next().RevokeBefore(ctx, kind, value, audit...)
}

func (n *nodes) Prune(ctx context.Context, keep issuer.Retention, limit int) (int, error) {
	return n.next().Prune(ctx, keep, limit)
}

func (n *nodes) NameReceivers(ctx context.Context, names []string) error {
	return n.next().NameReceivers(ctx, names)
}

func (n *nodes) Notices(ctx context.Context, receiver string, limit int) ([]issuer.Notice, error) {
	return n.next().Notices(ctx, receiver, limit)
}

func (n *nodes) DropNotices(ctx context.Context, receiver string, ids []issuer.NoticeID) error {
	return n.next().DropNotices(ctx, receiver, ids)
}
