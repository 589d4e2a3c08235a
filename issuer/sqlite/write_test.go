package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// faulty is a store whose faults a test arranges.
type faulty struct {
	*sqlite.Store
	path string
	mu   sync.Mutex
	at   func(sqlite.FaultPoint) error
	seen []sqlite.FaultPoint
}

func openFaulty(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{path: filepath.Join(t.TempDir(), "jeton.db")}
	var err error
	f.Store, err = sqlite.Open(t.Context(), f.path, sqlite.Options{
		Now:     time.Now,
		OnError: func(err error) { t.Errorf("in the background: %v", err) },
		Fault: func(p sqlite.FaultPoint) error {
			f.mu.Lock()
			at := f.at
			f.seen = append(f.seen, p)
			f.mu.Unlock()
			if at == nil {
				return nil
			}
			return at(p)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// arrange says what happens at the points from now on.
func (f *faulty) arrange(at func(sqlite.FaultPoint) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.seen = at, nil
}

// count tells how often a point was passed.
func (f *faulty) count(p sqlite.FaultPoint) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s == p {
			n++
		}
	}
	return n
}

// hold keeps the next transaction from beginning until the function it returns
// is called. It returns once a write waits there.
func (f *faulty) hold(t *testing.T) (release func()) {
	t.Helper()
	begun, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.arrange(func(p sqlite.FaultPoint) error {
		if p == sqlite.FaultBegin {
			once.Do(func() {
				close(begun)
				<-held
			})
		}
		return nil
	})
	go f.RevokeBefore(context.WithoutCancel(t.Context()), issuer.EntryClient, "first")
	<-begun
	return sync.OnceFunc(func() { close(held) })
}

func (f *faulty) must(t *testing.T) issuer.NewSession {
	t.Helper()
	n := newSession()
	if _, err := f.CreateSession(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n
}

// scalar is one number that a query yields.
func scalar(t *testing.T, s *sqlite.Store, query string) (n int64) {
	t.Helper()
	if err := s.Reader().QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestWritesThatWaitTogetherAreOneTransactionAndFailAlone(t *testing.T) {
	f := openFaulty(t)
	present := f.must(t)
	release := f.hold(t)
	defer release()
	var all sync.WaitGroup
	write := func(want error, do func() error) {
		all.Go(func() {
			if err := do(); !errors.Is(err, want) {
				t.Errorf("got %v, not %v", err, want)
			}
		})
	}
	var made []issuer.NewSession
	for range 20 {
		n := newSession()
		made = append(made, n)
		write(nil, func() error { _, err := f.CreateSession(t.Context(), n); return err })
		taken := newSession()
		taken.ID, taken.Scope = present.ID, "a scope that nobody else has"
		write(issuer.ErrConflict, func() error { _, err := f.CreateSession(t.Context(), taken); return err })
		write(issuer.ErrConflict, func() error { _, err := f.Rotate(t.Context(), present.ID, 7, 8); return err })
		write(issuer.ErrNotFound, func() error { _, err := f.Rotate(t.Context(), issuer.SessionID{9}, 0, 1); return err })
		refused := errors.New("refused")
		write(refused, func() error {
			return f.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return nil, refused })
		})
	}
	write(nil, func() error { _, err := f.Rotate(t.Context(), present.ID, 0, 1); return err })
	for f.Waiting() < 101 {
		runtime.Gosched()
	}
	release()
	all.Wait()
	if n := f.count(sqlite.FaultCommit); n != 2 { // of which one is hold's
		t.Errorf("%d transactions", n)
	}
	for _, n := range made {
		if _, _, err := f.Session(t.Context(), n.ID); err != nil {
			t.Errorf("a session that was made: %v", err)
		}
	}
	if s, _, err := f.Session(t.Context(), present.ID); err != nil || s.Generation != 1 || s.Scope != present.Scope {
		t.Errorf("the session that was there is %+v, %v", s, err)
	}
	if n := scalar(t, f.Store, `SELECT count(*) FROM grants`); n != 1 {
		t.Errorf("what failed left %d grants behind", n-1)
	}
	if n := scalar(t, f.Store, `SELECT sessions FROM grants`); n != 21 {
		t.Errorf("the grant counts %d sessions, not 21", n)
	}
}

func TestReadsDoNotWaitForAWriteThatHangs(t *testing.T) {
	f := openFaulty(t)
	n := f.must(t)
	defer f.hold(t)()
	if _, _, err := f.Session(t.Context(), n.ID); err != nil {
		t.Error(err)
	}
	if _, _, err := f.Sessions(t.Context(), n.Subject, 10); err != nil {
		t.Error(err)
	}
	if _, _, _, err := f.Revocations(t.Context(), 0, 10); err != nil {
		t.Error(err)
	}
	if err := f.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACallerWhoseContextEndsDoesNotWaitForAWriteThatHangs(t *testing.T) {
	f := openFaulty(t)
	n := f.must(t)
	release := f.hold(t)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.Rotate(ctx, n.ID, 0, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	release()
	// It left before its transaction began, so it is not in it.
	if s, err := f.Rotate(t.Context(), n.ID, 0, 1); err != nil || s.Generation != 1 {
		t.Error(s.Generation, err)
	}
}

func TestAFaultIsAnErrorAndTheStoreGoesOn(t *testing.T) {
	boom := errors.New("boom")
	for p, written := range map[sqlite.FaultPoint]bool{
		sqlite.FaultBegin: false, sqlite.FaultWrite: false, sqlite.FaultCommit: false, sqlite.FaultAnswer: true,
	} {
		t.Run(string(p), func(t *testing.T) {
			f := openFaulty(t)
			f.arrange(func(at sqlite.FaultPoint) error {
				if at == p {
					return boom
				}
				return nil
			})
			n := newSession()
			_, err := f.CreateSession(t.Context(), n)
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), string(p)) || !strings.Contains(err.Error(), f.path) {
				t.Errorf("the caller is told %v", err)
			}
			f.arrange(nil)
			if _, _, err := f.Session(t.Context(), n.ID); (err == nil) != written {
				t.Errorf("reading it: %v", err)
			}
			f.must(t)
		})
	}
}

func TestTheLogBeginsAnewWhenItWasMovedIntoTheFile(t *testing.T) {
	f := openFaulty(t)
	for range 50 {
		f.must(t)
	}
	before, err := f.LogFrames()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.must(t)
	if after, err := f.LogFrames(); err != nil || after >= before {
		t.Errorf("the log has %d pages after %d, %v", after, before, err)
	}
}

func TestAReaderThatTakesLongOnlyPutsTheLogOff(t *testing.T) {
	f := openFaulty(t)
	f.must(t)
	reader, err := f.Reader().Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	var n int
	if err := reader.QueryRow(`SELECT count(*) FROM sessions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	f.must(t)
	if err := f.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
	f.must(t)
	if err := reader.QueryRow(`SELECT count(*) FROM sessions`).Scan(&n); err != nil || n != 1 {
		t.Errorf("the reader sees %d sessions, %v", n, err)
	}
}

// Writers go on while the log is moved, and say that it is due as long as it is.
func TestTheLogIsNotMovedAgainForWhatWasMoved(t *testing.T) {
	const callers, each = 32, 160
	var restarts atomic.Int64
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{
		Now:     time.Now,
		OnError: func(err error) { t.Error(err) },
		Fault: func(at sqlite.FaultPoint) error {
			if at == sqlite.FaultRestart {
				restarts.Add(1)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if most := int64(callers * each / sqlite.CheckpointAfter); restarts.Load() > most {
		t.Errorf("the log was moved to its end %d times for %d writes; %d are enough", restarts.Load(), callers*each, most)
	}
}

func TestWhatGoesWrongInTheBackgroundIsTold(t *testing.T) {
	for _, p := range []sqlite.FaultPoint{sqlite.FaultCheckpoint, sqlite.FaultRestart} {
		boom := errors.New("boom")
		told := make(chan error, 1)
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jeton.db"), sqlite.Options{
			Now:     time.Now,
			OnError: func(err error) { told <- err },
			Fault: func(at sqlite.FaultPoint) error {
				if at == p {
					return boom
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.CheckpointIsDue()
		if err := <-told; !errors.Is(err, boom) || !strings.Contains(err.Error(), "checkpoint") {
			t.Error(err)
		}
		if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
			t.Errorf("writing goes on: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What is after the last whole transaction of the log was never acknowledged.
func TestATornLogLosesNothingThatWasAcknowledged(t *testing.T) {
	f := openFaulty(t)
	kept := f.must(t)
	whole, err := os.Stat(f.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	torn := f.must(t)
	file, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(f.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	garbage := slices.Clone(wal)
	for i := len(garbage) - 5000; i < len(garbage); i++ {
		garbage[i] ^= 0x55
	}
	for name, wal := range map[string][]byte{
		"cut off in a page":    wal[:len(wal)-1000],
		"cut off by one page":  wal[:len(wal)-4096-24],
		"cut off in the first": wal[:whole.Size()+100],
		"garbage at its end":   garbage,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jeton.db")
			for name, b := range map[string][]byte{path: file, path + "-wal": wal} {
				if err := os.WriteFile(name, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := mustOpen(t, path)
			if _, _, err := s.Session(t.Context(), kept.ID); err != nil {
				t.Errorf("what was acknowledged before: %v", err)
			}
			if _, _, err := s.Session(t.Context(), torn.ID); !errors.Is(err, issuer.ErrNotFound) {
				t.Errorf("what was torn: %v", err)
			}
			if _, err := s.CreateSession(t.Context(), torn); err != nil {
				t.Errorf("writing again: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
