package sqlite_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// What a rotation knows of its session from when it was read, a moment ago, may
// be wrong by the time that it writes: another program was faster.
func TestARotationNoticesWhatOthersDidSinceItsRead(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(t *testing.T, other *sqlite.Store, id issuer.SessionID)
		from, to uint32
		want     error
	}{
		"nothing": {func(*testing.T, *sqlite.Store, issuer.SessionID) {}, 0, 1, nil},
		"a rotation": {func(t *testing.T, other *sqlite.Store, id issuer.SessionID) {
			if _, err := other.Rotate(t.Context(), id, 0, 1); err != nil {
				t.Fatal(err)
			}
		}, 0, 1, issuer.ErrConflict},
		"a rotation, which the caller learned of elsewhere": {func(t *testing.T, other *sqlite.Store, id issuer.SessionID) {
			if _, err := other.Rotate(t.Context(), id, 0, 1); err != nil {
				t.Fatal(err)
			}
		}, 1, 2, nil},
		"a rotation and back": {func(t *testing.T, other *sqlite.Store, id issuer.SessionID) {
			for _, g := range [][2]uint32{{0, 1}, {1, 0}} {
				if _, err := other.Rotate(t.Context(), id, g[0], g[1]); err != nil {
					t.Fatal(err)
				}
			}
		}, 0, 1, nil},
		"its end": {func(t *testing.T, other *sqlite.Store, id issuer.SessionID) {
			if _, err := other.Revoke(t.Context(), issuer.Revocation{SessionID: id, Reason: issuer.ReasonLogout}); err != nil {
				t.Fatal(err)
			}
		}, 0, 1, issuer.ErrConflict},
		"another row in its place": {func(t *testing.T, other *sqlite.Store, id issuer.SessionID) {
			if _, err := other.Writer().Exec(`UPDATE sessions SET id = randomblob(16) WHERE id = ?`, id[:]); err != nil {
				t.Fatal(err)
			}
		}, 0, 1, issuer.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jeton.db")
			s, other := mustOpen(t, path), mustOpen(t, path)
			n := newSession()
			n.Audience, n.Claims = []string{"orders"}, []byte(`{"a":1}`)
			if _, err := s.CreateSession(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			read, _, err := s.Session(t.Context(), n.ID)
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, other, n.ID)
			// The caller may do with what it got what it likes.
			read.Audience[0], read.Claims[1] = "changed", 'x'
			rotated, err := s.Rotate(t.Context(), n.ID, c.from, c.to)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			after, _, err := s.Session(t.Context(), n.ID)
			if err != nil || !reflect.DeepEqual(rotated, after) || after.Generation != c.to || string(after.Claims) != `{"a":1}` {
				t.Errorf("the rotation returned %+v, and the file has %+v, %v", rotated, after, err)
			}
		})
	}
}
