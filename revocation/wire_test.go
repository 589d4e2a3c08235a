package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// scribe writes batches as an issuer does, good ones and others.
type scribe struct {
	t      testing.TB
	key    *jeton.SigningKey
	now    time.Time
	log    string
	chains []string // of each number
	all    []entry
}

const testIssuer = "https://auth.example"

func newScribe(t testing.TB, log string) *scribe {
	t.Helper()
	key, err := jeton.GenerateKey(jeton.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	var none [sha256.Size]byte
	return &scribe{t: t, key: key, now: time.Unix(1_800_000_000, 0), log: log, chains: []string{chainText(none)}}
}

func chainText(c [sha256.Size]byte) string { return base64.RawURLEncoding.EncodeToString(c[:]) }

// write appends a session to the log.
func (s *scribe) write(sid string) {
	e := entry{Seq: uint64(len(s.chains)), Kind: Session, Value: sid, At: s.now.UnixMicro(), Expires: s.now.Add(330 * time.Second).Unix()}
	prev, _ := readChain(s.chains[len(s.chains)-1])
	s.chains = append(s.chains, chainText(e.link(prev)))
	s.all = append(s.all, e)
}

// batch is an honest one.
func (s *scribe) batch(from, to int) batch {
	return batch{
		Log: s.log, From: uint64(from), To: uint64(to), Tip: uint64(len(s.all)),
		Prev: s.chains[from], Head: s.chains[to], Entries: slices.Clone(s.all[from:to]),
	}
}

func (s *scribe) snapshot(from int) batch {
	b := s.batch(from, from)
	b.Snapshot = true
	if from > 0 {
		b.Entries = s.all[from-1 : from]
	}
	return b
}

func (s *scribe) sign(b batch, change ...func(claims map[string]any)) string {
	s.t.Helper()
	return s.signAs(BatchType, b, change...)
}

func (s *scribe) signAs(typ string, b batch, change ...func(claims map[string]any)) string {
	s.t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		s.t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		s.t.Fatal(err)
	}
	// Large numbers must stay what they are.
	var entries []json.RawMessage
	for _, e := range b.Entries {
		text, err := json.Marshal(e)
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, text)
	}
	claims["entries"], claims["iss"], claims["iat"] = entries, testIssuer, s.now.Unix()
	for _, f := range change {
		f(claims)
	}
	signer, err := jeton.NewSigner(s.key, jeton.Type(typ), jeton.TokenLimits(batchLimits))
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := signer.Sign(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// reader is a follower that is handed batches instead of fetching them.
func (s *scribe) reader(options ...Option) *Follower {
	s.t.Helper()
	f := &Follower{ready: make(chan struct{}), done: make(chan struct{})}
	var err error
	f.options, err = newOptions(append([]Option{Clock(func() time.Time { return s.now })}, options...))
	if err != nil {
		s.t.Fatal(err)
	}
	f.set = NewSet(f.now)
	if f.file != "" {
		f.disk = &disk{path: f.file}
	}
	f.stale = time.AfterFunc(time.Hour, func() {})
	if f.verifier, err = newBatchVerifier(s.key.Public(), testIssuer, f.set, f.now); err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *scribe) give(f *Follower, token string) {
	s.t.Helper()
	if err := f.take(s.t.Context(), token); err != nil {
		s.t.Fatal(err)
	}
}

func values(f *Follower) string {
	var out []string
	for _, e := range f.Entries() {
		out = append(out, e.Value)
	}
	return strings.Join(out, " ")
}

func TestWhatDoesNotFitIsRefusedAndTheSetStays(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(s *scribe) string // after a, b, c were read and d, e written
		want error
		lost bool // only a snapshot helps
	}{
		{"a batch left out", func(s *scribe) string { return s.sign(s.batch(4, 5)) }, ErrGap, false},
		{"the same again", func(s *scribe) string { return s.sign(s.batch(0, 3)) }, ErrReplayed, false},
		{"an older one", func(s *scribe) string { return s.sign(s.batch(1, 2)) }, ErrReplayed, false},
		{"one that overlaps", func(s *scribe) string { return s.sign(s.batch(2, 5)) }, ErrReplayed, false},
		{"an old snapshot", func(s *scribe) string {
			b := s.snapshot(0)
			s.now = s.now.Add(-maxSnapshotAge - time.Second)
			token := s.sign(b)
			s.now = s.now.Add(maxSnapshotAge + time.Second)
			return token
		}, ErrReplayed, false},
		{"another log", func(s *scribe) string { b := s.batch(3, 5); b.Log = "other"; return s.sign(b) }, ErrHistory, true},
		{"another history", func(s *scribe) string {
			other := newScribe(t, s.log)
			other.key = s.key
			for _, sid := range []string{"x", "y", "z", "d", "e"} {
				other.write(sid)
			}
			return s.sign(other.batch(3, 5))
		}, ErrHistory, true},
		{"entries left out", func(s *scribe) string { b := s.batch(3, 5); b.Entries = b.Entries[1:]; return s.sign(b) }, ErrForged, false},
		{"the last entry left out", func(s *scribe) string { b := s.batch(3, 5); b.Entries = b.Entries[:1]; return s.sign(b) }, ErrForged, false},
		{"no entries", func(s *scribe) string { b := s.batch(3, 5); b.Entries = nil; return s.sign(b) }, ErrForged, false},
		{"entries in another order", func(s *scribe) string {
			b := s.batch(3, 5)
			b.Entries[0], b.Entries[1] = b.Entries[1], b.Entries[0]
			return s.sign(b)
		}, ErrForged, false},
		{"another entry", func(s *scribe) string { b := s.batch(3, 5); b.Entries[0].Value = "f"; return s.sign(b) }, ErrForged, false},
		{"another instant", func(s *scribe) string { b := s.batch(3, 5); b.Entries[0].At++; return s.sign(b) }, ErrForged, false},
		{"another head", func(s *scribe) string { b := s.batch(3, 5); b.Head = s.chains[4]; return s.sign(b) }, ErrForged, false},
		{"backwards", func(s *scribe) string { b := s.batch(3, 3); b.To = 2; return s.sign(b) }, ErrForged, false},
		{"beyond its tip", func(s *scribe) string { b := s.batch(3, 5); b.Tip = 4; return s.sign(b) }, ErrForged, false},
		{"a chain that is none", func(s *scribe) string { b := s.batch(3, 3); b.Prev = b.Prev[1:]; return s.sign(b) }, ErrForged, false},
		{"no log", func(s *scribe) string { b := s.batch(3, 5); b.Log = ""; return s.sign(b) }, ErrForged, false},
		{"an unknown kind", func(s *scribe) string { return s.sign(s.strange("device", "x")) }, ErrForged, false},
		{"a kind without its value", func(s *scribe) string { return s.sign(s.strange(Subject, "")) }, ErrForged, false},
		{"all with a value", func(s *scribe) string { return s.sign(s.strange(All, "x")) }, ErrForged, false},
		{"without iat", func(s *scribe) string {
			return s.sign(s.batch(3, 5), func(c map[string]any) { delete(c, "iat") })
		}, ErrForged, false},
		{"from the future", func(s *scribe) string {
			return s.sign(s.batch(3, 5), func(c map[string]any) { c["iat"] = s.now.Add(time.Hour).Unix() })
		}, ErrForged, false},
		{"another issuer", func(s *scribe) string {
			return s.sign(s.batch(3, 5), func(c map[string]any) { c["iss"] = "https://evil.example" })
		}, ErrForged, false},
		{"a claim of another type", func(s *scribe) string {
			return s.sign(s.batch(3, 5), func(c map[string]any) { c["from"] = "3" })
		}, ErrForged, false},
		{"another type of token", func(s *scribe) string { return s.signAs("at+jwt", s.batch(3, 5)) }, ErrForged, false},
		{"another key", func(s *scribe) string {
			other := newScribe(t, s.log)
			return other.sign(s.batch(3, 5))
		}, ErrForged, false},
		{"a byte changed", func(s *scribe) string {
			token := s.sign(s.batch(3, 5))
			return token[:len(token)/2] + "A" + token[len(token)/2+1:]
		}, ErrForged, false},
		{"cut short", func(s *scribe) string { token := s.sign(s.batch(3, 5)); return token[:len(token)-10] }, ErrForged, false},
		{"nonsense", func(s *scribe) string { return "nonsense" }, ErrForged, false},
		{"nothing", func(s *scribe) string { return "" }, ErrForged, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScribe(t, "log")
			for _, sid := range []string{"a", "b", "c"} {
				s.write(sid)
			}
			f := s.reader()
			s.give(f, s.sign(s.snapshot(0)))
			s.give(f, s.sign(s.batch(0, 3)))
			asOf := f.asOf.Load()
			s.now = s.now.Add(10 * time.Second)
			s.write("d")
			s.write("e")
			err := f.take(t.Context(), c.make(s))
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			for _, secret := range []string{"evil", "d", "e"} {
				if err != nil && slices.Contains(strings.Fields(err.Error()), secret) {
					t.Errorf("the error tells what was in the batch: %v", err)
				}
			}
			if values(f) != "a b c" || f.asOf.Load() != asOf {
				t.Errorf("the set is %q, or is fresher than before", values(f))
			}
			if got := f.cursor.position(); (got == "") != c.lost || got != "" && got != "log.3" {
				t.Errorf("it goes on at %q", got)
			}
			if st := f.Stats(); st.Refused != 1 || st.Batches != 2 {
				t.Errorf("%+v", st)
			}
			// And it does go on.
			if c.lost {
				s.give(f, s.sign(s.snapshot(2)))
				s.give(f, s.sign(s.batch(2, 5)))
			} else {
				s.give(f, s.sign(s.batch(3, 5)))
			}
			if values(f) != "a b c d e" {
				t.Errorf("the set is %q", values(f))
			}
		})
	}
}

// strange is a batch with one entry that is linked as it should be.
func (s *scribe) strange(kind Kind, value string) batch {
	e := entry{Seq: 4, Kind: kind, Value: value, At: s.now.UnixMicro(), Expires: s.now.Add(time.Minute).Unix()}
	prev, _ := readChain(s.chains[3])
	b := s.batch(3, 3)
	b.To, b.Entries, b.Head = 4, []entry{e}, chainText(e.link(prev))
	return b
}

func TestABackupThatWasRestoredTakesNothingAway(t *testing.T) {
	s := newScribe(t, "log")
	for _, sid := range []string{"a", "b", "c"} {
		s.write(sid)
	}
	var told []error
	f := s.reader(OnError(func(err error) { told = append(told, err) }))
	s.give(f, s.sign(s.snapshot(0)))
	s.give(f, s.sign(s.batch(0, 3)))
	back := newScribe(t, "log")
	back.key = s.key
	back.write("a")
	s.give(f, s.sign(back.snapshot(0)))
	s.give(f, s.sign(back.batch(0, 1)))
	if len(told) != 1 || !errors.Is(told[0], ErrHistory) {
		t.Errorf("told %v", told)
	}
	back.write("x")
	s.give(f, s.sign(back.batch(1, 2)))
	if values(f) != "a b c x" || f.cursor.position() != "log.2" {
		t.Errorf("the set is %q, at %s", values(f), f.cursor.position())
	}
	s.now = s.now.Add(330*time.Second + leeway)
	if values(f) != "" {
		t.Errorf("after their time: %q", values(f))
	}
}

func TestASnapshotIsWholeOnceItReachesTheEnd(t *testing.T) {
	s := newScribe(t, "log")
	for i := range 5 {
		s.write(fmt.Sprint(i))
	}
	f := s.reader()
	whole := func() bool {
		select {
		case <-f.Ready():
			return true
		default:
			return false
		}
	}
	if err := f.take(t.Context(), s.sign(s.batch(0, 5))); !errors.Is(err, ErrGap) {
		t.Errorf("a follower that knows nothing takes no batch to begin with: %v", err)
	}
	s.give(f, s.sign(s.snapshot(2))) // entry 1 is pruned
	s.give(f, s.sign(s.batch(2, 4)))
	if whole() || f.asOf.Load() != 0 {
		t.Error("whole, or fresh, before the end")
	}
	s.give(f, s.sign(s.batch(4, 5)))
	if !whole() || values(f) != "1 2 3 4" {
		t.Errorf("whole: %v, the set %q", whole(), values(f))
	}
}

// A stolen key must not be able to say that all is well.
func TestABatchOfARevokedKeyIsRefused(t *testing.T) {
	s := newScribe(t, "log")
	f := s.reader()
	s.give(f, s.sign(s.snapshot(0)))
	f.set.Add(Entry{Kind: Key, Value: s.key.ID(), Until: s.now.Add(time.Hour)})
	if err := f.take(t.Context(), s.sign(s.batch(0, 0))); !errors.Is(err, ErrForged) || !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("%v", err)
	}
}
