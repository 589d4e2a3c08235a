package jeton_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
)

// allocated returns the bytes that f allocates, the least of a few runs: others
// allocate beside it.
func allocated(f func()) uint64 {
	f() // what is made once
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// hostile are the shapes of input that have cost others most.
func hostile() map[string]string {
	many := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, ",")
	}
	unsigned := func(header, payload string) string { return b64(header) + "." + b64(payload) + ".AAAA" }
	shapes := map[string]string{
		"dots":                  strings.Repeat(".", 8192),
		"a megabyte of dots":    strings.Repeat(".", 1<<20),
		"a megabyte of letters": strings.Repeat("A", 1<<20),
		"a megabyte, cut":       strings.Repeat("A", 1<<19) + "." + strings.Repeat("A", 1<<18) + "." + strings.Repeat("A", 1<<18),
		"letters, cut":          strings.Repeat("A", 4000) + "." + strings.Repeat("A", 2000) + "." + strings.Repeat("A", 2000),
		"white space":           strings.Repeat("\n", 8000),
		"not ASCII":             strings.Repeat("é", 4000),
	}
	for name, text := range map[string]string{
		"brackets":                   strings.Repeat("[", 5900),
		"pairs of brackets":          `{"x":[` + strings.TrimSuffix(strings.Repeat("[],", 1900), ",") + `]}`,
		"braces":                     strings.Repeat(`{"":`, 1150),
		"members":                    "{" + many(700, `"%d":0`) + "}",
		"elements":                   `{"x":[` + many(1200, "%d") + "]}",
		"objects":                    `{"x":[` + many(500, `{"a":%d}`) + "]}",
		"escapes":                    `{"x":"` + strings.Repeat(`\u00e9`, 950) + `"}`,
		"escaped names":              "{" + many(400, `"\u0061%d":0`) + "}",
		"a long name":                `{"` + strings.Repeat("n", 5800) + `":0}`,
		"a long escaped name, twice": `{"` + strings.Repeat(`\u006e`, 480) + `":0,"` + strings.Repeat(`\u006e`, 480) + `":0}`,
		"a long number":              `{"exp":` + strings.Repeat("9", 5800) + "}",
		"a huge exponent":            `{"exp":1e` + strings.Repeat("9", 5800) + "}",
		"a long fraction":            `{"exp":0.` + strings.Repeat("0", 5800) + "1}",
		"audiences":                  `{"aud":[` + many(500, `"%d"`) + "]}",
		"a long kid":                 head(`"kid":"` + strings.Repeat("k", 5800) + `"`),
		"a long typ":                 `{"alg":"HS256","typ":"` + strings.Repeat("t", 5800) + `"}`,
		"a long crit":                head(`"crit":[` + many(800, `"%d"`) + "]"),
	} {
		shapes[name+" in the header"] = unsigned(text, "{}")
		shapes[name+" in the payload"] = unsigned(goodHeader, text)
		shapes[name+" in claims that were signed"] = forge(goodHeader, text)
	}
	return shapes
}

// A9: refusing costs memory in proportion to the input up to the limit on its
// length, and hardly any beyond: nobody can make a verifier pay more than they
// paid.
func TestRefusingAllocatesInProportion(t *testing.T) {
	const perByte, constant = 24, 4096
	v := testVerifier(t, hmacKey(t).Public())
	for name, token := range hostile() {
		refuse := func() {
			if verified, err := v.Verify(context.Background(), token); err == nil || verified != nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if len(token) > 8192 && !strings.Contains(name, "megabyte") {
			t.Errorf("%s: %d bytes, which only tests the limit on length", name, len(token))
		}
		bound := uint64(constant)
		if len(token) <= 8192 {
			bound += perByte * uint64(len(token))
		}
		if got := allocated(refuse); got > bound {
			t.Errorf("%s: %d bytes for an input of %d, at most %d", name, got, len(token), bound)
		}
	}
}

// With limits that admit a megabyte the bound is the same.
func TestRefusingAMegabyteAllocatesInProportion(t *testing.T) {
	const perByte, constant = 24, 4096
	v := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) { p.Limits.TokenBytes = 2 << 20 })
	filler := strings.Repeat("x", 700_000)
	for name, token := range map[string]string{
		"dots":       strings.Repeat(".", 1<<20),
		"letters":    strings.Repeat("A", 1<<20),
		"cut":        strings.Repeat("A", 1<<19) + "." + strings.Repeat("A", 1<<18) + "." + strings.Repeat("A", 1<<18),
		"a string":   b64(goodHeader) + "." + b64(`{"x":"`+filler+`"}`) + ".AAAA",
		"an escape":  forge(goodHeader, `{"iss":"`+strings.Repeat(`\u00e9`, 120_000)+`"}`),
		"a number":   forge(goodHeader, `{"exp":`+strings.Repeat("9", 700_000)+`}`),
		"elements":   forge(goodHeader, `{"aud":[`+strings.Repeat(`"a",`, 170_000)+`"a"]}`),
		"a subject":  forge(goodHeader, `{"sub":"`+filler+`"}`),
		"a type":     b64(`{"alg":"HS256","typ":"`+filler+`"}`) + ".e30.AAAA",
		"a kid":      b64(`{"alg":"HS256","kid":"`+filler+`"}`) + ".e30.AAAA",
		"an unknown": b64(`{"alg":"`+filler+`"}`) + ".e30.AAAA",
	} {
		refuse := func() {
			if _, err := v.Verify(context.Background(), token); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if got := allocated(refuse); got > perByte*uint64(len(token))+constant {
			t.Errorf("%s: %d bytes for an input of %d", name, got, len(token))
		}
	}
}

// One Signer and one Verifier serve everybody at once. Run it with -race.
func TestConcurrentUse(t *testing.T) {
	for _, key := range everyKey(t) {
		t.Run(string(key.Algorithm()), func(t *testing.T) {
			t.Parallel()
			signer := must(jeton.NewSigner(key))(t)
			v := testVerifier(t, key.Public())
			good := must(signer.Sign(goodClaims()))(t)
			var shared *jeton.Verified = must(v.Verify(context.Background(), good))(t)
			var wg sync.WaitGroup
			for worker := range 8 {
				wg.Go(func() {
					for i := range 10 {
						c := goodClaims()
						c.ID = fmt.Sprintf("%d-%d", worker, i)
						token, err := signer.Sign(c)
						if err != nil {
							t.Error(err)
							return
						}
						back, err := jeton.VerifyAs[jeton.Claims](context.Background(), v, token)
						if err != nil || back.ID != c.ID {
							t.Errorf("%q, %v", back.ID, err)
						}
						if _, err := v.Verify(context.Background(), token[:len(token)-2]); err == nil {
							t.Error("accepted")
						}
						// What comes out of one token is everybody's.
						claims := shared.Claims()
						claims.Audience[0] = "overwritten"
						payload := shared.Payload()
						payload[0] = 'x'
						value, _ := shared.Claim("sub")
						value[0] = 'x'
						if shared.Claims().Audience[0] != testAudience || shared.StringClaim("sub") != "subject-canary" || shared.Payload()[0] != '{' {
							t.Error("a Verified changed")
						}
						_ = fmt.Sprint(key, key.Public())
						_ = key.Public().Thumbprint()
					}
				})
			}
			wg.Wait()
		})
	}
}
