package guard

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/internal/authheaders"
	"github.com/jeton-go/jeton/internal/strictyaml"
)

// A Policy is what the policy file says.
type Policy struct {
	Gateway   Gateway
	Realm     string // of challenges; "" means "api"
	Issuers   []Issuer
	Freshness Freshness // of routes that say nothing
	Headers   []string  // that are passed on
	Routes    []Route
}

// An Issuer is one whose tokens are accepted.
type Issuer struct {
	Line       int
	Issuer     string // "iss"
	JWKS       string // address of the key set; "" if there is a file
	Keys       string // file of the key set
	Follow     string // address of the feed of revocations; "" for none
	Audiences  []string
	Algorithms []jeton.Algorithm // nil means all
	Type       string            // "typ"; "" means any
	Leeway     time.Duration     // 0 means none
	Remember   int               // tokens in the cache of the verifier
}

// Freshness says how old the revocations may be that a token is held against, and
// what happens if they are older.
type Freshness struct {
	Within time.Duration
	Refuse bool
}

// A Route is what requests of a kind require.
type Route struct {
	Line    int
	Hosts   []string // lower case, without a port; nil means all
	Methods []string // nil means all
	Path    string   // without a slash at its end
	Prefix  bool     // whatever is below Path, too

	Public    bool
	Scopes    []string  // all are needed
	Roles     []string  // one is needed
	Audiences []string  // one is needed; nil means the issuer's
	Freshness Freshness // the policy's if the route says nothing
}

// passable are the headers that may be passed on, by the names of the policy.
var passable = map[string]string{
	"subject":    authheaders.Subject,
	"client_id":  authheaders.ClientID,
	"session_id": authheaders.SessionID,
	"scope":      authheaders.Scope,
	"roles":      authheaders.Roles,
	"audience":   authheaders.Audience,
	"expires_at": authheaders.ExpiresAt,
}

const (
	defaultLeeway = 30 * time.Second
	defaultType   = "at+jwt"
	mostRemember  = 1 << 20
)

// ErrPolicy: the policy file is refused. The error says all that is wrong with it,
// a line of text for each fault, with the file's name and the line.
var ErrPolicy = errors.New("guard: refused policy")

// A document is the policy's file.
type document struct{ strictyaml.Document }

func (d *document) refused() error {
	if err := d.Err(); err != nil {
		return fmt.Errorf("%w:\n%w", ErrPolicy, err)
	}
	return nil
}

// Parse reads a policy. The name is the file's, for the error, which is an
// ErrPolicy.
func Parse(name string, data []byte) (*Policy, error) {
	d := &document{strictyaml.Document{Name: name}}
	p := &Policy{
		Freshness: Freshness{Within: time.Minute, Refuse: true},
		Headers:   slices.Collect(maps.Values(passable)),
	}
	top := d.Parse(data)
	if top == nil {
		return nil, d.refused()
	}
	var routes, freshness *strictyaml.Node
	has := d.Mapping(top, "the policy", map[string]func(*strictyaml.Node){
		"gateway": func(n *strictyaml.Node) {
			p.Gateway = Gateway(d.Word(n, "gateway", gatewayNames()...))
		},
		"realm":   func(n *strictyaml.Node) { p.Realm = d.Text(n, "realm") },
		"issuers": func(n *strictyaml.Node) { d.List(n, "issuers", func(n *strictyaml.Node) { d.issuer(n, p) }) },
		"freshness": func(n *strictyaml.Node) {
			freshness = n
			p.Freshness = d.freshness(n, p.Freshness)
		},
		"headers": func(n *strictyaml.Node) {
			p.Headers = nil
			for _, name := range d.Texts(n, "headers", func(s string) string {
				if passable[s] == "" {
					return "is none" + strictyaml.DidYouMean(s, slices.Collect(maps.Keys(passable)))
				}
				return ""
			}) {
				p.Headers = append(p.Headers, passable[name])
			}
		},
		"routes": func(n *strictyaml.Node) { routes = n },
	})
	if has != nil {
		for _, name := range []string{"gateway", "issuers", "routes"} {
			if !has[name] {
				d.Fault(top.Line, "the policy lacks %s", name)
			}
		}
	}
	if routes != nil { // last, whatever the order in the file: routes take the policy's freshness
		d.List(routes, "routes", func(n *strictyaml.Node) { d.route(n, p) })
	}
	follows := slices.ContainsFunc(p.Issuers, func(i Issuer) bool { return i.Follow != "" })
	if freshness != nil && !follows {
		d.Fault(freshness.Line, "freshness of what? No issuer has revocations")
	}
	d.clashes(p)
	if err := d.refused(); err != nil {
		return nil, err
	}
	return p, nil
}

func (d *document) issuer(n *strictyaml.Node, p *Policy) {
	i := Issuer{Line: n.Line, Type: defaultType, Leeway: defaultLeeway}
	var follow *strictyaml.Node
	has := d.Mapping(n, "an issuer", map[string]func(*strictyaml.Node){
		"issuer":      func(n *strictyaml.Node) { i.Issuer = d.Text(n, "issuer") },
		"jwks":        func(n *strictyaml.Node) { i.JWKS = d.address(n, "jwks") },
		"keys":        func(n *strictyaml.Node) { i.Keys = d.Text(n, "keys") },
		"revocations": func(n *strictyaml.Node) { follow = n },
		"audiences":   func(n *strictyaml.Node) { i.Audiences = d.Texts(n, "audiences", nil) },
		"algorithms": func(n *strictyaml.Node) {
			for _, name := range d.Texts(n, "algorithms", func(s string) string {
				if _, err := jeton.ParseAlgorithm(s); err != nil {
					return "is no algorithm" + strictyaml.DidYouMean(s, algorithmNames())
				}
				return ""
			}) {
				alg, _ := jeton.ParseAlgorithm(name)
				i.Algorithms = append(i.Algorithms, alg)
			}
		},
		"type": func(n *strictyaml.Node) {
			if i.Type = d.Text(n, "type"); i.Type == "any" {
				i.Type = ""
			}
		},
		"leeway":   func(n *strictyaml.Node) { i.Leeway = d.Length(n, "leeway", time.Minute) },
		"remember": func(n *strictyaml.Node) { i.Remember = d.Number(n, "remember", mostRemember) },
	})
	if has == nil {
		return
	}
	if !has["issuer"] {
		d.Fault(n.Line, "an issuer lacks its issuer, the iss of its tokens")
	}
	if has["jwks"] == has["keys"] {
		d.Fault(n.Line, "an issuer takes jwks, the address of its keys, or keys, a file: one of them")
	}
	if follow != nil {
		if follow.Value == "follow" {
			i.Follow = strings.TrimSuffix(i.Issuer, "/") + "/v1/revocations"
			if _, err := url.ParseRequestURI(i.Follow); err != nil {
				d.Fault(follow.Line, "revocations: the issuer is no address that could be followed; give the feed's")
			}
		} else {
			i.Follow = d.address(follow, "revocations")
		}
	}
	if slices.ContainsFunc(p.Issuers, func(other Issuer) bool { return other.Issuer == i.Issuer }) {
		d.Fault(n.Line, "the issuer %q is there twice", i.Issuer)
	}
	p.Issuers = append(p.Issuers, i)
}

func algorithmNames() []string {
	var names []string
	for _, alg := range jeton.Algorithms() {
		names = append(names, string(alg))
	}
	return names
}

func (d *document) address(n *strictyaml.Node, what string) string {
	s := d.Text(n, what)
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		d.Fault(n.Line, "%s takes an address such as https://auth.example/..., not %q", what, s)
	}
	return s
}

func (d *document) freshness(n *strictyaml.Node, base Freshness) Freshness {
	f := base
	has := d.Mapping(n, "freshness", map[string]func(*strictyaml.Node){
		"within": func(n *strictyaml.Node) { f.Within = d.Length(n, "within", 24*time.Hour) },
		"else":   func(n *strictyaml.Node) { f.Refuse = d.Word(n, "else", "refuse", "accept") != "accept" },
	})
	if has != nil && !has["within"] {
		d.Fault(n.Line, "freshness lacks within")
	}
	return f
}

func (d *document) route(n *strictyaml.Node, p *Policy) {
	r := Route{Line: n.Line, Freshness: p.Freshness}
	has := d.Mapping(n, "a route", map[string]func(*strictyaml.Node){
		"hosts":     func(n *strictyaml.Node) { r.Hosts = d.Texts(n, "hosts", checkHost) },
		"methods":   func(n *strictyaml.Node) { r.Methods = d.Texts(n, "methods", checkMethod) },
		"path":      func(n *strictyaml.Node) { r.Path = d.path(n, "path") },
		"prefix":    func(n *strictyaml.Node) { r.Path, r.Prefix = d.path(n, "prefix"), true },
		"public":    func(n *strictyaml.Node) { r.Public = d.Truth(n, "public") },
		"scopes":    func(n *strictyaml.Node) { r.Scopes = d.Texts(n, "scopes", checkScope) },
		"roles":     func(n *strictyaml.Node) { r.Roles = d.Texts(n, "roles", nil) },
		"audiences": func(n *strictyaml.Node) { r.Audiences = d.Texts(n, "audiences", nil) },
		"freshness": func(n *strictyaml.Node) { r.Freshness = d.freshness(n, p.Freshness) },
	})
	if has == nil {
		return
	}
	if has["path"] == has["prefix"] {
		d.Fault(n.Line, "a route takes path, one exactly, or prefix, all below it: one of them")
	}
	if r.Public {
		for _, name := range []string{"scopes", "roles", "audiences", "freshness"} {
			if has[name] {
				d.Fault(n.Line, "a public route has no %s: it takes no token", name)
			}
		}
	} else if !has["audiences"] {
		for _, i := range p.Issuers {
			if i.Audiences == nil {
				d.Fault(n.Line, "the route has no audiences, and neither has the issuer at line %d", i.Line)
			}
		}
	}
	if has["freshness"] && !slices.ContainsFunc(p.Issuers, func(i Issuer) bool { return i.Follow != "" }) {
		d.Fault(n.Line, "freshness of what? No issuer has revocations")
	}
	p.Routes = append(p.Routes, r)
}

func (d *document) path(n *strictyaml.Node, what string) string {
	s := d.Text(n, what)
	if s == "" {
		return ""
	}
	if problem := patternProblem(s); problem != "" {
		d.Fault(n.Line, "%s: %q %s", what, s, problem)
	}
	return strings.TrimSuffix(s, "/")
}

func checkHost(s string) string {
	if strings.ContainsAny(s, "/:*@ ") || strings.HasSuffix(s, ".") {
		return "is no host: a name without port, slash or star"
	}
	if s != strings.ToLower(s) {
		return "is to be written in small letters"
	}
	return ""
}

func checkMethod(s string) string {
	if !isMethod(s) {
		return "is no method: capital letters, such as GET"
	}
	return ""
}

// checkScope leaves it to httpauth what is the name of a scope.
func checkScope(s string) (problem string) {
	defer func() {
		if recover() != nil {
			problem = "is no name of a scope"
		}
	}()
	httpauth.Scope(s)
	return ""
}

// clashes finds routes that say different things about one request.
func (d *document) clashes(p *Policy) {
	for i, r := range p.Routes {
		for _, other := range p.Routes[:i] {
			switch {
			case !strings.EqualFold(r.Path, other.Path) || !overlap(r.Hosts, other.Hosts):
			case r.Path != other.Path:
				d.Fault(r.Line, "the path %q differs in case alone from that at line %d: there are services that read both alike", r.Path, other.Line)
			case r.Prefix == other.Prefix && (r.Hosts == nil) == (other.Hosts == nil) &&
				(r.Methods == nil) == (other.Methods == nil) && overlap(r.Methods, other.Methods):
				d.Fault(r.Line, "the route at line %d is for the same requests", other.Line)
			}
		}
	}
}

// overlap tells whether two lists of hosts or methods have something in common;
// nil is all.
func overlap(a, b []string) bool {
	return a == nil || b == nil || slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
