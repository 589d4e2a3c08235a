package revocation_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/revocation"
	"pgregory.net/rapid"
)

var (
	sids     = []string{"AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAQ", "__________-_________-w", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "ü", "x"}
	subjects = []string{"alice", "bob", "AAAAAAAAAAAAAAAAAAAAAA"}
	clients  = []string{"web", "app"}
)

// The set answers as a list of all entries does that is gone through one by one,
// and in whatever order and however often they came.
func TestTheSetIsExactAndTheOrderDoesNotMatter(t *testing.T) {
	f := newFixture(t)
	start := f.now
	rapid.Check(t, func(t *rapid.T) {
		f.now = start
		clock := func() time.Time { return f.now }
		set, other := revocation.NewSet(clock), revocation.NewSet(clock)
		second := func(name string, from, to int) time.Time {
			return start.Add(time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Second)
		}
		// As an issuer's log has them: what is later calls back later tokens,
		// for longer.
		var entries []revocation.Entry
		for i := range rapid.IntRange(0, 40).Draw(t, "entries") {
			at := start.Add(time.Duration(i*5) * time.Second)
			e := revocation.Entry{Until: at.Add(100 * time.Second), Before: at}
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0:
				e.Kind = revocation.All
			case 1:
				e.Kind, e.Value = revocation.Client, rapid.SampledFrom(clients).Draw(t, "client")
			case 2, 3:
				e.Kind, e.Value = revocation.Subject, rapid.SampledFrom(subjects).Draw(t, "subject")
			default:
				e.Kind, e.Value, e.Before = revocation.Session, rapid.SampledFrom(sids).Draw(t, "sid"), time.Time{}
			}
			entries = append(entries, e)
		}
		for _, e := range entries {
			set.Add(e)
		}
		for _, e := range rapid.Permutation(append(slices.Clone(entries), entries...)).Draw(t, "order") {
			other.Add(e)
		}
		if a, b := set.Entries(), other.Entries(); !slices.Equal(a, b) {
			t.Fatalf("in another order, and twice:\n%v\n%v", a, b)
		}
		if rapid.Bool().Draw(t, "sweep") {
			f.now = second("swept", 0, 300)
			set.Sweep()
		}
		for range 20 {
			f.now = second("now", int(f.now.Sub(start)/time.Second), 400)
			c := jeton.AccessClaims{
				Claims: jeton.Claims{
					Issuer: "i", Audience: jeton.Audience{"a"}, Subject: rapid.SampledFrom(subjects).Draw(t, "sub"),
					ExpiresAt: jeton.At(f.now.Add(time.Hour)),
				},
				SessionID: rapid.SampledFrom(sids).Draw(t, "sid"), ClientID: rapid.SampledFrom(clients).Draw(t, "client_id"),
			}
			issued := time.Time{}
			if rapid.IntRange(0, 9).Draw(t, "iat") > 0 {
				issued = second("issued", -60, int(f.now.Sub(start)/time.Second))
				c.IssuedAt = jeton.At(issued.Add(time.Duration(rapid.IntRange(0, 999).Draw(t, "ms")) * time.Millisecond))
			}
			token, err := f.signer.Sign(c)
			if err != nil {
				t.Fatal(err)
			}
			v, err := f.plain.Verify(context.Background(), token)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.ContainsFunc(entries, func(e revocation.Entry) bool {
				mine := e.Kind == revocation.Session && e.Value == c.SessionID || e.Kind == revocation.Subject && e.Value == c.Subject ||
					e.Kind == revocation.Client && e.Value == c.ClientID || e.Kind == revocation.All
				return mine && f.now.Before(e.Until) && (e.Kind == revocation.Session || issued.Before(e.Before))
			})
			// Within one name a later entry makes an earlier one last as long;
			// by then the tokens of that one have expired.
			if err := set.CheckRevoked(context.Background(), v); want && !errors.Is(err, jeton.ErrRevoked) {
				t.Fatalf("%v at %v: let through; entries %v", c, f.now, entries)
			} else if err != nil && !want && !outlived(entries, c, issued, f.now) {
				t.Fatalf("%v at %v: %v; entries %v", c, f.now, err, entries)
			}
		}
	})
}

// outlived tells whether an entry that is over concerned a token.
func outlived(entries []revocation.Entry, c jeton.AccessClaims, issued, now time.Time) bool {
	return slices.ContainsFunc(entries, func(e revocation.Entry) bool {
		return !now.Before(e.Until) && e.Kind != revocation.Session && issued.Before(e.Before) &&
			(e.Value == c.Subject || e.Value == c.ClientID || e.Kind == revocation.All)
	})
}

func TestManyEntriesAreAllFoundAndNoneIsInvented(t *testing.T) {
	f := newFixture(t)
	const n = 20_000
	in := make([]string, n)
	for i := range in {
		in[i] = randomSID()
		// Half of them go away on the way, so that tables are made anew.
		until := f.now.Add(time.Hour)
		if i%2 == 1 {
			until = f.now.Add(time.Duration(i) * time.Millisecond)
		}
		f.set.RevokeSession(in[i], until)
		f.set.Add(revocation.Entry{Kind: revocation.Subject, Value: in[i], Before: f.now, Until: until})
	}
	if got := f.set.Len(); got < n {
		t.Errorf("%d entries", got)
	}
	f.now = f.now.Add(time.Minute)
	f.set.Sweep()
	want := 0
	for i := range in {
		if i%2 == 0 {
			want += 2
		}
	}
	if got := len(f.set.Entries()); got != want || f.set.Len() != want {
		t.Errorf("%d entries are left, and Len is %d; want %d", got, f.set.Len(), want)
	}
	for i := 0; i < n; i += 400 {
		if err := f.check(in[i]); !errors.Is(err, jeton.ErrRevoked) {
			t.Fatalf("entry %d: %v", i, err)
		}
		if err := f.check(in[i+1]); err != nil {
			t.Fatalf("entry %d is over: %v", i+1, err)
		}
		if err := f.check(randomSID()); err != nil {
			t.Fatalf("a session that was never revoked: %v", err)
		}
	}
	f.now = f.now.Add(2 * time.Hour)
	f.set.Sweep()
	if f.set.Len() != 0 {
		t.Errorf("%d entries when all are over", f.set.Len())
	}
}

func TestAKeyThatWasRevoked(t *testing.T) {
	f := newFixture(t)
	f.set.Add(revocation.Entry{Kind: revocation.Key, Value: f.kid, Until: f.now.Add(time.Hour)})
	if err := f.check("one"); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("a token of a revoked key: %v", err)
	}
	f.now = f.now.Add(time.Hour)
	if err := f.check("one"); err != nil {
		t.Errorf("after its time: %v", err)
	}
}

func TestWhatIsNoEntryIsPassedOver(t *testing.T) {
	f := newFixture(t)
	until := f.now.Add(time.Hour)
	for _, e := range []revocation.Entry{
		{}, {Kind: revocation.Session, Until: until}, {Kind: revocation.All, Value: "x", Before: until, Until: until},
		{Kind: "other", Value: "x", Until: until}, {Kind: revocation.Subject, Value: "x", Before: until, Until: f.now},
	} {
		if f.set.Add(e) || f.set.Len() != 0 {
			t.Errorf("%+v was added", e)
		}
	}
}

func TestACheckTakesNoMemory(t *testing.T) {
	f := newFixture(t)
	for range 100 {
		f.set.RevokeSession(randomSID(), f.now.Add(time.Hour))
		f.set.Add(revocation.Entry{Kind: revocation.Subject, Value: randomSID(), Before: f.now, Until: f.now.Add(time.Hour)})
		f.set.Add(revocation.Entry{Kind: revocation.Client, Value: randomSID(), Before: f.now, Until: f.now.Add(time.Hour)})
	}
	v := verifiedTokens(t, 1)[0]
	if n := testing.AllocsPerRun(100, func() {
		if err := f.set.CheckRevoked(context.Background(), v); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
