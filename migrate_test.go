package jeton_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// The regions of this file are what docs/migrate.md shows of jeton. What it
// shows of the other libraries is in bench/migrate, which has them to run.

// docs:start jeton-hs256
type orderClaims struct {
	jeton.Claims
	Tenant string `json:"tenant"`
}

// setUp runs once. What it returns is for all goroutines.
func setUp(secret []byte) (*jeton.Signer, *jeton.Verifier, error) {
	key, err := jeton.NewHMACKey(jeton.HS256, secret)
	if err != nil {
		return nil, nil, err
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		return nil, nil, err
	}
	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
		Issuer:   "https://auth.example",
		Audience: "orders",
		Type:     "JWT",
	})
	return signer, verifier, err
}

func sign(signer *jeton.Signer, now time.Time) (string, error) {
	return signer.Sign(orderClaims{
		Claims: jeton.Claims{
			Issuer:    "https://auth.example",
			Subject:   "alice",
			Audience:  jeton.Audience{"orders"},
			ExpiresAt: jeton.At(now.Add(5 * time.Minute)),
		},
		Tenant: "acme",
	})
}

func verify(ctx context.Context, verifier *jeton.Verifier, token string) (orderClaims, error) {
	return jeton.VerifyAs[orderClaims](ctx, verifier, token)
}

// docs:end

// docs:start jeton-pem
func verifierOfPEM(publicPEM []byte) (*jeton.Verifier, error) {
	key, err := jwk.ParsePublic(publicPEM, jwk.DefaultAlgorithm(jeton.RS256))
	if err != nil {
		return nil, err
	}
	return jeton.NewVerifier(key, jeton.Policy{
		Issuer:   "https://auth.example",
		Audience: "orders",
		Type:     "JWT",
	})
}

// docs:end

// docs:start jeton-jwks
// The zero value of the options is right for an https URL.
func verifierOfJWKS(ctx context.Context, url string, o jwks.RemoteOptions) (*jeton.Verifier, error) {
	keys, err := jwks.NewRemote(url, o)
	if err != nil {
		return nil, err
	}
	if err := keys.Refresh(ctx); err != nil { // or leave it to the first token
		return nil, err
	}
	return jeton.NewVerifier(keys, jeton.Policy{
		Issuer:   "https://auth.example",
		Audience: "orders",
		Type:     "JWT",
	})
}

// docs:end

// docs:start jeton-errors
func answer(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, jeton.ErrExpired): // and all else about it is right
		return "refresh it"
	case errors.Is(err, jeton.ErrKeysUnavailable): // the token may be good
		return "try again later"
	default: // jeton.ReasonCode(err) is for the log
		return "log in again"
	}
}

// docs:end

// docs:start jeton-custom
func tenant(verified *jeton.Verified) (string, error) {
	var claims orderClaims
	if err := verified.Decode(&claims); err != nil { // or verified.StringClaim("tenant")
		return "", err
	}
	if claims.Tenant == "" {
		return "", errors.New("no tenant")
	}
	return claims.Tenant, nil
}

// docs:end

func TestMigratedSecret(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	signer, verifier, err := setUp(secret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sign(signer, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verify(t.Context(), verifier, token)
	if err != nil || claims.Subject != "alice" || claims.Tenant != "acme" {
		t.Errorf("claims %+v, error %v", claims, err)
	}
	verified, err := verifier.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := tenant(verified); name != "acme" || err != nil {
		t.Errorf("tenant %q, error %v", name, err)
	}
	if _, _, err := setUp([]byte("secret")); !errors.Is(err, jeton.ErrWeakKey) {
		t.Errorf("a weak secret: %v", err)
	}
}

func TestMigratedPublicKeys(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.RS256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jeton.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwk.MarshalPublicPEM(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := verifierOfPEM(text)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(set)
	}))
	defer server.Close()
	options := jwks.RemoteOptions{Transport: server.Client().Transport}
	remote, err := verifierOfJWKS(t.Context(), server.URL, options)
	if err != nil {
		t.Fatal(err)
	}
	for name, verifier := range map[string]*jeton.Verifier{"PEM": pinned, "JWKS": remote} {
		good, err := sign(signer, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		old, err := sign(signer, time.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for token, want := range map[string]string{good: "ok", old: "refresh it", good + "A": "log in again"} {
			if _, err := verify(t.Context(), verifier, token); answer(err) != want {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	server.Close()
	if _, err := verifierOfJWKS(t.Context(), server.URL, options); answer(err) != "try again later" {
		t.Errorf("a JWKS that is down: %v", err)
	}
}

// A token that is expired and wrong besides is not called expired: the guide
// says so in the region of the errors.
func TestMigratedExpiryIsLookedAtLast(t *testing.T) {
	secret := []byte(strings.Repeat("0123456789abcdef", 2))
	signer, _, err := setUp(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jeton.NewHMACKey(jeton.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := jeton.NewVerifier(key.Public(), jeton.Policy{Issuer: "https://auth.example", Audience: "billing", Type: "JWT"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := sign(signer, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t.Context(), other, token); answer(err) != "log in again" {
		t.Errorf("expired and for another audience: %v", err)
	}
}

// docs/migrate.md shows this file's regions as they stand and leaves none out.
// Every other Go block there is one of bench/migrate, which has a test like this.
func TestMigrationGuideShowsThisCode(t *testing.T) {
	text, err := os.ReadFile("docs/migrate.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("migrate_test.go")
	if err != nil {
		t.Fatal(err)
	}
	region := regexp.MustCompile(`(?ms)^\t*// docs:start (\S+)\n(.*?)^\t*// docs:end$`)
	regions := make(map[string]string)
	for _, found := range region.FindAllSubmatch(source, -1) {
		regions[string(found[1])] = strings.TrimSpace(string(found[2]))
	}
	if len(regions) != 5 {
		t.Errorf("%d regions, want one for each of five tasks", len(regions))
	}
	fence := regexp.MustCompile("(?ms)^(?:<!-- snippet: (\\S+) -->\n)?```go\n(.*?)^```$")
	shown := make(map[string]bool)
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		name, code := block[1], strings.TrimSpace(block[2])
		shown[name] = true
		switch {
		case name == "":
			t.Errorf("docs/migrate.md has a block of nothing that compiles:\n%s", code)
		case strings.HasPrefix(name, "jeton-") && regions[name] != code:
			t.Errorf("docs/migrate.md shows another %s:\n%s\nthe file has:\n%s", name, code, regions[name])
		}
	}
	for name := range regions {
		if !shown[name] {
			t.Errorf("docs/migrate.md does not show %s", name)
		}
	}
}
