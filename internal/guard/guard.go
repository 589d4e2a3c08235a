package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/internal/authheaders"
)

// Sources are where keys and revocations come from.
type Sources interface {
	// Keys returns the keys of an issuer.
	Keys(Issuer) (jeton.KeySet, error)
	// Revocations returns the revocations of an issuer; it is called where the
	// policy wants them.
	Revocations(Issuer) (Revocations, error)
}

// A Guard decides by one policy. It is immutable and safe for concurrent use.
type Guard struct {
	policy  *Policy
	auth    *httpauth.Auth // writes challenges
	rules   rules
	byHost  bool // some route names hosts
	sources []*source
}

// New makes a Guard. The error is one of the sources, or says which issuer or
// route is at fault.
func New(p *Policy, from Sources, now func() time.Time) (*Guard, error) {
	g := &Guard{policy: p}
	for _, i := range p.Issuers {
		keys, err := from.Keys(i)
		if err != nil {
			return nil, fmt.Errorf("issuer %q: %w", i.Issuer, err)
		}
		var revocations Revocations
		if i.Follow != "" {
			if revocations, err = from.Revocations(i); err != nil {
				return nil, fmt.Errorf("revocations of %q: %w", i.Issuer, err)
			}
		}
		s, err := newSource(i, keys, revocations, now)
		if err != nil {
			return nil, fmt.Errorf("issuer %q: %w", i.Issuer, err)
		}
		g.sources = append(g.sources, s)
	}
	for _, route := range p.Routes {
		auth, err := httpauth.New(&routeVerifier{g.sources, route}, httpauth.Options{Realm: p.Realm})
		if err != nil {
			return nil, fmt.Errorf("realm: %w", err)
		}
		g.auth = auth
		if route.Scopes != nil {
			auth = auth.Require(httpauth.Scope(route.Scopes...))
		}
		if route.Roles != nil {
			auth = auth.Require(httpauth.Role(route.Roles...))
		}
		if route.Public {
			auth = nil
		}
		g.byHost = g.byHost || route.Hosts != nil
		g.rules = append(g.rules, &rule{route, strings.ToLower(route.Path), auth})
	}
	g.rules.sort()
	return g, nil
}

// A Request is what a client asked of the gateway.
type Request struct {
	Method string
	Host   string
	Target string // path and query, as they were sent
	Header http.Header
}

// A Decision is the answer to the gateway. All of Headers are set on the request
// to the service, and those that are empty are removed from it. If Status is not
// 200, the client is to get Status, Answer and Body.
type Decision struct {
	Status  int
	Headers []authheaders.Header
	Answer  http.Header
	Body    []byte

	Reason string // for logs and metrics: a short code
	Err    error  // why not; nil if Status is 200
	Line   int    // of the route in the policy; 0 if there is none
}

// RevocationsAge tells how old what is known of each issuer's revocations is, of
// those whose feed is followed. A nil Guard knows none.
func (g *Guard) RevocationsAge() map[string]time.Duration {
	ages := make(map[string]time.Duration)
	if g == nil {
		return ages
	}
	for _, s := range g.sources {
		if s.revocations != nil {
			ages[s.Issuer.Issuer] = s.revocations.Stale()
		}
	}
	return ages
}

// overriding are headers with which a client could make a service take its request
// for another one.
var overriding = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
}

// Decide decides about a request.
func (g *Guard) Decide(ctx context.Context, r Request) Decision {
	path, query, err := splitTarget(r.Target)
	if err == nil && !isMethod(r.Method) {
		err = ambiguity("a method that is not in capital letters")
	}
	if i := slices.IndexFunc(overriding, func(name string) bool { return r.Header[name] != nil }); err == nil && i >= 0 {
		err = ambiguity("the header " + overriding[i])
	}
	host := hostName(r.Host)
	if err == nil && g.byHost && host == "" {
		err = errNotTold
	}
	if err != nil {
		return g.refuse(err, nil)
	}
	rule, err := g.rules.find(host, r.Method, path)
	if err != nil {
		return g.refuse(err, nil)
	}
	if rule.auth == nil {
		return Decision{Status: http.StatusOK, Headers: g.headers(nil), Reason: "public", Line: rule.Line}
	}
	header := http.Header{}
	if values := r.Header["Authorization"]; len(values) > 0 {
		header["Authorization"] = values
	}
	v, err := rule.auth.Check((&http.Request{Header: header, URL: &url.URL{RawQuery: query}}).WithContext(ctx))
	if err != nil {
		return g.refuse(err, rule)
	}
	return Decision{Status: http.StatusOK, Headers: g.headers(v), Reason: "ok", Line: rule.Line}
}

// headers are all of the guard's headers; those that the policy doesn't pass on
// are empty.
func (g *Guard) headers(v *jeton.Verified) []authheaders.Header {
	all := authheaders.Of(v)
	for i := range all {
		if !slices.Contains(g.policy.Headers, all[i].Name) {
			all[i].Value = ""
		}
	}
	return all
}

func (g *Guard) refuse(err error, by *rule) Decision {
	d := Decision{Headers: authheaders.Of(nil), Answer: http.Header{}, Err: err}
	if by != nil {
		d.Line = by.Line
	}
	var description string
	switch {
	case errors.Is(err, errAmbiguous):
		d.Status, d.Reason = http.StatusBadRequest, "invalid_request"
		description = "The request could be read in more than one way"
	case errors.Is(err, errNoRoute):
		d.Status, d.Reason = http.StatusForbidden, "access_denied"
		description = "Nobody may do this"
	case errors.Is(err, errNotTold):
		d.Status, d.Reason = http.StatusInternalServerError, "server_error"
		description = "The gateway and its guard don't understand each other"
	default:
		answer := httpauth.AnswerTo(err)
		d.Status, d.Reason, description = answer.Status, answer.Code, answer.Description
		if challenge := g.auth.Challenge(err); challenge != "" {
			d.Answer.Set("WWW-Authenticate", challenge)
		} else {
			d.Answer.Set("Retry-After", "5")
		}
	}
	// Two strings always marshal.
	body, _ := json.Marshal(struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}{d.Reason, description})
	d.Body = append(body, '\n')
	d.Answer.Set("Content-Type", "application/json")
	d.Answer.Set("Cache-Control", "no-store")
	d.Answer.Set("X-Content-Type-Options", "nosniff")
	if code := jeton.ReasonCode(err); code != "" {
		d.Reason = code
	}
	return d
}
