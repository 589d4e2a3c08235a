package guard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/jetontest"
)

// sources are keys and revocations that a test controls.
type sources struct {
	issuers []*jetontest.Issuer
	stale   atomic.Int64 // how old the revocations are
}

func (s *sources) of(i guard.Issuer) *jetontest.Issuer {
	for _, each := range s.issuers {
		if each.URL() == i.Issuer {
			return each
		}
	}
	return s.issuers[0]
}

func (s *sources) Keys(i guard.Issuer) (jeton.KeySet, error) { return s.of(i), nil }

func (s *sources) Revocations(i guard.Issuer) (guard.Revocations, error) {
	return revocations{s.of(i).Policy("").Revocations, s}, nil
}

type revocations struct {
	jeton.RevocationList
	s *sources
}

func (r revocations) Stale() time.Duration { return time.Duration(r.s.stale.Load()) }

// block returns a block of a document, by the name after its language.
func block(t testing.TB, file, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?ms)^```\\w+ " + regexp.QuoteMeta(name) + "\n(.*?)^```$").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/%s has no block %s", file, name)
	}
	return string(found[1])
}

// documented is the policy of docs/guard.md for an issuer and a gateway.
func documented(t testing.TB, issuer *jetontest.Issuer, gateway guard.Gateway) string {
	t.Helper()
	text := strings.ReplaceAll(block(t, "guard.md", "guard.yaml"), "https://auth.example", issuer.URL())
	return strings.Replace(text, "gateway: nginx", "gateway: "+string(gateway), 1)
}

func newGuard(t testing.TB, policy string, from *sources) *guard.Guard {
	t.Helper()
	p, err := guard.Parse("guard.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	g, err := guard.New(p, from, from.issuers[0].Now)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// quiet is for those who don't care about decisions.
func quiet(guard.Request, guard.Decision) {}

func handler(g *guard.Guard) http.Handler {
	return guard.Handler(func() *guard.Guard { return g }, quiet)
}

// service answers with the headers that it sees.
func service(t testing.TB) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.RequestURI)
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(s.Close)
	return s
}

// ask is a client's request, as it would be without a gateway.
func ask(method, host, target string, headers ...string) guard.Request {
	r := guard.Request{Method: method, Host: host, Target: target, Header: http.Header{}}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func decide(g *guard.Guard, r guard.Request) guard.Decision {
	return g.Decide(context.Background(), r)
}

// header returns a header of a decision.
func header(d guard.Decision, name string) string {
	for _, each := range d.Headers {
		if each.Name == name {
			return each.Value
		}
	}
	return "absent"
}

// serveOnce asks a handler as a gateway would.
func serveOnce(h http.Handler, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
