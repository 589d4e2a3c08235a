package httpauth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jetontest"
	"github.com/jeton-go/jeton/jwe"
)

// Encrypted tokens stand before a handler as signed ones do.
func TestAHandlerForEncryptedTokens(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	key, err := jwe.GenerateKey(jwe.A256KW, jwe.A256GCM)
	if err != nil {
		t.Fatal(err)
	}
	encrypter, err := jwe.NewEncrypter(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	decrypter, err := jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jwe.NewVerifier(decrypter, issuer.Verifier("orders"))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := httpauth.New(verifier, httpauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	api := auth.Require(httpauth.Scope("orders:read")).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	encrypted := func(token string) string {
		out, err := encrypter.EncryptToken(token)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	good := issuer.Token("orders", jetontest.Scope("orders:read"))
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"encrypted":                    {encrypted(good), http.StatusOK},
		"encrypted, for another":       {encrypted(issuer.Token("invoices", jetontest.Scope("orders:read"))), http.StatusUnauthorized},
		"encrypted, without the scope": {encrypted(issuer.Token("orders")), http.StatusForbidden},
		"signed and not encrypted":     {good, http.StatusUnauthorized},
		"encrypted and changed":        {encrypted(good) + "A", http.StatusUnauthorized},
	} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
	for name, v := range map[string]httpauth.Verifier{"none": nil, "a nil *jeton.Verifier": (*jeton.Verifier)(nil)} {
		if _, err := httpauth.New(v, httpauth.Options{}); err == nil {
			t.Errorf("New accepts %s", name)
		}
	}
}
