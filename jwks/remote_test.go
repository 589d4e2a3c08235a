package jwks_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// issuer is a real server that publishes a set, or does something else.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64
	answer  atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T, keys ...*jeton.VerifyingKey) *issuer {
	t.Helper()
	i := &issuer{}
	i.publish(keys...)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) do(answer http.HandlerFunc) { i.answer.Store(&answer) }

func (i *issuer) publish(keys ...*jeton.VerifyingKey) { i.do(publishing(setOf(keys...))) }

func setOf(keys ...*jeton.VerifyingKey) string {
	text, err := jwk.MarshalSet(keys)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func publishing(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		io.WriteString(w, body)
	}
}

func failing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nonsense", status) }
}

// hanging keeps a request until the test lets go of it.
func hanging(t *testing.T, then http.HandlerFunc) (handler http.HandlerFunc, arrived <-chan struct{}, release func()) {
	gate, in := make(chan struct{}), make(chan struct{}, 100)
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release) // before the server closes, which waits for its handlers
	return func(w http.ResponseWriter, r *http.Request) {
		in <- struct{}{}
		<-gate
		then(w, r)
	}, in, release
}

type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(1_800_000_000, c.nanos.Load()) }
func (c *clock) pass(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) since() time.Duration { return time.Duration(c.nanos.Load()) }

// remote is a Remote with a clock, and a channel on which each fetch reports.
type remote struct {
	*jwks.Remote
	clock   *clock
	fetched chan error
}

func newRemote(t *testing.T, url string, o jwks.RemoteOptions) *remote {
	t.Helper()
	r := &remote{clock: &clock{}, fetched: make(chan error, 1000)}
	o.Now = r.clock.now
	o.InsecureLoopbackHTTP = true
	o.OnRefresh = func(err error) { r.fetched <- err }
	var err error
	if r.Remote, err = jwks.NewRemote(url, o); err != nil {
		t.Fatal(err)
	}
	return r
}

// ready returns a remote that has fetched the issuer's set.
func ready(t *testing.T, i *issuer, o jwks.RemoteOptions) *remote {
	t.Helper()
	r := newRemote(t, i.URL, o)
	if err := r.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.fetch(t)
	return r
}

// fetch waits for the end of a fetch and returns its error.
func (r *remote) fetch(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.fetched:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("no fetch")
		return nil
	}
}

func (r *remote) find(id string) error {
	key, err := r.FindKey(context.Background(), jeton.Header{KeyID: id, Algorithm: jeton.RS256})
	if (key == nil) == (err == nil) || key != nil && key.ID() != id {
		return fmt.Errorf("key %v and error %v", key, err)
	}
	return err
}

func (r *remote) finds(t *testing.T, id string) {
	t.Helper()
	if err := r.find(id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

func (r *remote) findsNot(t *testing.T, id string, want error) {
	t.Helper()
	if err := r.find(id); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", id, err, want)
	}
}

func (i *issuer) fetched(t *testing.T, want int64) {
	t.Helper()
	if got := i.fetches.Load(); got != want {
		t.Errorf("fetched %d times, want %d", got, want)
	}
}

func TestNothingIsFetchedBeforeTheFirstLookUp(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	i.fetched(t, 0)
	r.finds(t, "a")
	r.finds(t, "a")
	i.fetched(t, 1)
}

func TestATokenWithoutIDFetchesTheFirstSetAndNoOther(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"), public(jeton.RS384, "b"), public(jeton.RS384, "c"))
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	find := func(alg jeton.Algorithm) error {
		_, err := r.FindKey(context.Background(), jeton.Header{Algorithm: alg})
		return err
	}
	if err := find(jeton.RS256); err != nil {
		t.Error(err)
	}
	r.clock.pass(time.Minute)
	for _, alg := range []jeton.Algorithm{jeton.RS384, jeton.RS512} {
		if err := find(alg); !errors.Is(err, jeton.ErrUnknownKey) {
			t.Errorf("%s: %v", alg, err)
		}
	}
	i.fetched(t, 1)
}

func TestAnOldSetServesWhileItIsFetchedAgain(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	slow, arrived, release := hanging(t, publishing(setOf(public(jeton.RS256, "a"), public(jeton.RS256, "b"))))
	i.do(slow)

	r.clock.pass(5 * time.Minute)
	r.finds(t, "a") // and does not wait: the issuer hangs
	<-arrived
	for range 100 {
		r.finds(t, "a")
	}
	release()
	if err := r.fetch(t); err != nil {
		t.Fatal(err)
	}
	r.finds(t, "b")
	i.fetched(t, 2)
}

func TestAKeyThatIsNoLongerPublishedIsRefused(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"), public(jeton.RS256, "b"))
	r := ready(t, i, jwks.RemoteOptions{})
	i.publish(public(jeton.RS256, "b"))
	r.clock.pass(5 * time.Minute)
	r.finds(t, "b") // starts the refresh
	r.fetch(t)
	r.findsNot(t, "a", jeton.ErrUnknownKey)
	r.finds(t, "b")
}

func TestAnUnknownKeyFetchesTheSetAndIsFound(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	i.publish(public(jeton.RS256, "a"), public(jeton.RS256, "new"))
	r.clock.pass(30 * time.Second)
	r.finds(t, "new")
	i.fetched(t, 2)
}

func TestAnUnknownKeyDuringTheCooldownIsRefusedAtOnce(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	i.publish(public(jeton.RS256, "a"), public(jeton.RS256, "new"))
	for _, d := range []time.Duration{0, 15 * time.Second, 15*time.Second - 1} {
		r.clock.pass(d)
		r.findsNot(t, "new", jeton.ErrUnknownKey)
	}
	i.fetched(t, 1)
	r.clock.pass(1)
	r.finds(t, "new")
	r.findsNot(t, "other", jeton.ErrUnknownKey)
	i.fetched(t, 2)
}

func TestTheCooldownIsAnOption(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{Cooldown: time.Minute})
	r.clock.pass(time.Minute - 1)
	r.findsNot(t, "x", jeton.ErrUnknownKey)
	i.fetched(t, 1)
	r.clock.pass(1)
	r.findsNot(t, "x", jeton.ErrUnknownKey)
	i.fetched(t, 2)
}

func TestAFloodOfUnknownKeysMakesOneFetch(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	slow, arrived, release := hanging(t, publishing(setOf(public(jeton.RS256, "a"), public(jeton.RS256, "500"))))
	i.do(slow)
	r.clock.pass(time.Hour)

	var flood sync.WaitGroup
	var found, unknown atomic.Int64
	for n := range 1000 {
		flood.Go(func() {
			switch err := r.find(fmt.Sprint(n)); {
			case err == nil:
				found.Add(1)
			case errors.Is(err, jeton.ErrUnknownKey):
				unknown.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	<-arrived
	release()
	flood.Wait()
	i.fetched(t, 2)
	if found.Load() != 1 || unknown.Load() != 999 {
		t.Errorf("%d found, %d unknown", found.Load(), unknown.Load())
	}
}

func TestAFloodBeforeTheFirstSetMakesOneFetch(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	var flood sync.WaitGroup
	for range 1000 {
		flood.Go(func() { r.finds(t, "a") })
	}
	flood.Wait()
	i.fetched(t, 1)
}

// The issuer hangs for as long as the test wants, and known keys are found all
// the while.
func TestASlowIssuerDelaysNoKnownKey(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	slow, arrived, release := hanging(t, failing(500))
	i.do(slow)
	r.clock.pass(time.Minute)

	waiting := make(chan error)
	go func() { waiting <- r.find("x") }()
	<-arrived
	r.finds(t, "a")
	r.clock.pass(time.Hour)
	r.finds(t, "a")
	release()
	if err := <-waiting; !errors.Is(err, jeton.ErrUnknownKey) {
		t.Error(err)
	}
	i.fetched(t, 2)
}

func TestACancelledLookUpReturnsAtOnceAndTheFetchGoesOn(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	slow, arrived, release := hanging(t, publishing(setOf(public(jeton.RS256, "new"))))
	i.do(slow)
	r.clock.pass(time.Minute)

	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() {
		_, err := r.FindKey(ctx, jeton.Header{KeyID: "new"})
		waiting <- err
	}()
	<-arrived
	cancel()
	err := <-waiting // while the issuer still hangs
	if !errors.Is(err, jeton.ErrKeysUnavailable) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	if err := r.fetch(t); err != nil {
		t.Fatal(err)
	}
	r.finds(t, "new")
	i.fetched(t, 2)
}

func TestRefreshReportsWhatIsWrong(t *testing.T) {
	i := newIssuer(t)
	i.do(failing(503))
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	if err := r.Refresh(context.Background()); !errors.Is(err, jeton.ErrKeysUnavailable) || !strings.Contains(err.Error(), "503") {
		t.Error(err)
	}
	// The cooldown holds for look-ups, not for who asks in person.
	i.publish(public(jeton.RS256, "a"))
	r.findsNot(t, "a", jeton.ErrKeysUnavailable)
	if err := r.Refresh(context.Background()); err != nil {
		t.Error(err)
	}
	r.finds(t, "a")
	i.fetched(t, 2)
}

func TestRefreshJoinsTheFetchUnderWay(t *testing.T) {
	i := newIssuer(t)
	slow, arrived, release := hanging(t, publishing(setOf(public(jeton.RS256, "a"))))
	i.do(slow)
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	waiting := make(chan error)
	go func() { waiting <- r.find("a") }()
	<-arrived
	begun := make(chan bool)
	for range 3 {
		go func() { begun <- true; waiting <- r.Refresh(context.Background()) }()
	}
	for range 3 {
		<-begun
	}
	time.Sleep(50 * time.Millisecond) // they are to join the fetch before it ends
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	if err := r.Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	for range 4 {
		if err := <-waiting; err != nil {
			t.Error(err)
		}
	}
	i.fetched(t, 1)
}

func TestAnIssuerThatFailsLeavesTheOldSet(t *testing.T) {
	good := setOf(public(jeton.RS256, "a"))
	private, err := jwk.MarshalPrivate(key(jeton.RS256, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"status 500": failing(500),
		"status 404": failing(404),
		"status 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"status 206": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(206)
			io.WriteString(w, good)
		},
		"status 304 out of blue":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) },
		"a private key":           publishing(`{"keys":[` + string(private) + `]}`),
		"a secret":                publishing(`{"keys":[{"kty":"oct","alg":"HS256","kid":"s","k":"MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY"}]}`),
		"an empty set":            publishing(`{"keys":[]}`),
		"no usable key":           publishing(`{"keys":[{"kty":"XYZ"}]}`),
		"two keys of one id":      publishing(`{"keys":[` + strings.Repeat(strings.TrimSuffix(strings.TrimPrefix(good, `{"keys":[`), `]}`)+",", 2) + `{"kty":"XYZ"}]}`),
		"half a set":              publishing(good[:len(good)/2]),
		"a set and more":          publishing(good + "x"),
		"no JSON":                 publishing("<html>"),
		"an empty body":           publishing(""),
		"a body of 10 MB":         publishing(good + strings.Repeat(" ", 10<<20)),
		"a body of 512 KiB and 1": publishing(good + strings.Repeat(" ", 512<<10+1-len(good))),
		"text/html":               typed("text/html", good),
		"text/plain":              typed("text/plain; charset=utf-8", good),
		"text/json":               typed("text/json", good),
		"an image of JSON":        typed("image/svg+json", good),
		"a type like JSON":        typed("application/jsonp", good),
		"two types":               typed("text/html, application/json", good),
		"no type":                 typed("", good),
		"a redirect":              func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a redirect for ever": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
		},
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a body that breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", fmt.Sprint(len(good)+1))
			io.WriteString(w, good)
		},
		"headers without end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
			publishing(good)(w, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t, public(jeton.RS256, "a"), public(jeton.RS256, "b"))
			r := ready(t, i, jwks.RemoteOptions{})
			i.do(answer)
			r.clock.pass(time.Hour)
			r.finds(t, "b") // starts the refresh
			err := r.fetch(t)
			if !errors.Is(err, jeton.ErrKeysUnavailable) {
				t.Fatal(err)
			}
			if strings.Contains(err.Error(), i.URL) || strings.Contains(err.Error(), "MDEyMzQ1") {
				t.Errorf("quotes too much: %v", err)
			}
			r.finds(t, "b")
			i.fetched(t, 2)
		})
	}
}

func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		io.WriteString(w, body)
	}
}

func TestTypesThatAreJSON(t *testing.T) {
	for _, contentType := range []string{
		"application/json", "application/jwk-set+json", "application/json; charset=utf-8",
		"Application/JSON", "application/vnd.example+json",
	} {
		i := newIssuer(t)
		i.do(typed(contentType, setOf(public(jeton.RS256, "a"))))
		if err := newRemote(t, i.URL, jwks.RemoteOptions{}).Refresh(context.Background()); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
	}
}

func TestASetOf512KiBIsRead(t *testing.T) {
	good := setOf(public(jeton.RS256, "a"))
	i := newIssuer(t)
	i.do(publishing(good + strings.Repeat(" ", 512<<10-len(good))))
	if err := newRemote(t, i.URL, jwks.RemoteOptions{}).Refresh(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	target := newIssuer(t, public(jeton.RS256, "a"))
	i := newIssuer(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		i.do(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		err := newRemote(t, i.URL, jwks.RemoteOptions{}).Refresh(context.Background())
		if !errors.Is(err, jeton.ErrKeysUnavailable) || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d: %v", status, err)
		}
	}
	target.fetched(t, 0)
}

func TestAStaleSetIsNoSet(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	i.do(failing(500))
	for r.clock.since() < 24*time.Hour-time.Minute {
		r.finds(t, "a")
		r.clock.pass(time.Minute)
	}
	r.clock.pass(time.Minute - 1)
	r.finds(t, "a")
	r.clock.pass(1)
	r.findsNot(t, "a", jeton.ErrKeysUnavailable)
	r.findsNot(t, "a", jeton.ErrKeysUnavailable) // in the cooldown, too
	i.publish(public(jeton.RS256, "a"))
	r.clock.pass(30 * time.Second)
	r.finds(t, "a")
}

// A set that nobody asked for in a day is not served as if it were fresh.
func TestASetThatSleptTooLongIsFetchedFirst(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"), public(jeton.RS256, "b"))
	r := ready(t, i, jwks.RemoteOptions{})
	i.publish(public(jeton.RS256, "b"))
	r.clock.pass(24 * time.Hour)
	r.findsNot(t, "a", jeton.ErrUnknownKey)
	r.finds(t, "b")
	i.fetched(t, 2)
}

func TestFailuresBeforeTheFirstSetAreRetriedOncePerCooldown(t *testing.T) {
	i := newIssuer(t)
	i.do(failing(500))
	r := newRemote(t, i.URL, jwks.RemoteOptions{})
	for n := range int64(3) {
		for range 2 { // the second one in the cooldown
			if err := r.find("a"); !errors.Is(err, jeton.ErrKeysUnavailable) || !strings.Contains(err.Error(), "500") {
				t.Error(err)
			}
		}
		r.clock.pass(30*time.Second - 1)
		r.findsNot(t, "a", jeton.ErrKeysUnavailable)
		i.fetched(t, n+1)
		r.clock.pass(1)
	}
	i.publish(public(jeton.RS256, "a"))
	r.finds(t, "a")
}

func TestASetThatHasNotChangedIsNotSentAgain(t *testing.T) {
	body := setOf(public(jeton.RS256, "a"))
	i := newIssuer(t)
	var notModified atomic.Int64
	i.do(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=120")
		w.Header().Set("ETag", `W/"1"`)
		if r.Header.Get("If-None-Match") == `W/"1"` {
			notModified.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		publishing(body)(w, r)
	})
	r := ready(t, i, jwks.RemoteOptions{MaxStale: 5 * time.Minute})
	for n := range int64(5) { // far beyond MaxStale: a set that is confirmed is fresh
		r.clock.pass(2 * time.Minute)
		r.finds(t, "a")
		if err := r.fetch(t); err != nil {
			t.Fatal(err)
		}
		if notModified.Load() != n+1 {
			t.Error("sent again")
		}
	}
	i.fetched(t, 6)

	// A set without a tag is asked for without one.
	i.do(publishing(body))
	r.clock.pass(2 * time.Minute)
	r.finds(t, "a")
	r.fetch(t)
	i.fetched(t, 7)
	i.do(func(w http.ResponseWriter, r *http.Request) {
		if tag := r.Header.Get("If-None-Match"); tag != "" {
			t.Errorf("asks with the tag %s of an older set", tag)
		}
		publishing(body)(w, r)
	})
	r.clock.pass(5*time.Minute - 1)
	r.finds(t, "a")
	if err := r.fetch(t); err != nil {
		t.Error(err)
	}
	i.fetched(t, 8)
}

func TestATagThatNoRequestMayCarryIsForgotten(t *testing.T) {
	for name, tag := range map[string]string{
		"a control character": "\"a\tb\"",
		"too long":            `"` + strings.Repeat("x", 2000) + `"`,
		"no quotes":           "abc",
	} {
		i := newIssuer(t)
		i.do(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				t.Errorf("%s: sent back", name)
			}
			publishing(setOf(public(jeton.RS256, "a")), "ETag", tag)(w, r)
		})
		r := ready(t, i, jwks.RemoteOptions{})
		if err := r.Refresh(context.Background()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAFetchSends(t *testing.T) {
	i := newIssuer(t)
	requests := make(chan *http.Request, 2)
	i.do(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		publishing(setOf(public(jeton.RS256, "a")))(w, r)
	})
	r := newRemote(t, i.URL+"/keys?tenant=1", jwks.RemoteOptions{})
	for range 2 {
		if err := r.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		req := <-requests
		if req.Method != "GET" || req.URL.String() != "/keys?tenant=1" || req.Header.Get("Cookie") != "" ||
			req.Header.Get("Accept") != "application/jwk-set+json, application/json" || !req.Close {
			t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
		}
	}
}

func TestNewRemoteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		url  string
		o    jwks.RemoteOptions
		want string
	}{
		"nothing":                 {"", jwks.RemoteOptions{}, "no host"},
		"a path":                  {"/jwks.json", jwks.RemoteOptions{}, "no host"},
		"http":                    {"http://auth.example/jwks.json", jwks.RemoteOptions{}, "not https"},
		"http with the option":    {"http://auth.example/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true}, "not https"},
		"http to a private host":  {"http://10.0.0.1/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true}, "not https"},
		"http to localhost's kin": {"http://localhost.example/", jwks.RemoteOptions{InsecureLoopbackHTTP: true}, "not https"},
		"http without the option": {"http://localhost/jwks.json", jwks.RemoteOptions{}, "InsecureLoopbackHTTP"},
		"B1 a file":               {"file:///etc/passwd", jwks.RemoteOptions{InsecureLoopbackHTTP: true}, "no host"},
		"B1 a file with a host":   {"file://localhost/etc/passwd", jwks.RemoteOptions{InsecureLoopbackHTTP: true}, "not https"},
		"another scheme":          {"ftp://auth.example/", jwks.RemoteOptions{}, "not https"},
		"no scheme":               {"auth.example/jwks.json", jwks.RemoteOptions{}, "no host"},
		"an opaque address":       {"https:auth.example", jwks.RemoteOptions{}, "no host"},
		"no host":                 {"https:///jwks.json", jwks.RemoteOptions{}, "no host"},
		"a port and no host":      {"https://:443/", jwks.RemoteOptions{}, "no host"},
		"user information":        {"https://user:hunter2@auth.example/", jwks.RemoteOptions{}, "user information"},
		"a user":                  {"https://user@auth.example/", jwks.RemoteOptions{}, "user information"},
		"a fragment":              {"https://auth.example/#x", jwks.RemoteOptions{}, "fragment"},
		"an empty fragment":       {"https://auth.example/#", jwks.RemoteOptions{}, "fragment"},
		"no URL":                  {"https://user:hunter2@auth.example:x/", jwks.RemoteOptions{}, "no URL"},
		"a line end":              {"https://auth.example/\n", jwks.RemoteOptions{}, "no URL"},
		"a negative RefreshEvery": {"https://auth.example/", jwks.RemoteOptions{RefreshEvery: -1}, "RefreshEvery"},
		"a negative Cooldown":     {"https://auth.example/", jwks.RemoteOptions{Cooldown: -1}, "Cooldown"},
		"a negative MaxStale":     {"https://auth.example/", jwks.RemoteOptions{MaxStale: -1}, "MaxStale"},
		"MaxStale < RefreshEvery": {"https://auth.example/", jwks.RemoteOptions{RefreshEvery: 25 * time.Hour}, "MaxStale"},
		"MaxStale < Cooldown":     {"https://auth.example/", jwks.RemoteOptions{MaxStale: time.Second}, "MaxStale"},
		"a secret's algorithm":    {"https://auth.example/", jwks.RemoteOptions{DefaultAlgorithm: jeton.HS256}, "never published"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := jwks.NewRemote(c.url, c.o)
			if !errors.Is(err, jeton.ErrInvalidPolicy) || !strings.Contains(err.Error(), c.want) || r != nil {
				t.Error(err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("shows a password: %v", err)
			}
		})
	}
	if _, err := jwks.NewRemote("https://auth.example/", jwks.RemoteOptions{DefaultAlgorithm: "none"}); !errors.Is(err, jeton.ErrUnsupportedAlgorithm) {
		t.Error(err)
	}
	if _, err := jwks.NewRemote("https://auth.example/jwks.json?x=1", jwks.RemoteOptions{}); err != nil {
		t.Error(err)
	}
}

func TestDefaultAlgorithmIsForKeysThatNameNone(t *testing.T) {
	body := strings.Replace(setOf(public(jeton.RS256, "a")), `"alg":"RS256",`, "", 1)
	i := newIssuer(t)
	i.do(publishing(body))
	if err := newRemote(t, i.URL, jwks.RemoteOptions{}).Refresh(context.Background()); !errors.Is(err, jeton.ErrKeysUnavailable) || !strings.Contains(err.Error(), "DefaultAlgorithm") {
		t.Error(err)
	}
	r := newRemote(t, i.URL, jwks.RemoteOptions{DefaultAlgorithm: jeton.RS512})
	k, err := r.FindKey(context.Background(), jeton.Header{KeyID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if k.Algorithm() != jeton.RS512 {
		t.Error(k.Algorithm())
	}
}

func TestAKnownKeyIsFoundWithoutAllocating(t *testing.T) {
	i := newIssuer(t, public(jeton.RS256, "a"))
	r := ready(t, i, jwks.RemoteOptions{})
	for name, h := range map[string]jeton.Header{"known": {KeyID: "a"}, "unknown in the cooldown": {KeyID: "x"}} {
		if n := testing.AllocsPerRun(100, func() { r.FindKey(context.Background(), h) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// The caller's transport is used for everything, and the limits stay.
func TestATransportOfTheCaller(t *testing.T) {
	i := newIssuer(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*i.answer.Load())(w, r) }))
	t.Cleanup(secure.Close)
	i.publish(public(jeton.RS256, "a"))
	transport := secure.Client().Transport.(*http.Transport)

	r := newRemote(t, secure.URL, jwks.RemoteOptions{Transport: transport})
	r.finds(t, "a")

	i.do(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, i.URL, http.StatusFound) })
	if err := r.Refresh(context.Background()); err == nil {
		t.Error("follows a redirect")
	}
	i.fetched(t, 0)
	i.do(publishing(setOf(public(jeton.RS256, "a")) + strings.Repeat(" ", 1<<20)))
	if err := r.Refresh(context.Background()); err == nil {
		t.Error("reads a megabyte")
	}
}

func TestACertificateThatNobodyTrustsIsRefused(t *testing.T) {
	secure := httptest.NewUnstartedServer(publishing(setOf(public(jeton.RS256, "a"))))
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	err := newRemote(t, secure.URL, jwks.RemoteOptions{}).Refresh(context.Background())
	var unknown *tls.CertificateVerificationError
	if !errors.Is(err, jeton.ErrKeysUnavailable) || !strings.Contains(err.Error(), "certificate") || errors.As(err, &unknown) {
		t.Error(err)
	}
}

func TestAnIssuerThatIsNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	r := newRemote(t, "http://"+address, jwks.RemoteOptions{})
	r.findsNot(t, "a", jeton.ErrKeysUnavailable)
	r.findsNot(t, "a", jeton.ErrKeysUnavailable)
}
