package archtest

import "slices"

// A ban forbids imports, with a reason of its own. Bans are looked at before
// the layers, so that a failure prints the sharpest reason there is.
type ban struct {
	from    []string // whose imports
	but     []string // except these packages
	imports []string // what they may not import
	allowed []string // except this
	tests   bool     // test files are bound too
	why     string
}

var libraries = []string{".", "./jwk", "./jwks", "./jwe", "./unverified", "./revocation", "./httpauth"}

var testSupport = []string{"./internal/testenv", "./internal/pgtest", "./issuer/storetest", "./jetontest"}

var bans = []ban{
	{
		from: []string{"./..."}, but: []string{"./cmd/..."}, tests: true,
		imports: []string{"./cmd/..."},
		why:     "cmd wires what exists; what others need doesn't belong there",
	},
	{
		from: []string{"./..."}, but: testSupport,
		imports: []string{"testing/..."},
		why:     "importing testing adds its flags and its weight to every program",
	},
	{
		from: []string{"./..."}, but: []string{"./internal/pgtest"},
		imports: []string{"./jetontest/...", "./issuer/storetest/...", "./internal/testenv/...", "./internal/pgtest/...", "./internal/rotationmodel/..."},
		why:     "made for tests: hostile tokens and skipped checks have no place in production",
	},
	{
		from: []string{"./..."}, but: []string{"./cmd/...", "./unverified", "./internal/lint"},
		imports: []string{"./unverified"},
		why:     "what nobody verified decides nothing: it is for people to look at, on the command line (A27 in docs/threats.md)",
	},
	{
		from:    []string{".", "./jwk"},
		imports: []string{"net/..."}, allowed: []string{"net/url", "net/netip"},
		why: "verifying a token must not be able to reach the network: no header can make it fetch",
	},
	{
		from:    []string{".", "./jwk"},
		imports: []string{"os/...", "io/ioutil", "syscall/..."},
		why:     "keys and tokens come in as values; a kid can never become a path",
	},
	{
		from:    []string{".", "./jwk"},
		imports: []string{"database/sql/..."},
		why:     "a kid can never become a query",
	},
	{
		from:    []string{".", "./jwk"},
		imports: []string{"log/..."},
		why:     "what is never logged here can't leak; callers log errors, which hold no token",
	},
	{
		from:    []string{".", "./jwk", "./jwe", "./issuer"},
		imports: []string{"math/rand/..."},
		why:     "keys, seeds and identifiers come from crypto/rand",
	},
	{
		from:    []string{"./issuer"},
		imports: []string{"net/http/..."},
		why:     "the domain is usable without HTTP; its handler is made in internal/httpapi and handed out by issuer/issuerhttp",
	},
	{
		from:    []string{"./issuer"},
		imports: []string{"database/sql/..."},
		why:     "storage comes in through issuer.Store; SQL belongs to a store",
	},
	{
		from:    []string{"./issuer"},
		imports: []string{"flag", "github.com/alecthomas/kong/..."},
		why:     "configuration comes in as values; flags belong to cmd",
	},
	{
		from:    []string{"./issuer"},
		imports: []string{"html/template/...", "text/template/..."},
		why:     "the domain renders nothing; pages belong to internal/console",
	},
	{
		from:    []string{"./issuer/memory/..."},
		imports: []string{"./issuer/sqlite/...", "./issuer/postgres/..."},
		why:     "a store that needs another one is not a store of its own",
	},
	{
		from:    []string{"./issuer/sqlite/..."},
		imports: []string{"./issuer/memory/...", "./issuer/postgres/..."},
		why:     "a store that needs another one is not a store of its own",
	},
	{
		from:    []string{"./issuer/postgres/..."},
		imports: []string{"./issuer/memory/...", "./issuer/sqlite/..."},
		why:     "a store that needs another one is not a store of its own",
	},
	{
		from:    []string{"./internal/httpapi/...", "./internal/console/..."},
		imports: []string{"./issuer/memory/...", "./issuer/sqlite/...", "./issuer/postgres/..."},
		why:     "routes talk to the issuer; which store it has is for cmd to choose",
	},
	{
		from:    []string{"./internal/httpapi/..."},
		imports: []string{"./internal/console/..."},
		why:     "the interface works without the console; cmd puts them side by side",
	},
	{
		from:    []string{"./internal/console/..."},
		imports: []string{"./internal/httpapi/..."},
		why:     "the console is one more client of the routes, with no way in of its own",
	},
}

// A layer says what the packages of one place may import beside the standard
// library and each other. A package in no layer is a finding: a new one takes a
// decision.
type layer struct {
	packages []string
	own      []string // of this module
	modules  []string // of other modules
	why      string
}

// parsers are the two readers of untrusted bytes.
var parsers = []string{"./internal/base64url", "./internal/strictjson"}

// stores are what a store is made of.
var stores = []string{"./issuer", "./internal/batch"}

var layers = []layer{
	{[]string{"."}, slices.Concat(parsers, []string{"./internal/weaksecret"}), nil,
		"the root package is the standard library, the two strict parsers and a list, nothing else"},
	{[]string{"./jwk"}, slices.Concat(parsers, []string{"."}), nil,
		"a JWK is read strictly and becomes a key of package jeton"},
	{[]string{"./jwks"}, []string{".", "./jwk"}, nil,
		"a key set is made of JWKs and yields keys"},
	{[]string{"./jwe", "./unverified"}, slices.Concat(parsers, []string{"."}), nil,
		"it sits on package jeton, and reads untrusted bytes with the same parsers"},
	{[]string{"./revocation", "./httpauth"}, []string{"."}, nil,
		"it sits on package jeton alone, so that an API pulls in nothing else"},
	{[]string{"./grpcauth"}, []string{".", "./httpauth"},
		[]string{"google.golang.org/grpc", "google.golang.org/genproto/googleapis/rpc", "google.golang.org/protobuf"},
		"it is httpauth for gRPC: metadata are headers, and there is one reader of them and one table of answers"},
	{[]string{"./jetontest"}, slices.Concat(libraries, parsers), nil,
		"other people's tests get it without a dependency"},
	{[]string{"./issuer"}, slices.Concat(parsers, []string{".", "./jwk"}),
		[]string{"golang.org/x/crypto", "golang.org/x/text", "golang.org/x/time"},
		"the domain needs keys, parsers, a password hash, the form of user names and token buckets"},
	{[]string{"./issuer/memory"}, stores, nil,
		"a store is the domain's contract and group commit"},
	{[]string{"./issuer/sqlite/..."}, stores, []string{"modernc.org/sqlite", "github.com/pressly/goose/v3"},
		"a store is the domain's contract, group commit and its database"},
	{[]string{"./issuer/postgres/..."}, stores, []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"},
		"a store is the domain's contract, group commit and its database"},
	{[]string{"./internal/pgtest"}, []string{"./internal/testenv"}, []string{"github.com/jackc/pgx/v5"},
		"it starts PostgreSQL for whoever tests against it, and knows no store"},
	{[]string{"./issuer/pkcs11"}, []string{".", "./issuer"}, []string{"github.com/miekg/pkcs11"},
		"it is a device for the domain's keys, and the one place with cgo"},
	{[]string{"./issuer/storetest"}, []string{".", "./issuer"}, testModules,
		"the conformance suite knows the contract and no store"},
	{[]string{"./issuer/issuerhttp"}, []string{"./issuer", "./internal/httpapi"}, nil,
		"it hands out the handler and adds nothing"},
	{[]string{"./internal/base64url", "./internal/strictjson", "./internal/weaksecret"}, nil, nil,
		"whoever reads untrusted bytes depends on nobody"},
	{[]string{"./internal/batch"}, nil, nil,
		"group commit knows nothing about what is committed"},
	{[]string{"./internal/authheaders"}, []string{".", "./internal/strictjson"}, nil,
		"what a token says, as headers; who asks and who answers is none of its business"},
	{[]string{"./internal/httpapi/..."}, slices.Concat(parsers, []string{".", "./jwk", "./issuer", "./httpauth", "./internal/authheaders"}), nil,
		"routes translate between HTTP and the issuer"},
	{[]string{"./internal/observe"}, []string{"./issuer"}, nil,
		"it stands before any store and knows none"},
	{[]string{"./internal/hashworker"}, []string{"./issuer"}, nil,
		"it does the domain's hashes in other processes, and knows no service"},
	{[]string{"./internal/metrics"}, []string{"./issuer", "./internal/observe"}, []string{"github.com/prometheus/client_golang"},
		"the one place that knows Prometheus: the domain counts, and the handlers tell, without it"},
	{[]string{"./internal/tracing"}, []string{"./issuer", "./internal/observe"}, []string{"go.opentelemetry.io/otel"},
		"the one place that knows OpenTelemetry"},
	{[]string{"./internal/console/..."}, []string{"./issuer", "./httpauth"}, nil,
		"the console is pages over the issuer"},
	{[]string{"./internal/crashtest"}, nil, []string{"modernc.org/sqlite"},
		"it has tests alone, which look into a store's file when nobody has it open"},
	{[]string{"./internal/rotationmodel"}, []string{"./issuer"}, nil,
		"the model explores the issuer's table and knows nothing else"},
	{[]string{"./internal/loadgen"}, []string{".", "./revocation"}, []string{"github.com/HdrHistogram/hdrhistogram-go"},
		"a load generator is one more client over HTTP, with nothing of the service in it"},
	{[]string{"./internal/guard"}, slices.Concat(libraries, parsers, []string{"./internal/authheaders", "./internal/strictyaml"}),
		[]string{"go.yaml.in/yaml/v4", "google.golang.org/grpc", "google.golang.org/genproto/googleapis/rpc",
			"google.golang.org/protobuf", "github.com/envoyproxy/go-control-plane/envoy"},
		"the guard is a verifier beside a gateway: it knows the library, a policy file and Envoy's protocol, and no issuer"},
	{[]string{"./internal/lint"}, slices.Concat(parsers, []string{".", "./unverified"}), nil,
		"what people are told about a token that nobody verified; it decides nothing"},
	{[]string{"./internal/strictyaml"}, nil, []string{"go.yaml.in/yaml/v4"},
		"it reads files that people write, and knows nothing of what they configure"},
	{[]string{"./internal/archtest", "./internal/testenv"}, nil, nil,
		"what checks everything depends on nothing"},
	{[]string{"./cmd/..."}, []string{"./..."}, []string{
		"github.com/alecthomas/kong", "github.com/willabides/kongplete", "github.com/posener/complete",
		"github.com/fatih/color", "golang.org/x/term",
		"golang.org/x/crypto/acme", "golang.org/x/crypto/acme/autocert", "golang.org/x/net/netutil",
		"github.com/coreos/go-systemd/v22/activation", "github.com/KimMachineGun/automemlimit/memlimit",
	},
		"cmd wires everything, and talks to the terminal and to authorities with these"},
	{[]string{"./examples/..."}, slices.Concat(libraries, []string{"./grpcauth", "./issuer/..."}), nil,
		"an example shows what a user can import"},
}

// testModules are what tests may import beside what their package may.
var testModules = []string{"pgregory.net/rapid", "github.com/rogpeppe/go-internal", "go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf"}

func layerOf(pkg string) *layer {
	for i := range layers {
		if matches(layers[i].packages, pkg) {
			return &layers[i]
		}
	}
	return nil
}

func checkImports(f *file, used map[exception]bool) []Finding {
	home := layerOf(f.dir)
	if home == nil {
		return []Finding{f.finding(f.ast.Package, "package "+f.dir+" is in no layer",
			"a new package takes a decision: add it to the layers in internal/archtest/imports.go")}
	}
	var found []Finding
	for spec, imported := range f.imports {
		if why := importRefused(f, home, imported); why != "" && !excepted(f.path, imported, used) {
			found = append(found, f.finding(spec.Pos(), "imports "+imported, why))
		}
	}
	return found
}

// importRefused returns why a file may not import a package, or "".
func importRefused(f *file, home *layer, imported string) string {
	for _, b := range bans {
		if f.test && !b.tests || !matches(b.from, f.dir) || matches(b.but, f.dir) {
			continue
		}
		if matches(b.imports, imported) && !matches(b.allowed, imported) {
			return b.why
		}
	}
	switch {
	case standard(imported):
		return ""
	case own(imported):
		// Tests may use any package: the compiler refuses cycles.
		if f.test || matches(home.packages, imported) || matches(home.own, imported) {
			return ""
		}
	case matches(below(home.modules), imported) || f.test && matches(below(testModules), imported):
		return ""
	}
	return home.why
}

// below turns modules into the pattern of their packages.
func below(modules []string) []string {
	patterns := make([]string, len(modules))
	for i, module := range modules {
		patterns[i] = module + "/..."
	}
	return patterns
}
