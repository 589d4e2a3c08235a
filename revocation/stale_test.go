package revocation

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

func (s *scribe) verified() *jeton.Verified {
	s.t.Helper()
	signer, err := jeton.NewSigner(s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := signer.Sign(jeton.AccessClaims{SessionID: "other"})
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := jeton.NewVerifier(s.key.Public(), jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true})
	if err != nil {
		s.t.Fatal(err)
	}
	verified, err := v.Verify(s.t.Context(), token)
	if err != nil {
		s.t.Fatal(err)
	}
	return verified
}

func TestAFeedThatIsTooOld(t *testing.T) {
	for _, c := range []struct {
		name   string
		option Option
		closed bool
	}{{"fail closed", FailClosed(30 * time.Second), true}, {"fail open", FailOpen(30 * time.Second), false}} {
		t.Run(c.name, func(t *testing.T) {
			s := newScribe(t, "log")
			f := s.reader(c.option)
			v := s.verified()
			check := func(when string, stale bool) {
				t.Helper()
				err := f.CheckRevoked(t.Context(), v)
				if c.closed && stale {
					if !errors.Is(err, ErrStale) || !errors.Is(err, jeton.ErrRevocationsUnavailable) || jeton.ReasonCode(err) != "revocations_unavailable" {
						t.Errorf("%s: %v", when, err)
					}
				} else if err != nil {
					t.Errorf("%s: %v", when, err)
				}
				if f.Stats().Stale != stale {
					t.Errorf("%s: Stats says %v", when, f.Stats().Stale)
				}
			}
			if f.Stale() != math.MaxInt64 {
				t.Errorf("before the first snapshot it is %s old", f.Stale())
			}
			check("before the first snapshot", true)
			s.give(f, s.sign(s.snapshot(0)))
			check("with a snapshot", false)
			s.now = s.now.Add(30 * time.Second)
			check("just old enough", false)
			still := s.sign(s.batch(0, 0))
			s.now = s.now.Add(time.Second)
			check("too old", true)
			// A recording of a minute ago says nothing about now.
			recorded := s.now
			s.give(f, still)
			check("with a batch of a second ago", false)
			s.now = s.now.Add(time.Minute)
			s.give(f, still)
			check("with the same a minute later", true)
			s.now = recorded.Add(-10 * time.Minute) // a clock that was set back
			check("with a clock that was set back", false)
			if f.Stale() != 0 {
				t.Errorf("%s old", f.Stale())
			}
		})
	}
}

func TestTheFileSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	s := newScribe(t, "log")
	s.write("a")
	s.write("b")
	f := s.reader(SnapshotFile(path))
	f.readDisk(t.Context())
	s.give(f, s.sign(s.snapshot(0)))
	s.give(f, s.sign(s.batch(0, 1)))
	s.now = s.now.Add(time.Minute)
	s.give(f, s.sign(s.batch(1, 2)))
	f.flush()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	read := func(want error, options ...Option) *Follower {
		t.Helper()
		var told error
		f := s.reader(append(options, SnapshotFile(path), OnError(func(err error) { told = err }))...)
		f.readDisk(t.Context())
		if !errors.Is(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		return f
	}
	s.now = s.now.Add(10 * time.Second)
	again := read(nil)
	if values(again) != "a b" || again.Stale() != 10*time.Second {
		t.Errorf("%q, %s old", values(again), again.Stale())
	}
	if again.cursor.position() != "" {
		t.Error("it does not ask for a snapshot")
	}

	// What somebody did to the file is noticed; what holds still counts.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	other := newScribe(t, "log")
	other.write("evil")
	for _, c := range []struct{ name, text, want string }{
		{"the middle is gone", lines[0] + lines[2], "b"},
		{"a line of another key", string(text) + "9999999999 " + other.sign(other.batch(0, 1)) + "\n", "a b"},
		{"a byte changed", lines[0] + strings.Replace(lines[1], ".", ".A", 1) + lines[2], "b"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := read(ErrForged); values(f) != c.want || f.Stale() != math.MaxInt64 {
			t.Errorf("%s: %q, %s old", c.name, values(f), f.Stale())
		}
	}
	// A crash tears the last line; the rest holds.
	if err := os.WriteFile(path, []byte(string(text)+"179"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := read(nil); values(f) != "a b" {
		t.Errorf("%q", values(f))
	}
	// Over is over.
	s.now = s.now.Add(time.Hour)
	if f := read(nil); values(f) != "" {
		t.Errorf("%q", values(f))
	}
}

func TestTheFileDoesNotGrowForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	s := newScribe(t, "log")
	f := s.reader(SnapshotFile(path), OnError(func(err error) { t.Error(err) }))
	f.readDisk(t.Context())
	s.give(f, s.sign(s.snapshot(0)))
	largest := int64(0)
	for i := range 1500 {
		s.now = s.now.Add(10 * time.Second)
		s.write(strings.Repeat("x", 200))
		s.give(f, s.sign(s.batch(i, i+1)))
		if info, err := os.Stat(path); err == nil {
			largest = max(largest, info.Size())
		}
	}
	if largest > 600<<10 {
		t.Errorf("%d bytes, though hardly 40 batches count at any time", largest)
	}
	again := s.reader(SnapshotFile(path), OnError(func(err error) { t.Error(err) }))
	again.readDisk(t.Context())
	if got, want := len(again.Entries()), len(f.Entries()); got != want || again.Stale() != 0 {
		t.Errorf("%d entries, not %d; %s old", got, want, again.Stale())
	}
	left, err := filepath.Glob(filepath.Dir(path) + "/*")
	if err != nil || len(left) != 1 {
		t.Errorf("files: %v, %v", left, err)
	}
}
