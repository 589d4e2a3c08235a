package issuer_test

import (
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// Whoever can write the store and has no master key plants no key that tokens
// are verified with: not as a retired one, whose private half nobody misses, nor
// in place of its public half.
func TestKeysPlantedInTheStore(t *testing.T) {
	for name, change := range map[string]func(keys []issuer.StoredKey, public func(id string) []byte) []issuer.StoredKey{
		"a row of its own": func(keys []issuer.StoredKey, public func(string) []byte) []issuer.StoredKey {
			return append(keys, issuer.StoredKey{ID: "planted", Use: issuer.UseAccess, Algorithm: "ES256", State: issuer.KeyRetiring,
				Public: public("planted"), CreatedAt: keys[0].CreatedAt, RetiredAt: keys[0].CreatedAt.Add(time.Hour)})
		},
		"a row of its own, with its public half for a seal": func(keys []issuer.StoredKey, public func(string) []byte) []issuer.StoredKey {
			return append(keys, issuer.StoredKey{ID: "planted", Use: issuer.UseAccess, Algorithm: "ES256", State: issuer.KeyRetiring,
				Public: public("planted"), Sealed: public("planted"), CreatedAt: keys[0].CreatedAt, RetiredAt: keys[0].CreatedAt.Add(time.Hour)})
		},
		"the public half of a retired key": func(keys []issuer.StoredKey, public func(string) []byte) []issuer.StoredKey {
			for i := range keys {
				if keys[i].State == issuer.KeyRetiring {
					keys[i].Public = public(keys[i].ID)
				}
			}
			return keys
		},
		"the public half of a retired key, which was never sealed": func(keys []issuer.StoredKey, public func(string) []byte) []issuer.StoredKey {
			for i := range keys {
				if keys[i].State == issuer.KeyRetiring {
					keys[i].Public, keys[i].Sealed = public(keys[i].ID), nil
				}
			}
			return keys
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rs256)
			good := w.open("somebody")
			w = w.changeNow(hs256)
			claims := must(jeton.VerifyAs[jeton.AccessClaims](ctx(), w.Verifier(), good.AccessToken))
			ids := []string{"planted", w.byState(issuer.KeyRetiring).ID}
			thief := must(jeton.GenerateKey(jeton.ES256))
			as := func(id string) *jeton.SigningKey {
				return must(jwk.ParsePrivate(must(jwk.MarshalPrivate(thief)), jwk.KeyID(id)))
			}
			public := func(id string) []byte { return must(jwk.MarshalPublic(as(id).Public())) }
			err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
				return change(keys, public), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Tick(ctx()); err != nil {
				t.Logf("the issuer notices: %v", err)
			}
			for _, id := range ids {
				token := must(must(jeton.NewSigner(as(id), jeton.Type(issuer.AccessTokenType))).Sign(claims))
				if v, err := w.Verifier().Verify(ctx(), token); err == nil {
					t.Errorf("rule: the issuer accepts no token of a planted key; as %s it accepted one of %s", id, v.Subject())
				}
				for _, key := range must(jwk.ParseSet(w.Keys())) {
					if key.Thumbprint() == as(id).Public().Thumbprint() {
						t.Errorf("rule: a planted key is not published; as %s it was", id)
					}
				}
			}
		})
	}
}

// The private half of a retired key is destroyed: it signs no more, even if the
// row says so.
func TestARetiredKeyDoesNotSignAgain(t *testing.T) {
	w := newWorld(t, rs256)
	w = w.changeNow(hs256)
	err := w.store.UpdateKeys(ctx(), func(_ time.Time, keys []issuer.StoredKey) ([]issuer.StoredKey, error) {
		for i, k := range keys {
			if k.State == issuer.KeyRetiring {
				keys[i].State = issuer.KeyActive
			} else if k.Use == issuer.UseAccess {
				keys[i].State = issuer.KeyRetiring
			}
		}
		return keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if iss, err := issuer.New(ctx(), w.cfg); err == nil {
		t.Errorf("rule: the private half of a retired key is destroyed; an issuer signs with %s", iss.Algorithm())
	}
}

// A token whose subject is not its session's is refused, should one ever be
// signed.
func TestAccessTokenOfAnotherSubject(t *testing.T) {
	w := newWorld(t, hs256)
	pair := w.open("somebody")
	secret := must(jwk.ParsePrivate(must(issuer.ExportHMACKey(ctx(), w.store, master))))
	signer := must(jeton.NewSigner(secret, jeton.Type(issuer.AccessTokenType)))
	claims := must(jeton.VerifyAs[jeton.AccessClaims](ctx(), w.Verifier(), pair.AccessToken))
	if _, err := w.Verifier().Verify(ctx(), must(signer.Sign(claims))); err != nil {
		t.Fatalf("the session's own subject: %v", err)
	}
	claims.Subject = "somebody else"
	if _, err := w.Verifier().Verify(ctx(), must(signer.Sign(claims))); err == nil {
		t.Error("rule: a token's subject is its session's")
	}
}
