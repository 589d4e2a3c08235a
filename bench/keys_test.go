package bench

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

const (
	testIssuer   = "https://auth.example"
	testAudience = "orders"
)

var algorithms = []jeton.Algorithm{jeton.HS256, jeton.RS256, jeton.PS256, jeton.ES256, jeton.Ed25519}

// settings returns one setting for each algorithm. The keys are published ones
// (RFC 7515 appendix A, RFC 8037 appendix A), so that a finding of the fuzzer can
// be repeated; RS256 and PS256 share theirs.
func settings(tb testing.TB) []setting {
	tb.Helper()
	var rfc7515 struct {
		Cases []struct {
			Alg jeton.Algorithm
			Key json.RawMessage
		}
	}
	readJSON(tb, "../testdata/rfc7515/appendix_a.json", &rfc7515)
	var rfc8037 struct {
		Key json.RawMessage `json:"A.1_private"`
	}
	readJSON(tb, "../testdata/rfc8037/examples.json", &rfc8037)

	keys := map[jeton.Algorithm]json.RawMessage{jeton.Ed25519: rfc8037.Key}
	for _, c := range rfc7515.Cases {
		keys[c.Alg] = c.Key
	}
	keys[jeton.PS256] = keys[jeton.RS256]

	var all []setting
	for _, alg := range algorithms {
		key, err := jwk.ParsePrivate(keys[alg], jwk.DefaultAlgorithm(alg))
		if err != nil {
			tb.Fatalf("%s: %v", alg, err)
		}
		all = append(all, settingOf(key))
	}
	return all
}

func settingOf(key *jeton.SigningKey) setting {
	s := setting{alg: key.Algorithm(), private: key.Secrets(), issuer: testIssuer, audience: testAudience}
	if s.alg.Symmetric() {
		s.public = s.private
	} else {
		s.public = key.Public().PublicKey()
	}
	return s
}

func readJSON(tb testing.TB, path string, dst any) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, dst); err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
}

// goodClaims are what every verifier of the benchmarks expects at that time.
func goodClaims(now time.Time) *claims {
	now = now.Truncate(time.Second)
	return &claims{
		Issuer: testIssuer, Subject: "0190f2c4-6a5e-7c3b-9d1e-2f4a6b8c0d1e", Audience: []string{testAudience},
		ExpiresAt: now.Add(24 * time.Hour), NotBefore: now.Add(-time.Minute), IssuedAt: now.Add(-time.Minute),
		ID:    "7b1f5f0e9a3c4d52",
		Scope: "orders:read orders:write", Tenant: "acme", Roles: []string{"buyer", "approver"},
	}
}

// signed returns the token that all libraries get. Only its signature differs
// between runs, and only where the algorithm is a randomized one.
func signed(tb testing.TB, s setting, c *claims) string {
	tb.Helper()
	sign, err := jetonSigner(s)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := sign(c)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}
