package guard_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/guard"
)

// A policy that the mistakes below are made in.
const plain = `gateway: nginx
issuers:
  - issuer: https://auth.example
    jwks: https://auth.example/.well-known/jwks.json
    audiences: [orders]
routes:
  - path: /orders
    scopes: [orders:read]
`

// Each mistake is found, with its line, and with the name that was probably meant.
func TestMistakesInPolicies(t *testing.T) {
	if _, err := guard.Parse("guard.yaml", []byte(plain)); err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		if !strings.Contains(plain, old) {
			t.Fatalf("the plain policy has no %q", old)
		}
		return strings.Replace(plain, old, new, 1)
	}
	add := func(lines string) string { return plain + lines + "\n" }
	for name, c := range map[string]struct{ policy, want string }{
		"nothing":                   {"", "guard.yaml:1: "},
		"a comment":                 {"# nothing\n", "guard.yaml:1: "},
		"no YAML":                   {change("gateway: nginx", "gateway: [nginx"), "guard.yaml:"},
		"a tab":                     {change("    jwks", "\tjwks"), "guard.yaml:4: "},
		"two documents":             {add("---\ngateway: nginx"), "guard.yaml:"},
		"a list":                    {"- gateway: nginx\n", "guard.yaml:1: the policy takes names with values, not a list"},
		"an unknown name":           {change("routes:", "rotues:"), `guard.yaml:6: the policy knows no "rotues"; did you mean "routes"?`},
		"a name like none":          {change("    scopes", "    quota"), `guard.yaml:8: a route knows no "quota"; it knows audiences, `},
		"a name in capitals":        {change("    jwks", "    JWKS"), `guard.yaml:4: an issuer knows no "JWKS"; did you mean "jwks"?`},
		"a name twice":              {add("    path: /x"), "path"},
		"no gateway":                {change("gateway: nginx\n", ""), "the policy lacks gateway"},
		"an unknown gateway":        {change("nginx", "ngnix"), `guard.yaml:1: gateway takes nginx, caddy, traefik, haproxy, envoy, not "ngnix"; did you mean "nginx"?`},
		"no routes":                 {change("routes:\n  - path: /orders\n    scopes: [orders:read]\n", ""), "the policy lacks routes"},
		"an empty list of routes":   {change("routes:\n  - path: /orders\n    scopes: [orders:read]\n", "routes: []\n"), "guard.yaml:6: routes is an empty list"},
		"routes that are no list":   {change("  - path: /orders\n    scopes", "  path: /orders\n  scopes"), "guard.yaml:7: routes takes a list, not names with values"},
		"no issuer's name":          {change("- issuer: https://auth.example\n    jwks", "- jwks"), "guard.yaml:3: an issuer lacks its issuer"},
		"no keys":                   {change("    jwks: https://auth.example/.well-known/jwks.json\n", ""), "guard.yaml:3: an issuer takes jwks"},
		"keys twice over":           {change("    audiences", "    keys: k.json\n    audiences"), "guard.yaml:3: an issuer takes jwks"},
		"keys that are no address":  {change("jwks: https://auth.example/.well-known/jwks.json", "jwks: auth.example"), "guard.yaml:4: jwks takes an address"},
		"an issuer twice":           {change("routes:", "  - {issuer: https://auth.example, keys: x, audiences: x}\nroutes:"), `guard.yaml:6: the issuer "https://auth.example" is there twice`},
		"no audience":               {change("    audiences: [orders]\n", ""), "guard.yaml:6: the route has no audiences, and neither has the issuer at line 3"},
		"no algorithm":              {change("    audiences", "    algorithms: [RS255]\n    audiences"), `guard.yaml:5: algorithms: "RS255" is no algorithm; did you mean "RS256"?`},
		"none":                      {change("    audiences", "    algorithms: [none]\n    audiences"), `"none" is no algorithm`},
		"a leeway of an hour":       {change("    audiences", "    leeway: 1h\n    audiences"), "guard.yaml:5: leeway takes a time from 0s to 1m0s"},
		"a leeway without a unit":   {change("    audiences", "    leeway: 30\n    audiences"), "guard.yaml:5: leeway takes a time"},
		"too much to remember":      {change("    audiences", "    remember: 1e9\n    audiences"), "guard.yaml:5: remember takes a number"},
		"an issuer not to follow":   {change("- issuer: https://auth.example\n", "- issuer: me\n    revocations: follow\n"), "guard.yaml:4: revocations: the issuer is no address"},
		"freshness of nothing":      {add("freshness: {within: 1m}"), "guard.yaml:9: freshness of what?"},
		"a route's, of nothing":     {add("    freshness: {within: 1m}"), "guard.yaml:7: freshness of what?"},
		"freshness without a time":  {add("freshness: {else: accept}"), "guard.yaml:9: freshness lacks within"},
		"freshness or something":    {add("freshness: {within: 1m, else: open}"), `guard.yaml:9: else takes refuse, accept, not "open"`},
		"an unknown header":         {add("headers: [subjekt]"), `guard.yaml:9: headers: "subjekt" is none; did you mean "subject"?`},
		"neither path nor prefix":   {change("path: /orders", "methods: GET"), "guard.yaml:7: a route takes path"},
		"path and prefix":           {add("    prefix: /x"), "guard.yaml:7: a route takes path"},
		"a path without slash":      {change("/orders", "orders"), `guard.yaml:7: path: "orders" doesn't begin with a slash`},
		"a pattern":                 {change("/orders", "/orders/*"), `guard.yaml:7: path: "/orders/*" has a pattern`},
		"dots":                      {change("/orders", "/a/../orders"), "guard.yaml:7: path: "},
		"an empty segment":          {change("/orders", "/a//orders"), "guard.yaml:7: path: "},
		"percent encoding":          {change("/orders", "/a%20b"), "guard.yaml:7: path: "},
		"a method in small letters": {add("    methods: [get]"), `guard.yaml:9: methods: "get" is no method`},
		"a method twice":            {add("    methods: [GET, GET]"), `guard.yaml:9: methods has "GET" twice`},
		"an empty list of methods":  {add("    methods: []"), "guard.yaml:9: methods is an empty list"},
		"a host with a port":        {add("    hosts: [orders.example:80]"), "guard.yaml:9: hosts: "},
		"a host in capitals":        {add("    hosts: [Orders.example]"), "guard.yaml:9: hosts: "},
		"a star for a host":         {add(`    hosts: ["*.example"]`), "guard.yaml:9: hosts: "},
		"two scopes in one":         {change("[orders:read]", "[orders:read orders:write]"), `guard.yaml:8: scopes: "orders:read orders:write" is no name of a scope`},
		"an empty scope":            {change("[orders:read]", `[""]`), "guard.yaml:8: scopes takes a text, not nothing"},
		"no scope":                  {change("[orders:read]", ""), "guard.yaml:8: scopes takes a text, not nothing"},
		"roles with names":          {add("    roles: {admin: true}"), "guard.yaml:9: roles takes a list"},
		"public and not":            {add("    public: true"), "guard.yaml:7: a public route has no scopes"},
		"public, or something":      {add("    public: yes please"), "guard.yaml:9: public takes true or false"},
		"an alias":                  {change("[orders]", "&a [orders]") + "    audiences: *a\n", "guard.yaml:9: audiences takes a list, not an alias (*a)"},
		"a merge":                   {add("  - <<: {public: true}\n    path: /x"), "guard.yaml:9: a route knows no \"<<\""},
		"the same route":            {add("  - path: /orders/\n    scopes: x"), "guard.yaml:9: the route at line 7 is for the same requests"},
		"a method in two routes":    {change("    scopes", "    methods: [GET, PUT]\n    scopes") + "  - {path: /orders, methods: [PUT, POST], scopes: x}\n", "guard.yaml:10: the route at line 7 is for the same requests"},
		"paths that differ in case": {add("  - {path: /Orders, scopes: x}"), "differs in case alone from that at line 7"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := guard.Parse("guard.yaml", []byte(c.policy))
			if !errors.Is(err, guard.ErrPolicy) || p != nil {
				t.Fatalf("%v, %v", p, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// All mistakes are told at once, by line.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := guard.Parse("guard.yaml", []byte("gateway: ngnix\nissuers: []\nroutes:\n  - pfad: /x\n"))
	want := []string{"guard.yaml:1: ", "guard.yaml:2: ", "guard.yaml:4: ", "guard.yaml:4: "}
	lines := strings.Split(err.Error(), "\n")[1:]
	if len(lines) != len(want) {
		t.Fatalf("%v", err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("%q, want %s", lines[i], want[i])
		}
	}
}

// Routes that say different things about different requests get along.
func TestRoutesThatGetAlong(t *testing.T) {
	for name, routes := range map[string]string{
		"exact and prefix":        "  - prefix: /orders\n",
		"another method of none":  "  - {path: /orders, methods: [GET]}\n",
		"a host of none":          "  - {path: /orders, hosts: [a.example]}\n",
		"another case, elsewhere": "  - {path: /A, hosts: [a.example]}\n  - {path: /a, hosts: [b.example]}\n",
		"other hosts":             "  - {path: /a, hosts: [a.example]}\n  - {path: /a, hosts: [b.example]}\n",
		"other methods":           "  - {path: /a, methods: GET}\n  - {path: /a, methods: PUT}\n",
	} {
		if _, err := guard.Parse("guard.yaml", []byte(plain+routes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a file holds, there is a policy or an error, and no panic.
func FuzzParse(f *testing.F) {
	f.Add(plain)
	f.Add("{")
	f.Add("a: &a [*a]")
	f.Add("routes: [{path: /}]\nissuers: [{}]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := guard.Parse("guard.yaml", []byte(text))
		if (p == nil) != (err != nil) || err != nil && !errors.Is(err, guard.ErrPolicy) {
			t.Errorf("%v, %v", p, err)
		}
	})
}
