package httpauth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

func TestNewRefusesBadOptions(t *testing.T) {
	verifier, err := jeton.NewVerifier(newKeys(t).public, policy())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		verifier *jeton.Verifier
		realm    string
	}{
		{"no verifier", nil, "api"},
		{"a line break in the realm", verifier, "api\r\nSet-Cookie: a=b"},
		{"a control character", verifier, "api\x7f"},
		{"a realm that is not ASCII", verifier, "précis"},
	} {
		auth, err := httpauth.New(c.verifier, httpauth.Options{Realm: c.realm})
		if !errors.Is(err, jeton.ErrInvalidPolicy) || auth != nil {
			t.Errorf("%s: %v, %v", c.name, auth, err)
		}
	}
}

// A realm is whatever its owner calls it, and can't end its quotation.
func TestRealmIsQuoted(t *testing.T) {
	auth := newAuth(t, newKeys(t).public, policy(), httpauth.Options{Realm: `the "API", a\b`})
	if got, want := auth.Challenge(httpauth.ErrNoToken), `Bearer realm="the \"API\", a\\b"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRequirements(t *testing.T) {
	k := newKeys(t)
	base := newAuth(t, k.public, policy(), httpauth.Options{})
	scope, role := httpauth.Scope, httpauth.Role
	type reqs = []httpauth.Requirement
	for _, c := range []struct {
		name   string
		claims claims
		reqs   reqs
		holds  bool
	}{
		{"nothing required", good().without("scope").without("roles"), nil, true},
		{"the scope", good(), reqs{scope("orders:read")}, true},
		{"all of the scopes", good(), reqs{scope("orders:write", "orders:read")}, true},
		{"all of the scopes, one by one", good(), reqs{scope("orders:write"), scope("orders:read")}, true},
		{"one of two scopes", good(), reqs{scope("orders:read", "orders:delete")}, false},
		{"one of two scopes, one by one", good(), reqs{scope("orders:read"), scope("orders:delete")}, false},
		{"no scope claim", good().without("scope"), reqs{scope("orders:read")}, false},
		{"an empty scope claim", good().with("scope", ""), reqs{scope("orders:read")}, false},
		{"the start of a scope", good().with("scope", "orders:reader orders"), reqs{scope("orders:read")}, false},
		{"the end of a scope", good().with("scope", "all-orders:read"), reqs{scope("orders:read")}, false},
		{"another case", good().with("scope", "Orders:Read"), reqs{scope("orders:read")}, false},
		{"spaces around", good().with("scope", "  a  orders:read "), reqs{scope("orders:read")}, true},
		{"other separators", good().with("scope", "a,orders:read\tb"), reqs{scope("orders:read")}, false},
		{"an array of scopes", good().with("scope", []string{"orders:read"}), reqs{scope("orders:read")}, false},
		{"an array under another name", good().without("scope").with("scp", []string{"orders:read"}), reqs{scope("orders:read")}, false},
		{"null for scope", good().with("scope", nil), reqs{scope("orders:read")}, false},
		{"an object for scope", good().with("scope", map[string]any{"orders:read": true}), reqs{scope("orders:read")}, false},
		{"another case of the claim's name", good().without("scope").with("Scope", "orders:read"), reqs{scope("orders:read")}, false},

		{"the role", good(), reqs{role("clerk")}, true},
		{"one of the roles", good(), reqs{role("admin", "auditor")}, true},
		{"none of the roles", good(), reqs{role("admin", "owner")}, false},
		{"one of each", good(), reqs{role("clerk", "admin"), role("auditor", "owner")}, true},
		{"one of one group only", good(), reqs{role("clerk"), role("owner")}, false},
		{"no roles claim", good().without("roles"), reqs{role("clerk")}, false},
		{"no roles", good().with("roles", []string{}), reqs{role("clerk")}, false},
		{"null for roles", good().with("roles", nil), reqs{role("clerk")}, false},
		{"a string for roles", good().with("roles", "clerk"), reqs{role("clerk")}, false},
		{"a number among the roles", good().with("roles", []any{"clerk", 1}), reqs{role("clerk")}, false},
		{"null among the roles", good().with("roles", []any{"clerk", nil}), reqs{role("clerk")}, false},
		{"roles in an object", good().with("roles", map[string]any{"clerk": true}), reqs{role("clerk")}, false},
		{"a scope for a role", good(), reqs{role("orders:read")}, false},
		{"a role for a scope", good(), reqs{scope("clerk")}, false},

		{"scope and role", good(), reqs{scope("orders:read"), role("clerk")}, true},
		{"scope without role", good(), reqs{scope("orders:read"), role("admin")}, false},
		{"role without scope", good(), reqs{scope("orders:delete"), role("clerk")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			verified, err := base.Require(c.reqs...).Check(request("Bearer " + k.sign(t, c.claims)))
			if c.holds && (err != nil || verified == nil) {
				t.Errorf("refused: %v", err)
			}
			if !c.holds && (!errors.Is(err, httpauth.ErrInsufficientScope) || verified != nil) {
				t.Errorf("%v, %v, want ErrInsufficientScope alone", verified, err)
			}
		})
	}
}

// Requirements are values: what is derived from one Auth is none of another's
// business, and the caller's slices stay the caller's.
func TestRequireChangesNothing(t *testing.T) {
	k := newKeys(t)
	base := newAuth(t, k.public, policy(), httpauth.Options{})
	names := []string{"orders:read"}
	scope := httpauth.Scope(names...)
	roles := []string{"clerk"}
	role := httpauth.Role(roles...)
	names[0], roles[0] = "orders:delete", "owner"

	read := base.Require(scope, role)
	_ = read.Require(httpauth.Scope("a"))
	_ = read.Require(httpauth.Scope("b"), httpauth.Role("c"))

	r := request("Bearer " + k.sign(t, good()))
	if _, err := read.Check(r); err != nil {
		t.Errorf("derived: %v", err)
	}
	r = request("Bearer " + k.sign(t, good().without("scope").without("roles")))
	if _, err := base.Check(r); err != nil {
		t.Errorf("base: %v", err)
	}
	_, err := read.Check(r)
	if got := read.Challenge(err); !strings.HasSuffix(got, `, scope="orders:read"`) {
		t.Errorf("derived: %s", got)
	}
}

// Siblings share no memory, however much of it their parent has to spare.
func TestSiblingsAreIndependent(t *testing.T) {
	k := newKeys(t)
	parent := newAuth(t, k.public, policy(), httpauth.Options{})
	for range 3 { // appending one by one leaves room behind
		parent = parent.Require(httpauth.Scope("orders:read"), httpauth.Role("clerk"))
	}
	parent = parent.Require(httpauth.Scope("b"), httpauth.Scope("c"))
	parent = parent.Require(httpauth.Role("clerk"), httpauth.Role("clerk"))
	token := k.sign(t, good().with("scope", "orders:read b c first").with("roles", []string{"clerk", "first"}))
	first := parent.Require(httpauth.Scope("first"), httpauth.Role("first"))
	_ = parent.Require(httpauth.Scope("second"), httpauth.Role("second"))
	if _, err := first.Check(request("Bearer " + token)); err != nil {
		t.Errorf("the second sibling changed the first: %v", err)
	}
}

// A requirement that would require nothing, or that no token can meet, is found
// when the program starts.
func TestMeaninglessRequirementsPanic(t *testing.T) {
	auth := newAuth(t, newKeys(t).public, policy(), httpauth.Options{})
	for name, f := range map[string]func(){
		"no scope":                      func() { httpauth.Scope() },
		"an empty scope":                func() { httpauth.Scope("a", "") },
		"two scopes in one":             func() { httpauth.Scope("orders:read orders:write") },
		"a quote in a scope":            func() { httpauth.Scope(`a"b`) },
		"a backslash in a scope":        func() { httpauth.Scope(`a\b`) },
		"a line break in a scope":       func() { httpauth.Scope("a\r\nb") },
		"a scope that is not ASCII":     func() { httpauth.Scope("é") },
		"no role":                       func() { httpauth.Role() },
		"an empty role":                 func() { httpauth.Role("") },
		"a requirement of nobody's":     func() { auth.Require(httpauth.Requirement{}) },
		"the second one is of nobody's": func() { auth.Require(httpauth.Scope("a"), httpauth.Requirement{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "httpauth: ") {
					t.Errorf("panic %q", text)
				}
			}()
			f()
		})
	}
}

// A hook that logs whatever it gets can't log a token.
func TestOnRefuseSeesNoToken(t *testing.T) {
	const secret = "eyJhbGciOiJIUzI1NiJ9"
	var seen *http.Request
	var reason error
	auth := newAuth(t, newKeys(t).public, policy(), httpauth.Options{
		OnRefuse: func(r *http.Request, err error) { seen, reason = r, err },
	})
	r := httptest.NewRequest(http.MethodPost, "http://user:"+secret+"@api.example/a%2Fb?x=1&access_token="+secret+"#"+secret, strings.NewReader(secret))
	r.RequestURI = r.URL.RequestURI()
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Proxy-Authorization", "Bearer "+secret)
	r.Header.Set("Cookie", "session="+secret)
	r.Header.Set("Referer", "https://app.example/?access_token="+secret)
	r.Header.Set("X-Request-Id", "r-1")
	r.Form = map[string][]string{"access_token": {secret}}
	r.PostForm = r.Form
	if _, err := auth.Check(r); !errors.Is(err, httpauth.ErrBadRequest) || err != reason {
		t.Fatalf("Check: %v, hook: %v", err, reason)
	}
	body, _ := io.ReadAll(seen.Body)
	said := fmt.Sprintf("%+v %v %s %s %v %v", seen, seen.URL, seen.URL.User, body, reason, seen.PostForm)
	if strings.Contains(said, secret) {
		t.Errorf("the hook could log the token: %s", said)
	}
	if seen.Method != http.MethodPost || seen.URL.Path != "/a/b" || seen.RequestURI != "/a%2Fb" || seen.Header.Get("X-Request-Id") != "r-1" {
		t.Errorf("the hook can't tell the request: %+v", seen)
	}
	left, _ := io.ReadAll(r.Body)
	if string(left) != secret || r.Header.Get("Authorization") == "" || r.URL.RawQuery == "" || r.Form == nil {
		t.Errorf("the request itself was changed: %+v", r)
	}
}

// The hook hears of refusals only.
func TestOnRefuseIsSilentOtherwise(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{
		OnRefuse: func(_ *http.Request, err error) { t.Errorf("refused: %v", err) },
	})
	if _, err := auth.Check(request("Bearer " + k.sign(t, good()))); err != nil {
		t.Error(err)
	}
}

func TestFromContextWithoutToken(t *testing.T) {
	r := request()
	if v, ok := httpauth.FromContext(r.Context()); v != nil || ok {
		t.Errorf("%v, %v", v, ok)
	}
	if v, ok := httpauth.FromContext(httpauth.NewContext(r.Context(), nil)); v != nil || ok {
		t.Errorf("nil is no token: %v, %v", v, ok)
	}
}

// One handler serves many requests at a time, and each sees its own token.
func TestConcurrentRequests(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{OnRefuse: func(*http.Request, error) {}})
	server := httptest.NewServer(auth.Require(httpauth.Scope("orders:read"), httpauth.Role("clerk")).Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, _ := httpauth.FromContext(r.Context())
			_, _ = io.WriteString(w, v.Subject())
		})))
	defer server.Close()
	var all sync.WaitGroup
	for i := range 8 {
		name := fmt.Sprintf("user-%d", i)
		token := k.sign(t, good().with("sub", name))
		all.Go(func() {
			for j := range 20 {
				req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
				want := "401"
				if j%2 == 0 {
					req.Header.Set("Authorization", "Bearer "+token)
					want = "200 " + name
				}
				resp, err := server.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if got := fmt.Sprintf("%d %s", resp.StatusCode, body); !strings.HasPrefix(got, want) {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
	all.Wait()
}
