package revocation_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

// The examples of draft-ietf-oauth-status-list-21, section 4.1 and appendix C.1.
const (
	oneBit  = "eNrbuRgAAhcBXQ"
	twoBits = "eNo76fITAAPfAgc"
	large   = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogE" +
		"AAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
		"AAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAA" +
		"A7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAA" +
		"ACAZC8L2AEb"
)

// lists is a publisher of status lists that are not jeton's.
type lists struct {
	t      *testing.T
	url    string
	signer *jeton.SigningKey
	keys   jeton.KeySet
	asked  atomic.Int64

	mu     sync.Mutex
	at     time.Time
	answer func(w http.ResponseWriter, uri string)
}

func newLists(t *testing.T) *lists {
	t.Helper()
	key, err := jeton.GenerateKey(jeton.Ed25519)
	must(t, err)
	set, err := jwks.NewStatic(key.Public())
	must(t, err)
	l := &lists{t: t, signer: key, keys: set, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		l.mu.Lock()
		answer := l.answer
		l.mu.Unlock()
		answer(w, l.url+r.URL.Path)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func (l *lists) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

func (l *lists) move(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = l.at.Add(d)
}

func (l *lists) respond(f func(w http.ResponseWriter, uri string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = f
}

// claims are those of a good list.
func (l *lists) claims(uri string, bits int, lst string) map[string]any {
	now := l.now()
	return map[string]any{
		"sub": uri, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "ttl": 20,
		"status_list": map[string]any{"bits": bits, "lst": lst},
	}
}

func (l *lists) sign(key *jeton.SigningKey, typ string, claims any) string {
	l.t.Helper()
	s, err := jeton.NewSigner(key, jeton.Type(typ), jeton.TokenLimits(jeton.Limits{TokenBytes: 4 << 20}))
	must(l.t, err)
	token, err := s.Sign(claims)
	must(l.t, err)
	return token
}

func (l *lists) publish(bits int, lst string, change func(map[string]any)) {
	l.respond(func(w http.ResponseWriter, uri string) {
		c := l.claims(uri, bits, lst)
		if change != nil {
			change(c)
		}
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		fmt.Fprint(w, l.sign(l.signer, "statuslist+jwt", c))
	})
}

func (l *lists) checker(options ...revocation.Option) *revocation.StatusList {
	l.t.Helper()
	s, err := revocation.NewStatusList(l.url+"/lists/", l.keys, "https://other.example", append(options, revocation.Clock(l.now))...)
	must(l.t, err)
	return s
}

// check verifies a token that has a status claim.
func (l *lists) check(s *revocation.StatusList, status any) error {
	l.t.Helper()
	return l.checkIn(context.Background(), s, status)
}

func (l *lists) checkIn(ctx context.Context, s *revocation.StatusList, status any) error {
	l.t.Helper()
	v, err := jeton.NewVerifier(l.keys, jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, Revocations: s, AllowMissingExpiration: true, Now: l.now})
	must(l.t, err)
	claims := map[string]any{"sub": "alice"}
	if status != nil {
		claims["status"] = status
	}
	_, err = v.Verify(ctx, l.sign(l.signer, "at+jwt", claims))
	return err
}

func (l *lists) at1(index any) any { return l.ref(index, l.url+"/lists/1") }

func (l *lists) ref(index, uri any) any {
	return map[string]any{"status_list": map[string]any{"idx": index, "uri": uri}}
}

func TestTheDraftsExamplesAreRead(t *testing.T) {
	for _, c := range []struct {
		name string
		bits int
		lst  string
		size int64
		want map[int64]byte
	}{
		{"one bit", 1, oneBit, 16, map[int64]byte{0: 1, 3: 1, 4: 1, 5: 1, 7: 1, 8: 1, 9: 1, 13: 1, 15: 1}},
		{"two bits", 2, twoBits, 12, map[int64]byte{0: 1, 1: 2, 3: 3, 5: 1, 7: 1, 8: 1, 9: 2, 10: 3, 11: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLists(t)
			l.publish(c.bits, c.lst, nil)
			s := l.checker()
			for i := range c.size {
				err := l.check(s, l.at1(i))
				if want := c.want[i]; (err != nil) != (want != 0) || want != 0 && !strings.Contains(err.Error(), fmt.Sprint("status ", want)) {
					t.Errorf("%d: %v, want status %d", i, err, want)
				}
			}
			if err := l.check(s, l.at1(c.size)); !errors.Is(err, revocation.ErrStatus) {
				t.Errorf("an index behind the end: %v", err)
			}
			if n := l.asked.Load(); n != 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
	l := newLists(t)
	l.publish(1, large, nil)
	s := l.checker()
	for _, i := range []int{0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345} {
		if err := l.check(s, l.at1(i)); !errors.Is(err, jeton.ErrRevoked) {
			t.Errorf("%d: %v", i, err)
		}
		if err := l.check(s, l.at1(i+1)); err != nil {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	must(t, l.check(s, l.at1(1<<20-1)))
	if err := l.check(s, l.at1(1<<20)); !errors.Is(err, revocation.ErrStatus) {
		t.Errorf("an index behind the end: %v", err)
	}
}

func TestATokenWithoutAUsableStatusIsRefused(t *testing.T) {
	l := newLists(t)
	l.publish(1, oneBit, nil)
	s := l.checker(revocation.FailOpen(time.Hour))
	must(t, l.check(s, l.at1(1)))
	before := l.asked.Load()
	for name, status := range map[string]any{
		"none":               nil,
		"no list":            map[string]any{},
		"another mechanism":  map[string]any{"other": 1},
		"not an object":      "x",
		"no index":           map[string]any{"status_list": map[string]any{"uri": l.url + "/lists/1"}},
		"a negative index":   l.at1(-1),
		"half an index":      l.at1(0.5),
		"an index in text":   l.at1("1"),
		"no address":         map[string]any{"status_list": map[string]any{"idx": 1}},
		"another place":      l.ref(1, "https://evil.example/lists/1"),
		"beside the place":   l.ref(1, l.url+"/other/1"),
		"up from the place":  l.ref(1, l.url+"/lists/../other"),
		"encoded":            l.ref(1, l.url+"/lists/%2e%2e/other"),
		"a query":            l.ref(1, l.url+"/lists/1?x"),
		"a fragment":         l.ref(1, l.url+"/lists/1#x"),
		"the place itself":   l.ref(1, l.url+"/lists/"),
		"a line break":       l.ref(1, l.url+"/lists/1\n"),
		"an endless address": l.ref(1, l.url+"/lists/"+strings.Repeat("a", 300)),
		"out of range":       l.at1(16),
		"far out of range":   l.at1(1 << 60),
	} {
		if err := l.check(s, status); !errors.Is(err, revocation.ErrStatus) || !errors.Is(err, jeton.ErrRevoked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := l.asked.Load(); n != before {
		t.Errorf("%d addresses were fetched that a token made up", n-before)
	}
}

func zip(t *testing.T, zeros int) string {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write(make([]byte, zeros))
	must(t, err)
	must(t, z.Close())
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

func TestAListThatDoesNotHoldIsRefused(t *testing.T) {
	thief, err := jeton.GenerateKey(jeton.Ed25519)
	must(t, err)
	l := newLists(t)
	claims := func(change func(c, list map[string]any)) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, uri string) {
			c := l.claims(uri, 1, oneBit)
			change(c, c["status_list"].(map[string]any))
			w.Header().Set("Content-Type", "application/statuslist+jwt")
			fmt.Fprint(w, l.sign(l.signer, "statuslist+jwt", c))
		}
	}
	// Not while somebody waits for it: that is work for seconds under -race.
	bomb, largeBomb := zip(t, 1<<20+1), zip(t, 64<<20)
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, string)
		forged bool
	}{
		"another key": {func(w http.ResponseWriter, uri string) {
			w.Header().Set("Content-Type", "application/statuslist+jwt")
			fmt.Fprint(w, l.sign(thief, "statuslist+jwt", l.claims(uri, 1, oneBit)))
		}, true},
		"another type": {func(w http.ResponseWriter, uri string) {
			w.Header().Set("Content-Type", "application/statuslist+jwt")
			fmt.Fprint(w, l.sign(l.signer, "at+jwt", l.claims(uri, 1, oneBit)))
		}, true},
		"no token": {func(w http.ResponseWriter, _ string) { w.Header().Set("Content-Type", "application/statuslist+jwt") }, true},
		"another media": {func(w http.ResponseWriter, uri string) {
			fmt.Fprint(w, l.sign(l.signer, "statuslist+jwt", l.claims(uri, 1, oneBit)))
		}, false},
		"an error":       {func(w http.ResponseWriter, _ string) { w.WriteHeader(503) }, false},
		"a redirect":     {func(w http.ResponseWriter, _ string) { w.Header().Set("Location", "/lists/2"); w.WriteHeader(302) }, false},
		"another list":   {claims(func(c, _ map[string]any) { c["sub"] = l.url + "/lists/2" }), true},
		"no sub":         {claims(func(c, _ map[string]any) { delete(c, "sub") }), true},
		"another issuer": {claims(func(c, _ map[string]any) { c["iss"] = "https://evil.example" }), true},
		"no iat":         {claims(func(c, _ map[string]any) { delete(c, "iat") }), true},
		"of tomorrow":    {claims(func(c, _ map[string]any) { c["iat"] = l.now().Add(time.Hour).Unix(); delete(c, "exp") }), true},
		"expired": {claims(func(c, _ map[string]any) {
			c["iat"] = l.now().Add(-time.Hour).Unix()
			c["exp"] = l.now().Add(-time.Minute).Unix()
		}), false},
		"no list":      {claims(func(c, _ map[string]any) { delete(c, "status_list") }), true},
		"three bits":   {claims(func(_, l map[string]any) { l["bits"] = 3 }), true},
		"no bits":      {claims(func(_, l map[string]any) { delete(l, "bits") }), true},
		"bits in text": {claims(func(_, l map[string]any) { l["bits"] = "1" }), true},
		"no lst":       {claims(func(_, l map[string]any) { delete(l, "lst") }), true},
		"padding":      {claims(func(_, l map[string]any) { l["lst"] = oneBit + "==" }), true},
		"no zlib":      {claims(func(_, l map[string]any) { l["lst"] = "AAAA" }), true},
		"cut off":      {claims(func(_, l map[string]any) { l["lst"] = large[:200] }), true},
		"a wrong sum":  {claims(func(_, l map[string]any) { l["lst"] = oneBit[:12] + "AA" }), true},
		"a bomb":       {claims(func(_, l map[string]any) { l["lst"] = bomb }), true},
		"a large bomb": {claims(func(_, l map[string]any) { l["lst"] = largeBomb }), true},
		"ttl of zero":  {claims(func(c, _ map[string]any) { c["ttl"] = 0 }), true},
		"negative ttl": {claims(func(c, _ map[string]any) { c["ttl"] = -5 }), true},
		"ttl in text":  {claims(func(c, _ map[string]any) { c["ttl"] = "5" }), true},
	} {
		t.Run(name, func(t *testing.T) {
			l.respond(c.answer)
			var told atomic.Value
			err := l.check(l.checker(revocation.OnError(func(err error) { told.Store(err) })), l.at1(1))
			if !errors.Is(err, revocation.ErrStale) || errors.Is(err, jeton.ErrRevoked) {
				t.Errorf("got %v", err)
			}
			if got, _ := told.Load().(error); got == nil || errors.Is(got, revocation.ErrForged) != c.forged {
				t.Errorf("OnError was told %v", got)
			}
			must(t, l.check(l.checker(revocation.FailOpen(time.Minute)), l.at1(1)))
		})
	}
	l.publish(1, zip(t, 1<<20), func(c map[string]any) { c["iss"] = "https://other.example"; delete(c, "exp"); c["ttl"] = 1e300 })
	must(t, l.check(l.checker(), l.at1(8<<20-1)))
}

func TestAListIsKeptForItsTimeAndFetchedAgainAfterIt(t *testing.T) {
	l := newLists(t)
	l.publish(1, zip(t, 2), nil) // nobody is revoked
	s := l.checker()
	must(t, l.check(s, l.at1(0)))
	l.publish(1, oneBit, nil) // index 0 is
	l.move(14 * time.Second)
	must(t, l.check(s, l.at1(0)))
	if n := l.asked.Load(); n != 1 {
		t.Fatalf("%d fetches within three quarters of ttl", n)
	}
	l.move(7 * time.Second)
	if err := l.check(s, l.at1(0)); !errors.Is(err, jeton.ErrRevoked) || errors.Is(err, revocation.ErrStatus) {
		t.Errorf("after ttl: %v", err)
	}
	// Nobody waits while the old one lasts, and there is a new one soon.
	l.publish(1, zip(t, 2), nil)
	l.move(16 * time.Second)
	for l.asked.Load() < 3 {
		if err := l.check(s, l.at1(0)); err != nil && !errors.Is(err, jeton.ErrRevoked) {
			t.Fatal(err)
		}
	}
}

func TestAListIsUsedForAWhileWhenNoOtherIsToBeHad(t *testing.T) {
	down := func(w http.ResponseWriter, _ string) { w.WriteHeader(500) }
	for _, c := range []struct {
		name    string
		options []revocation.Option
		lasts   time.Duration
	}{
		{"as long as it says", nil, time.Minute},
		{"shorter", []revocation.Option{revocation.FailClosed(30 * time.Second)}, 30 * time.Second},
		{"no longer than it says", []revocation.Option{revocation.FailClosed(time.Hour)}, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLists(t)
			l.publish(1, oneBit, nil)
			s := l.checker(c.options...)
			must(t, l.check(s, l.at1(1)))
			l.respond(down)
			l.move(c.lasts - time.Second)
			must(t, l.check(s, l.at1(1)))
			before := l.asked.Load()
			must(t, l.check(s, l.at1(1))) // which does not ask again at once
			if n := l.asked.Load(); n != before {
				t.Errorf("%d fetches in one second", n-before+1)
			}
			l.move(time.Second)
			if err := l.check(s, l.at1(1)); !errors.Is(err, revocation.ErrStale) || !errors.Is(err, jeton.ErrRevocationsUnavailable) {
				t.Errorf("later: %v", err)
			}
			if err := l.check(s, l.at1(0)); !errors.Is(err, jeton.ErrRevoked) {
				t.Errorf("a token that an old list calls back: %v", err)
			}
			l.publish(1, oneBit, nil)
			l.move(time.Second)
			must(t, l.check(s, l.at1(1)))
		})
	}
	l := newLists(t)
	l.publish(1, oneBit, nil)
	s := l.checker(revocation.FailOpen(30 * time.Second))
	must(t, l.check(s, l.at1(1)))
	l.respond(down)
	l.move(time.Hour)
	must(t, l.check(s, l.at1(1)))
	if err := l.check(s, l.at1(0)); !errors.Is(err, jeton.ErrRevoked) {
		t.Errorf("failing open, a token that an old list calls back: %v", err)
	}
}

func TestTokensThatComeTogetherShareAFetchAndOneThatLeavesEndsIt(t *testing.T) {
	l := newLists(t)
	come, answer := make(chan struct{}), make(chan struct{})
	l.respond(func(w http.ResponseWriter, uri string) {
		close(come)
		<-answer
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		fmt.Fprint(w, l.sign(l.signer, "statuslist+jwt", l.claims(uri, 1, oneBit)))
	})
	s := l.checker(revocation.FailOpen(time.Minute))
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- l.checkIn(ctx, s, l.at1(1)) }()
	<-come
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves: %v", err)
	}
	others := make(chan error)
	for range 8 {
		go func() { others <- l.check(s, l.at1(1)) }()
	}
	close(answer)
	for range 8 {
		must(t, <-others)
	}
	if n := l.asked.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestListsThatAreNotUsedMakeRoom(t *testing.T) {
	l := newLists(t)
	l.publish(1, zip(t, 1<<20), nil)
	s := l.checker()
	at := func(n int) any { return l.ref(1, fmt.Sprint(l.url, "/lists/", n)) }
	const kept = 64 // lists of 1 MiB
	for n := range kept + 1 {
		must(t, l.check(s, at(n)))
		l.move(time.Millisecond)
	}
	before := l.asked.Load()
	must(t, l.check(s, at(kept)))
	if l.asked.Load() != before {
		t.Error("the last one is gone")
	}
	must(t, l.check(s, at(0)))
	if l.asked.Load() != before+1 {
		t.Error("the first one is still there")
	}
}

func TestAStatusListThatIsConfiguredWronglyIsRefused(t *testing.T) {
	l := newLists(t)
	for name, c := range map[string]struct {
		place, issuer string
		option        revocation.Option
	}{
		"http":           {"http://other.example/lists/", "x", nil},
		"no slash":       {"https://other.example/lists", "x", nil},
		"a query":        {"https://other.example/lists/?x", "x", nil},
		"no issuer":      {"https://other.example/lists/", "", nil},
		"long poll":      {"https://other.example/lists/", "x", revocation.LongPoll()},
		"a file":         {"https://other.example/lists/", "x", revocation.SnapshotFile("x")},
		"on revoke":      {"https://other.example/lists/", "x", revocation.OnRevoke(func(revocation.Entry) {})},
		"both tolerance": {"https://other.example/lists/", "x", func() revocation.Option { return revocation.FailClosed(-1) }()},
	} {
		var options []revocation.Option
		if c.option != nil {
			options = append(options, c.option)
		}
		if _, err := revocation.NewStatusList(c.place, l.keys, c.issuer, options...); !errors.Is(err, jeton.ErrInvalidPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := revocation.NewStatusList("http://other.example/lists/", l.keys, "x", revocation.InsecureHTTP())
	must(t, err)
}
