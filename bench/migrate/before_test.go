package migrate

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
)

// Signing and verifying can move one after the other: each of the four takes
// the tokens of each.
func TestEachTakesTheTokensOfEach(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := jeton.NewHMACKey(jeton.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: issuer, Audience: audience, Type: "JWT"})
	if err != nil {
		t.Fatal(err)
	}
	type claims struct {
		jeton.Claims
		Tenant string `json:"tenant"`
	}
	signers := map[string]func([]byte, time.Time) (string, error){
		"golang-jwt": golangSign, "jwx": jwxSign, "go-jose": joseSign,
		"jeton": func(_ []byte, now time.Time) (string, error) {
			return signer.Sign(claims{jeton.Claims{Issuer: issuer, Subject: "alice", Audience: jeton.Audience{audience},
				ExpiresAt: jeton.At(now.Add(5 * time.Minute))}, "acme"})
		},
	}
	for name, sign := range signers {
		token, err := sign(secret, time.Now())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var tenants [4]string
		var errs [4]error
		g, err := golangVerify(secret, token)
		tenants[0], errs[0] = g.Tenant, err
		x, err := jwxVerify(secret, token)
		if errs[1] = err; err == nil {
			tenants[1], errs[1] = jwxTenant(x)
		}
		j, err := joseVerify(secret, token)
		if errs[2] = err; err == nil {
			tenants[2], errs[2] = joseTenant(j)
		}
		c, err := jeton.VerifyAs[claims](t.Context(), verifier, token)
		tenants[3], errs[3] = c.Tenant, err
		for i, verifier := range append(peers, "jeton") {
			if errs[i] != nil || tenants[i] != "acme" {
				t.Errorf("%s, of a token by %s: tenant %q, error %v", verifier, name, tenants[i], errs[i])
			}
		}
	}
}

func TestBeforeWithPublicKeys(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	type claims struct {
		jeton.Claims
		Tenant string `json:"tenant,omitempty"`
	}
	token := func(audience, tenant string, expires time.Duration) string {
		t.Helper()
		token, err := signer.Sign(claims{jeton.Claims{Issuer: issuer, Audience: jeton.Audience{audience}, ExpiresAt: jeton.At(time.Now().Add(expires))}, tenant})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good, old, other := token(audience, "acme", time.Hour), token(audience, "acme", -time.Hour), token("billing", "acme", time.Hour)
	text, err := jwk.MarshalPublicPEM(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) }))
	defer server.Close()
	jwxSet, err := jwxKeys(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	joseSet, err := joseKeys(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	byKeyID := func(token *golangjwt.Token) (any, error) { return key.Public().PublicKey(), nil }

	for name, verify := range map[string]func(string) string{
		"golang-jwt, PEM":  func(s string) string { _, err := golangVerifyPEM(text, s); return golangAnswer(err) },
		"golang-jwt, JWKS": func(s string) string { _, err := golangVerifyJWKS(byKeyID, s); return golangAnswer(err) },
		"jwx, PEM":         func(s string) string { _, err := jwxVerifyPEM(text, s); return jwxAnswer(err) },
		"jwx, JWKS":        func(s string) string { _, err := jwxVerifyJWKS(jwxSet, s); return jwxAnswer(err) },
		"go-jose, PEM":     func(s string) string { _, err := joseVerifyPEM(text, s); return joseAnswer(err) },
		"go-jose, JWKS":    func(s string) string { _, err := joseVerifyJWKS(joseSet, s); return joseAnswer(err) },
	} {
		want := map[string]string{good: "ok", old: "refresh it", other: "ok", good[:len(good)-8]: "log in again"}
		if strings.HasSuffix(name, "JWKS") {
			want[other] = "log in again"
		}
		for token, want := range want {
			if got := verify(token); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}

	// Whether a tenant is named, golang-jwt asks by itself, the others don't.
	nameless := token(audience, "", time.Hour)
	if _, err := golangVerifyPEM(text, nameless); !errors.Is(err, golangjwt.ErrTokenInvalidClaims) {
		t.Errorf("golang-jwt, no tenant: %v", err)
	}
	if token, err := jwxVerifyPEM(text, nameless); err != nil {
		t.Error(err)
	} else if _, err := jwxTenant(token); err == nil {
		t.Error("jwx, no tenant: no error")
	}
	if claims, err := joseVerifyPEM(text, nameless); err != nil {
		t.Error(err)
	} else if _, err := joseTenant(claims); err == nil {
		t.Error("go-jose, no tenant: no error")
	}

	// The comments at their errors: two say "expired" of a token that is for
	// another API, too.
	both := token("billing", "acme", -time.Hour)
	_, errGolang := golangVerifyJWKS(byKeyID, both)
	_, errJWX := jwxVerifyJWKS(jwxSet, both)
	_, errJOSE := joseVerifyJWKS(joseSet, both)
	if g, x, j := golangAnswer(errGolang), jwxAnswer(errJWX), joseAnswer(errJOSE); g != "refresh it" || x != "refresh it" || j != "log in again" {
		t.Errorf("expired and for another audience: golang-jwt %q, jwx %q, go-jose %q", g, x, j)
	}
}

// The guide's second table: what jeton accepts that one of the others refuses.
func TestWhatIsAcceptedThatWasRefused(t *testing.T) {
	told := tableOf(t, "What is accepted that was refused")
	now := time.Now().Unix()
	secret := make([]byte, 64)
	rand.Read(secret)
	hs := func(claims string) refusal {
		return refusal{alg: jeton.HS256, key: secret, token: seal(t, secret, jeton.HS256, header, claims)}
	}
	for name, row := range map[string]refusal{
		"`exp` was 10 s ago": hs(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, issuer, audience, now-10)),
		"`nbf` is in 10 s":   hs(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"nbf":%d}`, issuer, audience, now+300, now+10)),
	} {
		for i, err := range []error{golangDefault(row), jwxDefault(row), joseDefault(row), jetonVerify(t, row, false)} {
			if told[name] == nil || i < 3 && told[name][i] != word(err) || i == 3 && err != nil {
				t.Errorf("%s: the guide says %q; library %d %s: %v", name, told[name], i, word(err), err)
			}
		}
		row.policy = func(p *jeton.Policy) { p.Leeway = jeton.NoLeeway }
		if jetonVerify(t, row, true) == nil {
			t.Errorf("%s: accepted without leeway", name)
		}
		delete(told, name)
	}

	const name = "`alg` is `Ed25519` (RFC 9864), not `EdDSA`"
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	input := encode([]byte(`{"alg":"Ed25519","typ":"JWT"}`)) + "." + encode(fmt.Appendf(nil, `{"exp":%d}`, now+300))
	token := input + "." + encode(ed25519.Sign(private, []byte(input)))
	_, errGolang := golangjwt.Parse(token, func(*golangjwt.Token) (any, error) { return public, nil })
	_, errJWX := jwxjwt.ParseString(token, jwxjwt.WithKey(jwa.EdDSA(), public))
	_, errJOSE := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	for i, err := range []error{errGolang, errJWX, errJOSE} {
		if told[name] == nil || told[name][i] != word(err) {
			t.Errorf("%s: the guide says %q; library %d %s: %v", name, told[name], i, word(err), err)
		}
	}
	key, err := jeton.NewVerifyingKey(jeton.Ed25519, public)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jeton.NewVerifier(key, jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	delete(told, name)
	for name := range told {
		t.Errorf("the guide tells of %s, which nothing here tries", name)
	}
}
