package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// makeSessions makes sessions that differ, and returns their ids.
func makeSessions(t *testing.T, s *sqlite.Store, n int) []issuer.SessionID {
	t.Helper()
	ids := make([]issuer.SessionID, n)
	for i := range ids {
		session := newSession()
		session.Subject = fmt.Sprint("user ", i)
		session.Audience, session.Claims = []string{"orders"}, fmt.Appendf(nil, `{"n":%d}`, i)
		if _, err := s.CreateSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		ids[i] = session.ID
	}
	return ids
}

// However many callers wait together, each gets what it asked for, or is told that
// there is none.
func TestSessionsThatAreLookedUpTogether(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	ids := makeSessions(t, s, sqlite.MaxLookups)
	unknown := issuer.SessionID{1}
	for n := 1; n <= len(ids); n++ {
		asked := append([]issuer.SessionID{unknown}, ids[:n-1]...)
		sessions, errs := s.LookUp(t.Context(), asked)
		for i := range asked {
			if i == 0 {
				if !errors.Is(errs[0], issuer.ErrNotFound) {
					t.Errorf("%d at once: an unknown session: %v", n, errs[0])
				}
				continue
			}
			want := fmt.Sprint("user ", i-1)
			if errs[i] != nil || sessions[i].ID != asked[i] || sessions[i].Subject != want {
				t.Fatalf("%d at once: asked for %v of %s and got %v of %s, %v", n, asked[i], want, sessions[i].ID, sessions[i].Subject, errs[i])
			}
		}
	}
}

// Callers that ask for one session share nothing that they may change.
func TestCallersOfOneSessionShareNothing(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	id := makeSessions(t, s, 1)[0]
	want, _, err := s.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sessions, errs := s.LookUp(t.Context(), []issuer.SessionID{id, {1}, id, id})
	for _, i := range []int{0, 2, 3} {
		if errs[i] != nil || !reflect.DeepEqual(sessions[i], want) {
			t.Fatalf("caller %d got %+v, %v", i, sessions[i], errs[i])
		}
		sessions[i].Audience[0], sessions[i].Claims[1] = "changed", 'x'
	}
	if rotated, err := s.Rotate(t.Context(), id, 0, 1); err != nil || rotated.Audience[0] != "orders" || string(rotated.Claims) != string(want.Claims) {
		t.Errorf("the rotation returned %+v, %v", rotated, err)
	}
}

// A session that can't be read is the trouble of those who ask for it.
func TestADamagedSessionAmongOthers(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	ids := makeSessions(t, s, 5)
	for _, statement := range []string{
		`PRAGMA ignore_check_constraints = 1`,
		fmt.Sprintf(`UPDATE sessions SET seed = x'00' WHERE id = x'%x'`, ids[2][:]),
	} {
		if _, err := s.Writer().Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	sessions, errs := s.LookUp(t.Context(), append(ids, issuer.SessionID{1}))
	for i, err := range errs {
		switch {
		case i == 2:
			if err == nil || errors.Is(err, issuer.ErrNotFound) {
				t.Errorf("the damaged session: %+v, %v", sessions[i], err)
			}
		case i == len(ids):
			if !errors.Is(err, issuer.ErrNotFound) {
				t.Errorf("the session that there is not: %v", err)
			}
		case err != nil || sessions[i].ID != ids[i]:
			t.Errorf("session %d: %+v, %v", i, sessions[i], err)
		}
	}
}

// Reads and rotations of many callers at once keep apart.
func TestLookupsBesideRotations(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "jeton.db"))
	ids := makeSessions(t, s, 40)
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			for g := range uint32(20) {
				read, now, err := s.Session(t.Context(), id)
				if err != nil || read.ID != id || read.Generation != g || now.Before(read.RotatedAt) {
					t.Errorf("session %d at generation %d: %+v at %v, %v", i, g, read, now, err)
					return
				}
				if _, err := s.Rotate(t.Context(), id, g, g+1); err != nil {
					t.Errorf("session %d at generation %d: %v", i, g, err)
					return
				}
			}
		})
	}
	all.Wait()
}
