package jwe_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwe"
	"pgregory.net/rapid"
)

// For every kind of key: what is encrypted for a key comes out with it, and with no
// other.
func TestRoundTrip(t *testing.T) {
	type end struct {
		e *jwe.Encrypter
		d *jwe.Decrypter
	}
	all := kinds()
	ends := make([][2]end, len(all))
	for i, k := range all {
		key := k.key(t)
		// The same key, as a copy that went over a wire.
		copied := must(jwe.ParsePrivate(must(jwe.MarshalPrivate(key))(t), k.alg, k.enc))(t)
		for j, key := range []*jwe.DecryptingKey{key, copied} {
			ends[i][j] = end{encrypter(t, key), decrypter(t, key)}
		}
		// Lengths around the blocks of AES.
		for _, n := range []int{0, 1, 15, 16, 17, 64} {
			plaintext := make([]byte, n)
			got := must(ends[i][n%2].d.DecryptUnsigned(must(ends[i][0].e.EncryptUnsigned(plaintext))(t)))(t)
			if !slices.Equal(got, plaintext) {
				t.Errorf("%s: %x", k, got)
			}
		}
		if k.alg == jwe.RSAOAEP256 {
			continue // there is only one
		}
		refusedBy(t, decrypter(t, k.key(t)), must(ends[i][0].e.EncryptToken(goodInner(t)))(t), jwe.ErrDecrypt)
	}
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, len(all)-1).Draw(rt, "kind")
		from, to := rapid.IntRange(0, 1).Draw(rt, "from"), rapid.IntRange(0, 1).Draw(rt, "to")
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "plaintext")
		got, err := ends[i][to].d.DecryptUnsigned(must(ends[i][from].e.EncryptUnsigned(plaintext))(t))
		if err != nil || !slices.Equal(got, plaintext) {
			rt.Errorf("%s: %x, %v", all[i], got, err)
		}
	})
}

// A key of one kind takes no token of another, even if it is made of the same
// material.
func TestAKeyIsForOneKindAlone(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdeF")
	id := jwe.KeyID("same")
	var keys []*jwe.DecryptingKey
	p256 := must(jwe.GenerateKey(jwe.ECDHES, jwe.A128GCM))(t)
	text := string(must(jwe.MarshalPrivate(p256))(t))
	text = strings.Replace(text, `"alg":"ECDH-ES",`, "", 1)
	for _, k := range kinds() {
		switch {
		case k.alg == jwe.RSAOAEP256:
			keys = append(keys, k.key(t, id))
		case k.alg.Symmetric() && jwe.SecretBytes(k.alg, k.enc) <= 32:
			keys = append(keys, must(jwe.NewSecretKey(k.alg, k.enc, secret[:jwe.SecretBytes(k.alg, k.enc)], id))(t))
		case !k.alg.Symmetric() && k.curve.(interface{ String() string }).String() == "P-256":
			keys = append(keys, must(jwe.ParsePrivate([]byte(text), k.alg, k.enc, id))(t))
		}
	}
	pairs := 0
	for _, a := range keys {
		token := must(encrypter(t, a).EncryptToken(goodInner(t)))(t)
		for _, b := range keys {
			if a == b {
				if _, err := decrypter(t, b).DecryptUnsigned(token); err != nil {
					t.Errorf("%v: %v", a, err)
				}
				continue
			}
			pairs++
			refusedBy(t, decrypter(t, b), token, jeton.ErrAlgorithmMismatch)
		}
	}
	if pairs < 500 {
		t.Errorf("only %d pairs", pairs)
	}
}

// No two tokens share a nonce, a content key or an ephemeral key.
func TestEveryTokenIsFresh(t *testing.T) {
	for _, k := range kinds() {
		e := encrypter(t, k.key(t))
		seen := map[string]bool{}
		for range 3 {
			parts := strings.Split(must(e.EncryptUnsigned([]byte("the same")))(t), ".")
			fresh := parts[2:] // of dir
			if k.alg != jwe.Dir && k.alg != jwe.ECDHES {
				fresh = append(fresh, parts[1])
			}
			if strings.Contains(string(k.alg), "GCMKW") || strings.Contains(string(k.alg), "ECDH") {
				fresh = append(fresh, parts[0])
			}
			for _, part := range fresh {
				if seen[part] {
					t.Errorf("%s: %s occurs twice", k, part)
				}
				seen[part] = true
			}
		}
	}
}

// The header has what RFC 7516 and 7518 ask for, and nothing else.
func TestHeader(t *testing.T) {
	for _, k := range kinds() {
		for name, c := range map[string]struct {
			opts   []jwe.EncrypterOption
			nested bool
		}{"plain": {}, "token": {nested: true}, "no kid": {opts: []jwe.EncrypterOption{jwe.WithoutKeyID()}, nested: true}} {
			key := k.key(t, jwe.KeyID(`a "quoted" id \ <é`[:14]))
			e := encrypter(t, key, c.opts...)
			token := must(e.EncryptUnsigned([]byte("x")))(t)
			want := map[string]any{"alg": string(k.alg), "enc": string(k.enc), "kid": key.ID()}
			if c.nested {
				token = must(e.EncryptToken(goodInner(t)))(t)
				want["cty"] = "JWT"
			}
			if c.opts != nil {
				delete(want, "kid")
			}
			parts := strings.Split(token, ".")
			var got map[string]any
			if err := json.Unmarshal(unb64(t, parts[0]), &got); err != nil {
				t.Fatal(err)
			}
			for name, value := range want {
				if got[name] != value {
					t.Errorf("%s, %s: %s is %v", k, name, name, got[name])
				}
				delete(got, name)
			}
			var more []string
			for name := range got {
				more = append(more, name)
			}
			slices.Sort(more)
			wantMore := ""
			switch {
			case strings.Contains(string(k.alg), "GCMKW"):
				wantMore = "iv tag"
			case strings.Contains(string(k.alg), "ECDH"):
				wantMore = "epk"
				epk := got["epk"].(map[string]any)
				if _, private := epk["d"]; private || epk["crv"] != k.curve.(interface{ String() string }).String() {
					t.Errorf("%s: epk %v", k, epk)
				}
			}
			if strings.Join(more, " ") != wantMore {
				t.Errorf("%s, %s: the header has %v too", k, name, more)
			}
			if direct := k.alg == jwe.Dir || k.alg == jwe.ECDHES; (parts[1] == "") != direct {
				t.Errorf("%s: encrypted key %q", k, parts[1])
			}
		}
	}
}

// What is inside an encrypted token is held to the whole policy.
func TestVerifierAppliesThePolicy(t *testing.T) {
	key := must(jwe.GenerateKey(jwe.ECDHES, jwe.A256GCM))(t)
	e := encrypter(t, key)
	v := must(jwe.NewVerifier(decrypter(t, key), innerVerifier(t)))(t)
	accessToken := innerSigner(t, jeton.Type("at+jwt"))

	verified := must(v.Verify(context.Background(), must(e.EncryptToken(goodInner(t)))(t)))(t)
	if verified.Subject() != "alice" || verified.Header().Type != "at+jwt" {
		t.Errorf("%v", verified.Claims())
	}

	expired, audience, issuer := goodClaims(), goodClaims(), goodClaims()
	expired.ExpiresAt = jeton.At(now.Add(-time.Hour))
	audience.Audience = jeton.Audience{"billing"}
	issuer.Issuer = "https://other.example"
	stranger := must(jeton.NewSigner(must(jeton.GenerateKey(jeton.HS256))(t), jeton.Type("at+jwt")))(t)
	for name, c := range map[string]struct {
		signed string
		want   error
	}{
		"expired":              {must(accessToken.Sign(expired))(t), jeton.ErrExpired},
		"another audience":     {must(accessToken.Sign(audience))(t), jeton.ErrAudience},
		"another issuer":       {must(accessToken.Sign(issuer))(t), jeton.ErrIssuer},
		"another type":         {must(innerSigner(t).Sign(goodClaims()))(t), jeton.ErrType},
		"signed by a stranger": {must(stranger.Sign(goodClaims()))(t), jeton.ErrSignature},
		"no header of a token": {"AAAA.AAAA.AAAA", jeton.ErrJSON},
		"none":                 {b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".AAAA", jeton.ErrUnsupportedAlgorithm},
	} {
		verified, err := v.Verify(context.Background(), must(e.EncryptToken(c.signed))(t))
		if verified != nil {
			t.Errorf("%s: claims beside an error", name)
		}
		refused(t, err, c.want, c.signed)
		if errors.Is(err, jwe.ErrDecrypt) {
			t.Errorf("%s: it did decrypt", name)
		}
	}
}

// Only a token that says of itself, under the tag, that a token is inside counts as
// one; and only if there is one.
func TestVerifierWantsATokenInside(t *testing.T) {
	d := decrypter(t, forgeKey(t))
	v := must(jwe.NewVerifier(d, innerVerifier(t)))(t)
	signed := goodInner(t)
	for _, cty := range []string{`"JWT"`, `"jwt"`, `"application/jwt"`, `"APPLICATION/JWT"`} {
		if _, err := v.Verify(context.Background(), forge(`{"alg":"dir","enc":"A128GCM","cty":`+cty+`}`, signed)); err != nil {
			t.Errorf("%s: %v", cty, err)
		}
	}
	claims := string(must(json.Marshal(goodClaims()))(t))
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"no cty":                     {forge(`{"alg":"dir","enc":"A128GCM"}`, signed), jeton.ErrHeader},
		"an empty cty":               {forge(`{"alg":"dir","enc":"A128GCM","cty":""}`, signed), jeton.ErrHeader},
		"cty of another content":     {forge(`{"alg":"dir","enc":"A128GCM","cty":"json"}`, signed), jeton.ErrHeader},
		"cty with a parameter":       {forge(`{"alg":"dir","enc":"A128GCM","cty":"JWT; x=y"}`, signed), jeton.ErrHeader},
		"typ in place of cty":        {forge(`{"alg":"dir","enc":"A128GCM","typ":"JWT"}`, signed), jeton.ErrHeader},
		"unsigned":                   {must(encrypter(t, forgeKey(t)).EncryptUnsigned([]byte(signed)))(t), jeton.ErrHeader},
		"bare claims":                {forge(goodHeader, claims), jeton.ErrSegments},
		"nothing":                    {forge(goodHeader, ""), jeton.ErrSegments},
		"an unsecured token":         {forge(goodHeader, b64(`{"alg":"none"}`)+"."+b64(claims)+"."), jeton.ErrSegments},
		"an encrypted token":         {forge(goodHeader, forge(goodHeader, signed)), jeton.ErrSegments},
		"space around the token":     {forge(goodHeader, signed+"\n"), jeton.ErrEncoding},
		"a token that is not hidden": {signed, jeton.ErrSegments},
	} {
		verified, err := v.Verify(context.Background(), c.token)
		if verified != nil {
			t.Errorf("%s: claims beside an error", name)
		}
		t.Run(name, func(t *testing.T) { refused(t, err, c.want, c.token, signed) })
	}
}

func TestNewVerifierNeedsBoth(t *testing.T) {
	_, err := jwe.NewVerifier(nil, innerVerifier(t))
	refused(t, err, jeton.ErrInvalidPolicy)
	_, err = jwe.NewVerifier(decrypter(t, forgeKey(t)), nil)
	refused(t, err, jeton.ErrInvalidPolicy)
}

// What nobody made refuses everything and does not crash.
func TestZeroValuesRefuse(t *testing.T) {
	token := forge(goodHeader, goodInner(t))
	_, err := (&jwe.Decrypter{}).DecryptUnsigned(token)
	refused(t, err, jeton.ErrTokenTooLarge)
	v := must(jwe.NewVerifier(&jwe.Decrypter{}, &jeton.Verifier{}))(t)
	_, err = v.Verify(context.Background(), token)
	refused(t, err, jeton.ErrTokenTooLarge)
}

// A signed token goes in, and nothing that only looks like one from afar.
func TestEncryptTokenRefuses(t *testing.T) {
	e := encrypter(t, forgeKey(t))
	signed := goodInner(t)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":              {"", jeton.ErrSegments},
		"claims":               {`{"sub":"alice"}`, jeton.ErrSegments},
		"claims with two dots": {`{"sub":"a.b.c"}`, jeton.ErrEncoding},
		"unsecured":            {b64(`{"alg":"none"}`) + "." + b64("{}") + ".", jeton.ErrSegments},
		"two segments":         {strings.Join(strings.Split(signed, ".")[:2], "."), jeton.ErrSegments},
		"four segments":        {signed + ".AAAA", jeton.ErrSegments},
		"encrypted":            {forge(goodHeader, signed), jeton.ErrSegments},
		"a newline":            {signed + "\n", jeton.ErrEncoding},
		"padding":              {signed + "=", jeton.ErrEncoding},
		"the scheme":           {"Bearer " + signed, jeton.ErrEncoding},
		"a megabyte of dots":   {strings.Repeat(".", 1<<20), jeton.ErrTokenTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := e.EncryptToken(c.token)
			if token != "" {
				t.Error("a token beside an error")
			}
			refused(t, err, c.want, c.token)
		})
	}
}

// Both sides hold to the same length by default, and the largest signed token that
// package jeton makes by default fits whatever the key.
func TestTokenLength(t *testing.T) {
	const most = 16 << 10
	key := forgeKey(t)
	overhead := len(must(encrypter(t, key).EncryptUnsigned(nil))(t))
	fits := make([]byte, (most-overhead)/4*3)
	token := must(encrypter(t, key).EncryptUnsigned(fits))(t)
	if len(token) <= most-4 || len(token) > most {
		t.Fatalf("%d bytes", len(token))
	}
	if got := must(decrypter(t, key).DecryptUnsigned(token))(t); len(got) != len(fits) {
		t.Errorf("%d bytes", len(got))
	}
	_, err := encrypter(t, key).EncryptUnsigned(make([]byte, len(fits)+3))
	refused(t, err, jeton.ErrTokenTooLarge)
	_, err = encrypter(t, key).EncryptUnsigned(make([]byte, 1<<20))
	refused(t, err, jeton.ErrTokenTooLarge)

	longer := must(encrypter(t, key, jwe.MaxTokenBytes(most+4)).EncryptUnsigned(make([]byte, len(fits)+3)))(t)
	refusedBy(t, decrypter(t, key), longer, jeton.ErrTokenTooLarge)
	must(must(jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{TokenBytes: len(longer)}))(t).DecryptUnsigned(longer))(t)
	short := must(jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{TokenBytes: len(longer) - 1}))(t)
	refusedBy(t, short, longer, jeton.ErrTokenTooLarge)

	largest := must(innerSigner(t).SignRaw([]byte(`{"x":"` + strings.Repeat("A", 6020) + `"}`)))(t)
	if len(largest) < 8180 || len(largest) > 8192 {
		t.Fatalf("%d bytes", len(largest))
	}
	for _, k := range kinds() {
		key := k.key(t, jwe.KeyID(strings.Repeat("k", 128)))
		if got := must(decrypter(t, key).DecryptUnsigned(must(encrypter(t, key).EncryptToken(largest))(t)))(t); string(got) != largest {
			t.Errorf("%s: %d bytes", k, len(got))
		}
	}

	for _, n := range []int{0, -1} {
		_, err := jwe.NewEncrypter(key.Public(), jwe.MaxTokenBytes(n))
		refused(t, err, jeton.ErrInvalidPolicy)
	}
	_, err = jwe.NewDecrypter([]*jwe.DecryptingKey{key}, jwe.Options{TokenBytes: -1})
	refused(t, err, jeton.ErrInvalidPolicy)
}

// "kid" selects, and never more than among the keys that are there.
func TestKeySelection(t *testing.T) {
	named := func(id string) *jwe.DecryptingKey {
		return must(jwe.GenerateKey(jwe.A128KW, jwe.A128GCM, jwe.KeyID(id)))(t)
	}
	a, b := named("a"), named("b")
	unnamed := must(jwe.GenerateKey(jwe.A128KW, jwe.A128GCM))(t)
	other := must(jwe.GenerateKey(jwe.A256KW, jwe.A256GCM, jwe.KeyID("other")))(t)
	token := func(k *jwe.DecryptingKey, opts ...jwe.EncrypterOption) string {
		return must(encrypter(t, k, opts...).EncryptToken(goodInner(t)))(t)
	}
	opens := func(token string, keys ...*jwe.DecryptingKey) {
		t.Helper()
		if _, err := decrypter(t, keys...).DecryptUnsigned(token); err != nil {
			t.Error(err)
		}
	}
	opens(token(a), a)
	opens(token(a), a, b)
	opens(token(a), b, a)
	opens(token(b), b, a, other)
	refusedBy(t, decrypter(t, b), token(a), jeton.ErrUnknownKey)
	refusedBy(t, decrypter(t, b, other), token(a), jeton.ErrUnknownKey)

	// Without "kid": the one key that has the algorithms.
	opens(token(a, jwe.WithoutKeyID()), a)
	opens(token(a, jwe.WithoutKeyID()), a, other)
	opens(token(other, jwe.WithoutKeyID()), a, b, other)
	for _, sibling := range []*jwe.DecryptingKey{
		must(jwe.GenerateKey(jwe.A128KW, jwe.A256GCM))(t), must(jwe.GenerateKey(jwe.A128GCMKW, jwe.A128GCM))(t),
	} {
		opens(token(a, jwe.WithoutKeyID()), sibling, a)
		opens(token(sibling, jwe.WithoutKeyID()), sibling, a)
	}
	refusedBy(t, decrypter(t, a, b), token(a, jwe.WithoutKeyID()), jeton.ErrUnknownKey)
	refusedBy(t, decrypter(t, a, b), token(other, jwe.WithoutKeyID()), jeton.ErrUnknownKey)

	// An id that is a thumbprint is not compared, if there is one key alone.
	renamed := must(jwe.ParsePrivate([]byte(strings.Replace(string(must(jwe.MarshalPrivate(unnamed))(t)), unnamed.ID(), "elsewhere", 1)), jwe.A128KW, jwe.A128GCM))(t)
	if renamed.ID() != "elsewhere" {
		t.Fatal(renamed.ID())
	}
	opens(token(renamed), unnamed)
	refusedBy(t, decrypter(t, unnamed, other), token(renamed), jeton.ErrUnknownKey)
	refusedBy(t, decrypter(t, renamed), token(unnamed), jeton.ErrUnknownKey)

	// The right id with the wrong key behind it.
	refusedBy(t, decrypter(t, named("a"), b), token(a), jwe.ErrDecrypt)

	for name, keys := range map[string][]*jwe.DecryptingKey{"none": nil, "nil": {nil}, "zero": {{}}, "two of one id": {a, named("a")}, "the same twice": {unnamed, unnamed}} {
		t.Run(name, func(t *testing.T) {
			_, err := jwe.NewDecrypter(keys, jwe.Options{})
			refused(t, err, jeton.ErrInvalidKey)
		})
	}
	// The list is the caller's: what he does with it later changes nothing.
	keys := []*jwe.DecryptingKey{a, b}
	d := must(jwe.NewDecrypter(keys, jwe.Options{}))(t)
	keys[0] = nil
	must(d.DecryptUnsigned(token(a)))(t)
}

func TestConcurrentUse(t *testing.T) {
	for _, k := range []kind{{jwe.Dir, jwe.A128CBCHS256, nil}, {jwe.A128GCMKW, jwe.A256GCM, nil}, {jwe.RSAOAEP256, jwe.A128GCM, nil}, {jwe.ECDHESA128KW, jwe.A128GCM, nil}} {
		key := k.key(t)
		e, d := encrypter(t, key), decrypter(t, key)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 4 {
					token, err := e.EncryptUnsigned([]byte("x"))
					if err == nil {
						_, err = d.DecryptUnsigned(token)
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
}
