package archtest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jeton-go/jeton/internal/archtest"
)

// source is a documented Go file that imports the given packages from line 4 on.
func source(imports ...string) string {
	var b strings.Builder
	b.WriteString("// Package p is a sample.\npackage p\nimport (\n")
	for _, i := range imports {
		if !strings.Contains(i, `"`) {
			i = `"` + i + `"`
		}
		b.WriteString(i + "\n")
	}
	b.WriteString(")\n")
	return b.String()
}

const own = archtest.Module

func check(t *testing.T, files map[string]string) []archtest.Finding {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	tree, err := archtest.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Check()
}

func TestEachRuleCatchesWhoBreaksIt(t *testing.T) {
	for _, c := range []struct {
		name string
		file string
		src  string
		want string // "line: what", and a word of the reason after "|"
	}{
		// Libraries depend on the standard library and the module only.
		{"third party in the root", "sign.go", source("github.com/x/y"), "4: imports github.com/x/y|standard library"},
		{"third party in jwk", "jwk/set.go", source("golang.org/x/crypto/ed25519"), "4: imports golang.org/x/crypto/ed25519|key"},
		{"third party in jwks", "jwks/remote2.go", source("golang.org/x/sync/singleflight"), "4: imports golang.org/x/sync/singleflight|keys"},
		{"third party in jwe", "jwe/jwe.go", source("github.com/x/y"), "4: imports github.com/x/y|package jeton"},
		{"third party in unverified", "unverified/u.go", source("github.com/x/y"), "4: imports github.com/x/y|package jeton"},
		{"third party in revocation", "revocation/set.go", source("github.com/x/y"), "4: imports github.com/x/y|package jeton"},
		{"third party in httpauth", "httpauth/check.go", source("github.com/x/y"), "4: imports github.com/x/y|package jeton"},
		{"third party in a parser", "internal/strictjson/scan.go", source("github.com/x/y"), "4: imports github.com/x/y|untrusted"},
		{"a parser on the module", "internal/base64url/b.go", source(own), "4: imports .|untrusted"},
		{"test module in production", "jwk/set.go", source("pgregory.net/rapid"), "4: imports pgregory.net/rapid|key"},
		{"unknown module in a test", "jwk/set_test.go", source("github.com/stretchr/testify/require"), "4: imports github.com/stretchr/testify/require|key"},
		{"a module that merely starts alike", "issuer/password.go", source("golang.org/x/cryptography"), "4: imports golang.org/x/cryptography|password"},

		// Directions inside the module.
		{"root on jwk", "keyset.go", source(own + "/jwk"), "4: imports ./jwk|root"},
		{"jwk on jwks", "jwk/set.go", source(own + "/jwks"), "4: imports ./jwks|JWK"},
		{"A27 httpauth on unverified", "httpauth/auth.go", source(own + "/unverified"), "4: imports ./unverified|nobody verified"},
		{"revocation on issuer", "revocation/follow.go", source(own + "/issuer"), "4: imports ./issuer|API"},
		{"issuer on httpauth", "issuer/login.go", source(own + "/httpauth"), "4: imports ./httpauth|domain"},
		{"issuer on a store", "issuer/login.go", source(own + "/issuer/sqlite"), "4: imports ./issuer/sqlite|domain"},
		{"store on strictjson", "issuer/memory/m.go", source(own + "/internal/strictjson"), "4: imports ./internal/strictjson|contract"},
		{"issuerhttp on a store", "issuer/issuerhttp/h.go", source(own + "/issuer/sqlite"), "4: imports ./issuer/sqlite|handler"},
		{"an example on internals", "examples/quick/main.go", source(own + "/internal/strictjson"), "4: imports ./internal/strictjson|user"},
		{"a package in no layer", "metrics/m.go", source(), "2: package ./metrics is in no layer|decision"},

		// What the library's heart can't reach.
		{"root, network", "jws.go", source("net/http"), "4: imports net/http|network"},
		{"root, sockets", "jws.go", source("net"), "4: imports net|network"},
		{"jwk, network", "jwk/set.go", source("net/http/httptrace"), "4: imports net/http/httptrace|network"},
		{"root, files", "jws.go", source("os"), "4: imports os|path"},
		{"jwk, processes", "jwk/pem.go", source("os/exec"), "4: imports os/exec|path"},
		{"jwk, SQL", "jwk/pem.go", source("database/sql"), "4: imports database/sql|query"},
		{"root, log", "jws.go", source("log"), "4: imports log|logged"},
		{"root, slog outside key.go", "jws.go", source("log/slog"), "4: imports log/slog|logged"},
		{"jwk, slog even in key.go", "jwk/key.go", source("log/slog"), "4: imports log/slog|logged"},
		{"weak randomness", "jwk/generate.go", source("math/rand/v2"), "4: imports math/rand/v2|crypto/rand"},

		// The domain.
		{"issuer, HTTP", "issuer/login.go", source("net/http"), "4: imports net/http|httpapi"},
		{"issuer, SQL", "issuer/login.go", source("database/sql/driver"), "4: imports database/sql/driver|store"},
		{"issuer, flag", "issuer/config.go", source("flag"), "4: imports flag|flags"},
		{"issuer, kong", "issuer/config.go", source("github.com/alecthomas/kong"), "4: imports github.com/alecthomas/kong|flags"},
		{"issuer, HTML", "issuer/page.go", source("html/template"), "4: imports html/template|console"},
		{"issuer, text template", "issuer/page.go", source("text/template"), "4: imports text/template|console"},

		// Stores and what is built on the issuer.
		{"sqlite on memory", "issuer/sqlite/s.go", source(own + "/issuer/memory"), "4: imports ./issuer/memory|another"},
		{"memory on sqlite", "issuer/memory/m.go", source(own + "/issuer/sqlite"), "4: imports ./issuer/sqlite|another"},
		{"postgres on sqlite", "issuer/postgres/p.go", source(own + "/issuer/sqlite"), "4: imports ./issuer/sqlite|another"},
		{"httpapi on a store", "internal/httpapi/h.go", source(own + "/issuer/memory"), "4: imports ./issuer/memory|which store"},
		{"console on a store", "internal/console/c.go", source(own + "/issuer/sqlite"), "4: imports ./issuer/sqlite|which store"},
		{"httpapi on console", "internal/httpapi/h.go", source(own + "/internal/console"), "4: imports ./internal/console|console"},
		{"console on httpapi", "internal/console/c.go", source(own + "/internal/httpapi"), "4: imports ./internal/httpapi|way in"},

		// Tests' own packages, and cmd.
		{"testing in production", "issuer/login.go", source("testing"), "4: imports testing|flags"},
		{"testing in cmd", "cmd/jeton/main.go", source("testing/fstest"), "4: imports testing/fstest|flags"},
		{"storetest in production", "issuer/sqlite/s.go", source(own + "/issuer/storetest"), "4: imports ./issuer/storetest|tests"},
		{"jetontest in cmd", "cmd/jeton/demo.go", source(own + "/jetontest"), "4: imports ./jetontest|tests"},
		{"testenv in test support", "issuer/storetest/s.go", source(own + "/internal/testenv"), "4: imports ./internal/testenv|tests"},
		{"cmd from a library", "issuer/login.go", source(own + "/cmd/jeton"), "4: imports ./cmd/jeton|cmd wires"},
		{"cmd from a test", "issuer/login_test.go", source(own + "/cmd/jeton"), "4: imports ./cmd/jeton|cmd wires"},

		// What only a program calls.
		{"the clock", "sign.go", source("time") + "var t = time.Now()\n", "6: uses time.Now|clock"},
		{"the clock as a value", "sign.go", source("time") + "var now = time.Now\n", "6: uses time.Now|clock"},
		{"the clock, renamed", "sign.go", source(`clock "time"`) + "var t = clock.Now()\n", "6: uses time.Now|clock"},
		{"the clock, hidden in Since", "issuer/login.go", source("time") + "func f() { _ = time.Since(time.Time{}) }\n", "6: uses time.Since|clock"},
		{"the environment", "issuer/config.go", source("os") + "var d = os.Getenv(\"D\")\n", "6: uses os.Getenv|environment"},
		{"the environment, looked up", "issuer/config.go", source("os") + "func f() { os.LookupEnv(\"D\") }\n", "6: uses os.LookupEnv|environment"},
		{"the end of the process", "issuer/config.go", source("os") + "func f() { os.Exit(1) }\n", "6: uses os.Exit|main"},
		{"the default logger", "issuer/config.go", source("log/slog") + "var l = slog.Default()\n", "6: uses slog.Default|logger"},
		{"the default logger, unsaid", "issuer/config.go", source("log/slog") + "func f() { slog.Info(\"\") }\n", "6: uses slog.Info|logger"},
		{"the standard logger", "jwks/log.go", source("log") + "func f() { log.Printf(\"\") }\n", "6: uses log.Printf|logger"},
		{"standard output", "jwks/log.go", source("fmt") + "func f() { fmt.Println() }\n", "6: uses fmt.Println|output"},
		{"a dot import", "issuer/clock.go", source(`. "time"`), "4: dot import of time|where"},
		{"func init", "alg.go", source() + "func init() {}\n", "5: func init|registration"},

		// Comparisons of secrets.
		{"A28 bytes.Equal", "hmac.go", source("bytes") + "func f(a, b []byte) bool { return bytes.Equal(a, b) }\n", "6: uses bytes.Equal|same time"},
		{"A28 slices.Equal, renamed", "jwe/content.go", source(`s "slices"`) + "func f(a, b []byte) bool { return s.Equal(a, b) }\n", "6: uses slices.Equal|same time"},
		{"A28 reflect.DeepEqual", "issuer/refreshtoken.go", source("reflect") + "func f(a, b []byte) bool { return reflect.DeepEqual(a, b) }\n", "6: uses reflect.DeepEqual|same time"},
		{"A28 == of secrets", "hmac.go", source() + "func f(mac, x [8]byte) bool { return mac == x }\n", "5: uses == on a secret|same time"},
		{"A28 != of a field", "hmac.go", source() + "type t struct{ tag [8]byte }\nfunc f(a *t, b [8]byte) bool { return b != (a.tag) }\n", "6: uses != on a secret|same time"},
		{"A28 == of a secret as text", "issuer/password.go", source() + "func f(secret []byte, b string) bool { return string(secret[:]) == b }\n", "5: uses == on a secret|same time"},

		// Shape.
		{"501 lines", "alg.go", source() + strings.Repeat("\n", 497), "0: has 501 lines|500"},
		{"no package doc", "jwk/set.go", "//go:build linux\n\npackage jwk\n", "3: package jwk has no doc|owns"},
		{"a directive is no package doc", "jwk/set.go", "//go:generate true\npackage jwk\n", "2: package jwk has no doc|owns"},
		{"a vague folder", "cmd/jeton/helpers/h.go", source(), "0: is in a folder named helpers|owns"},
		{"a vague folder above", "cmd/util/deep/h.go", source(), "0: is in a folder named util|owns"},

		// Exceptions.
		{"an exception for an identifier nobody needs", "policy.go", source(), "0: does not need its exception for time.Now|remove"},
		{"an exception for an import nobody needs", "key.go", source(), "0: does not need its exception for log/slog|remove"},
		{"an exception is for one thing only", "key.go", source("log/slog", "log"), "5: imports log|logged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, reason, _ := strings.Cut(c.want, "|")
			line, what, _ := strings.Cut(want, ": ")
			place := c.file + ":" + line
			if line == "0" {
				place = c.file
			}
			found := check(t, map[string]string{c.file: c.src})
			if len(found) != 1 {
				t.Fatalf("%d findings, want one: %v", len(found), found)
			}
			got := found[0].String()
			if !strings.HasPrefix(got, place+": "+what) {
				t.Errorf("got %q\nwant %q", got, place+": "+what)
			}
			if !strings.Contains(found[0].Why, reason) {
				t.Errorf("reason %q says nothing of %q", found[0].Why, reason)
			}
		})
	}
}

func TestWhatTheRulesAllowIsNotFound(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"the root":                  {"sign.go": source("crypto/rsa", "net/url", own+"/internal/strictjson", own+"/internal/base64url")},
		"a key that redacts itself": {"key.go": source("log/slog")},
		"an injectable clock":       {"policy.go": source("time") + "var now = time.Now\n"},
		"methods with such names":   {"sign.go": source("time") + "type c struct{}\nfunc (c) Now() {}\nfunc (c) init() {}\nfunc f(x c, _ time.Time) { x.Now() }\n"},
		"jwk":                       {"jwk/set.go": source(own, own+"/internal/strictjson", own+"/internal/base64url")},
		"jwks":                      {"jwks/static.go": source("net/http", own, own+"/jwk")},
		"unverified":                {"unverified/u.go": source(own, own+"/internal/strictjson", own+"/internal/base64url")},
		"revocation":                {"revocation/follow.go": source("net/http", own)},
		"httpauth":                  {"httpauth/check.go": source("net/http", own)},
		"issuer":                    {"issuer/login.go": source(own, own+"/jwk", own+"/internal/strictjson", "golang.org/x/crypto/argon2", "golang.org/x/text/secure/precis", "log/slog")},
		"issuerhttp":                {"issuer/issuerhttp/h.go": source("net/http", own+"/issuer", own+"/internal/httpapi")},
		"sqlite":                    {"issuer/sqlite/s.go": source("database/sql", own+"/issuer", own+"/internal/batch", own+"/issuer/sqlite/migrations", "_ \"modernc.org/sqlite\"", "github.com/pressly/goose/v3/database")},
		"storetest":                 {"issuer/storetest/s.go": source("testing", own+"/issuer", "pgregory.net/rapid")},
		"httpapi":                   {"internal/httpapi/h.go": source("net/http", own+"/issuer", own+"/httpauth", own+"/internal/strictjson")},
		"cmd":                       {"cmd/jeton/main.go": source("os", "github.com/alecthomas/kong", own+"/issuer/sqlite", own+"/internal/console") + "func init() { os.Exit(len(os.Getenv(\"X\"))) }\n"},
		"an example":                {"examples/quick/main.go": source("fmt", own, own+"/issuer/issuerhttp") + "func f() { fmt.Println() }\n"},
		"what is no secret":         {"hmac.go": source() + "func f(secret, name string, mac []byte) bool { return secret == \"\" || mac != nil || len(mac) == 3 || name == secret[:0]+\"x\" }\n"},
		"no comparison of secrets":  {"jwks/static.go": source("bytes") + "var e = bytes.Equal\n"},
		"a long test":               {"alg_test.go": source() + strings.Repeat("\n", 2000)},
		"a test":                    {"jwk/set_test.go": source("testing", "os", "net/http", "time", own+"/internal/testenv", own+"/issuer", "pgregory.net/rapid") + "var t = time.Now()\n"},
		"a test of a store":         {"issuer/sqlite/s_test.go": source("testing", own+"/issuer/storetest", own+"/issuer/memory")},
		"a test alone":              {"internal/archtest/x_test.go": "package archtest_test\n"},
		"doc in one file":           {"jwk/doc.go": source(), "jwk/set.go": "package jwk\n"},
		"another module":            {"bench/go.mod": "module b\n", "bench/util/b.go": "package b\n"},
		"testdata":                  {"testdata/util/b.go": "not Go"},
		"hidden folders":            {".git/b.go": "not Go", "_x/b.go": "not Go"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, finding := range check(t, files) {
				t.Error(finding)
			}
		})
	}
}

func TestAFileThatDoesNotParseIsAnError(t *testing.T) {
	_, err := archtest.Load(fstest.MapFS{"a.go": {Data: []byte("pakage a")}})
	if err == nil || !strings.Contains(err.Error(), "a.go") {
		t.Errorf("got %v", err)
	}
}

func TestADependencyWithoutAnExplanationIsFound(t *testing.T) {
	const gomod = "module m\n\ngo 1.26\n\nrequire example.com/one v1.0.0\n\n" +
		"require (\n\texample.com/two v1.0.0\n\texample.com/three v1.0.0 // indirect\n)\n\nexclude example.com/four v1.0.0\n"
	for _, c := range []struct {
		markdown string
		want     []string
	}{
		{"| `example.com/one` | a |\n| `example.com/two` | b |\n", nil},
		{"| module | for |\n|---|---|\n| `example.com/one` | a |\n| `example.com/two` | b |\n| `example.com/three` | c |\n", nil},
		{"| `example.com/one` | a |\n", []string{"requires example.com/two"}},
		{"Uses `example.com/one` and `example.com/two`.\n", []string{"requires example.com/one", "requires example.com/two"}},
		{"| `example.com/one` | a |\n| `example.com/two` | b |\n| `example.com/four` | c |\n", []string{"explains example.com/four"}},
	} {
		found := archtest.CheckDependencies(gomod, c.markdown)
		if len(found) != len(c.want) {
			t.Errorf("%q: %v, want %v", c.markdown, found, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(found[i].What, want) {
				t.Errorf("%q: %q, want %q", c.markdown, found[i].What, want)
			}
		}
	}
}
