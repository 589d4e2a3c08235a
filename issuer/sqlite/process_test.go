package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// The test binary is also the other process: with a role in its environment it
// works on the file instead of running tests.
const (
	roleVariable = "JETON_SQLITE_TEST_ROLE"
	pathVariable = "JETON_SQLITE_TEST_PATH"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](context.Background(), os.Getenv(pathVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var roles = map[string]func(ctx context.Context, path string) error{
	"rotate":  rotateForEver,
	"contend": contend,
	"ahead":   writeAhead,
}

// start starts another process in a role. Its standard output is read line by
// line.
func start(t *testing.T, role, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, bufio.NewReader(out)
}

// sessionIDs are those that other processes work on.
var sessionIDs = []issuer.SessionID{{1}, {2}, {3}}

func createSessions(t *testing.T, s *sqlite.Store) {
	t.Helper()
	for _, id := range sessionIDs {
		n := newSession()
		n.ID = id
		if _, err := s.CreateSession(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
}

// rotateForEver rotates each session in a loop of its own and prints each
// generation once the store has acknowledged it.
func rotateForEver(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i, id := range sessionIDs {
		go func() {
			session, _, err := s.Session(ctx, id)
			for err == nil {
				g := session.Generation
				if session, err = s.Rotate(ctx, id, g, g+1); err == nil {
					_, err = fmt.Printf("%d %d\n", i, session.Generation) // one system call
				}
			}
			failed <- err
		}()
	}
	return <-failed
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	createSessions(t, s)
	s.Close()

	acknowledged := make([]uint32, len(sessionIDs))
	for round := range 20 {
		cmd, out := start(t, "rotate", path)
		for kill := rand.IntN(200); ; kill-- {
			if kill == 0 {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL
					t.Fatal(err)
				}
			}
			line, err := out.ReadString('\n')
			if err == io.EOF {
				break // what is left of a line that was cut off was not acknowledged
			}
			if err != nil {
				t.Fatal(err)
			}
			var i int
			var g uint32
			if _, err := fmt.Sscanf(line, "%d %d\n", &i, &g); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if g != acknowledged[i]+1 {
				t.Fatalf("round %d: generation %d came after %d", round, g, acknowledged[i])
			}
			acknowledged[i] = g
		}
		cmd.Wait()

		s := mustOpen(t, path)
		for i, id := range sessionIDs {
			session, _, err := s.Session(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			// The rotation under way may have been committed and not printed.
			if g := session.Generation; g != acknowledged[i] && g != acknowledged[i]+1 {
				t.Errorf("round %d: generation %d was acknowledged, and %d is stored", round, acknowledged[i], g)
			}
			acknowledged[i] = session.Generation
		}
		var check string
		if err := s.Reader().QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Errorf("round %d: integrity_check: %s, %v", round, check, err)
		}
		s.Close()
	}
	t.Logf("generations at the end: %v", acknowledged)
}

const contended = 150 // generations that processes race for

// contend takes part in a race for a session's generations and prints those
// that it won.
func contend(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{Now: time.Now})
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		session, _, err := s.Session(ctx, sessionIDs[0])
		if err != nil {
			return err
		}
		if session.Generation >= contended {
			return nil
		}
		g := session.Generation + 1
		if _, err := s.Rotate(ctx, session.ID, g-1, g); err == nil {
			fmt.Println(g)
		} else if !errors.Is(err, issuer.ErrConflict) {
			return err
		}
	}
}

func TestProcessesContend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	createSessions(t, mustOpen(t, path))
	var mu sync.Mutex
	won := make(map[uint32]int)
	var all sync.WaitGroup
	for range 3 {
		cmd, out := start(t, "contend", path)
		all.Go(func() {
			for {
				var g uint32
				if _, err := fmt.Fscanln(out, &g); err != nil {
					break
				}
				mu.Lock()
				won[g]++
				mu.Unlock()
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for g := uint32(1); g <= contended; g++ {
		if won[g] != 1 {
			t.Errorf("generation %d was won by %d processes", g, won[g])
		}
	}
}

// writeAhead adds a user by a clock that is an hour ahead and prints when.
func writeAhead(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
	if err != nil {
		return err
	}
	defer s.Close()
	u, err := s.CreateUser(ctx, issuer.User{ID: "id", Name: "alice"})
	if err != nil {
		return err
	}
	fmt.Println(u.CreatedAt.UnixMicro())
	return nil
}

func TestAnotherProcessIsAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	createSessions(t, s) // they last an hour
	cmd, out := start(t, "ahead", path)
	var at int64
	if _, err := fmt.Fscanln(out, &at); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	session, now, err := s.Session(t.Context(), sessionIDs[0])
	if err != nil {
		t.Fatal(err)
	}
	if now.UnixMicro() < at || !session.Expired(now) {
		t.Errorf("now is %v, before the other process's %v", now, time.UnixMicro(at).UTC())
	}
	if f, now, err := s.LoginFailures(t.Context(), issuer.FailureKey{1}); err != nil || f != (issuer.Failures{}) || now.UnixMicro() < at {
		t.Errorf("nobody's failures are %+v at %v, before the other process's %v (%v)", f, now, time.UnixMicro(at).UTC(), err)
	}
	if _, err := s.Rotate(t.Context(), session.ID, 0, 1); !errors.Is(err, issuer.ErrConflict) {
		t.Errorf("Rotate of a session that expired by the other process's write: %v", err)
	}
	if u, err := s.User(t.Context(), "alice"); err != nil || u.CreatedAt.UnixMicro() != at {
		t.Errorf("the other process's user: %v, %v", u.CreatedAt, err)
	}
}
