package jwe_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/jwe"
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

// A token takes a few times its length, whatever is in it, and one that is too long
// next to nothing.
func TestMemoryIsBoundedByTheTokensLength(t *testing.T) {
	many := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, ",")
	}
	tail := ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"
	shapes := map[string]string{
		"dots":                  strings.Repeat(".", 16<<10),
		"a megabyte of dots":    strings.Repeat(".", 1<<20),
		"a megabyte of letters": strings.Repeat("A", 1<<20),
		"letters, cut":          strings.Repeat(strings.Repeat("A", 3000)+".", 4) + strings.Repeat("A", 3000),
		"white space":           strings.Repeat("\n", 16<<10),
		"an encrypted key":      b64(`{"alg":"%s","enc":"%s"}`) + "." + strings.Repeat("A", 16000) + tail,
	}
	for name, header := range map[string]string{
		"members":      "{" + many(1000, `"%d":0`) + "}",
		"elements":     `{"alg":"dir","x":[` + many(2000, "%d") + "]}",
		"brackets":     strings.Repeat("[", 12_000),
		"braces":       strings.Repeat(`{"":`, 3000),
		"escapes":      `{"x":"` + strings.Repeat(`\u00e9`, 1900) + `"}`,
		"a long name":  `{"` + strings.Repeat("n", 12_000) + `":0}`,
		"a long apu":   `{"alg":"ECDH-ES","enc":"A128GCM","epk":` + ephemeralEPK + `,"apu":"` + strings.Repeat("A", 11_000) + `"}`,
		"a long epk":   `{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 11_000) + `","y":""}}`,
		"a long iv":    `{"alg":"A128GCMKW","enc":"A128GCM","iv":"` + strings.Repeat("A", 11_000) + `"}`,
		"zip":          `{"alg":"dir","enc":"A128GCM","zip":"DEF"}`,
		"many rounds":  `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":2147483647}`,
		"a long kid":   `{"alg":"dir","enc":"A128GCM","kid":"` + strings.Repeat("k", 11_000) + `"}`,
		"a long value": `{"alg":"` + strings.Repeat("k", 11_000) + `"}`,
	} {
		shapes[name] = b64(header) + "." + tail
	}
	for _, k := range []kind{{jwe.Dir, jwe.A128GCM, nil}, {jwe.A128KW, jwe.A256CBCHS512, nil}, {jwe.A128GCMKW, jwe.A128GCM, nil}, {jwe.RSAOAEP256, jwe.A128GCM, nil}, {jwe.ECDHES, jwe.A128GCM, nil}} {
		key := k.key(t)
		d := decrypter(t, key)
		shapes["good"] = must(encrypter(t, key).EncryptUnsigned(make([]byte, 11_000)))(t)
		shapes["an encrypted key of this kind"] = b64(fmt.Sprintf(`{"alg":"%s","enc":"%s"}`, k.alg, k.enc)) + "." + strings.Repeat("A", 15_000) + tail
		for name, token := range shapes {
			n := allocated(func() { d.DecryptUnsigned(token) })
			most := uint64(6*min(len(token), 16<<10) + 40<<10)
			if len(token) > 16<<10 {
				most = 4 << 10
			}
			if n > most {
				t.Errorf("%s, %s: %d bytes for a token of %d", k, name, n, len(token))
			}
		}
	}
}
