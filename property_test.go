package jeton_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"pgregory.net/rapid"
)

// words are strings that JSON can carry: any Unicode, but for NUL.
func words() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`[a-z0-9:/._-]{0,20}`), rapid.StringN(0, 20, 60)).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
}

// anyJSON are values as encoding/json decodes them.
func anyJSON(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e15, 1e15), func(f float64) any { return f }),
		rapid.Map(words(), func(s string) any { return s }),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := anyJSON(depth - 1)
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(s []any) any {
			if s == nil {
				s = []any{}
			}
			return s
		}),
		rapid.Map(rapid.MapOfN(words(), inner, 0, 4), func(m map[string]any) any { return m }),
	)...)
}

type customClaims struct {
	jeton.Claims
	Tenant string            `json:"tenant"`
	Roles  []string          `json:"roles,omitempty"`
	Level  int               `json:"level"`
	Cnf    map[string]string `json:"cnf,omitempty"`
	Extra  any               `json:"extra,omitempty"`
}

func drawClaims(t *rapid.T) customClaims {
	date := func(name string, from, to int64) jeton.NumericDate {
		return jeton.At(time.Unix(rapid.Int64Range(now.Unix()+from, now.Unix()+to).Draw(t, name), 0))
	}
	c := customClaims{
		Claims: jeton.Claims{
			Issuer:    testIssuer,
			Subject:   words().Draw(t, "sub"),
			Audience:  append(jeton.Audience{testAudience}, rapid.SliceOfN(words().Filter(func(s string) bool { return s != "" }), 0, 3).Draw(t, "aud")...),
			ExpiresAt: date("exp", 1, 1<<32),
			ID:        words().Draw(t, "jti"),
		},
		Tenant: words().Draw(t, "tenant"),
		Roles:  rapid.SliceOfN(words(), 0, 4).Draw(t, "roles"),
		Level:  rapid.Int().Draw(t, "level"),
		Cnf:    rapid.MapOfN(words(), words(), 0, 3).Draw(t, "cnf"),
		Extra:  anyJSON(3).Draw(t, "extra"),
	}
	if rapid.Bool().Draw(t, "has iat") {
		c.IssuedAt = date("iat", -1<<30, 0)
	}
	if rapid.Bool().Draw(t, "has nbf") {
		c.NotBefore = date("nbf", -1<<30, 0)
	}
	// What is empty is left out, and comes back as nothing.
	if len(c.Roles) == 0 {
		c.Roles = nil
	}
	if len(c.Cnf) == 0 {
		c.Cnf = nil
	}
	return c
}

func TestWhatIsSignedIsWhatIsVerified(t *testing.T) {
	for _, key := range everyKey(t) {
		signer := must(jeton.NewSigner(key))(t)
		v := testVerifier(t, key.Public())
		t.Run(string(key.Algorithm()), rapid.MakeCheck(func(t *rapid.T) {
			c := drawClaims(t)
			token, err := signer.Sign(c)
			if err != nil {
				t.Fatal(err)
			}
			back, err := jeton.VerifyAs[customClaims](context.Background(), v, token)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, c) {
				t.Fatalf("signed %#v\nverified %#v", c, back)
			}
			verified, err := v.Verify(context.Background(), token)
			if err != nil {
				t.Fatal(err)
			}
			written, _ := json.Marshal(c)
			if !bytes.Equal(verified.Payload(), written) {
				t.Fatalf("payload %s, signed %s", verified.Payload(), written)
			}
			if !reflect.DeepEqual(verified.Claims(), c.Claims) {
				t.Fatalf("claims %+v, signed %+v", verified.Claims(), c.Claims)
			}
			var members map[string]json.RawMessage
			if err := json.Unmarshal(written, &members); err != nil {
				t.Fatal(err)
			}
			for name, want := range members {
				if got, ok := verified.Claim(name); !ok || !bytes.Equal(got, want) {
					t.Fatalf("claim %q is %s, want %s", name, got, want)
				}
			}
		}))
	}
}

// Whatever one changes about a token makes it another token, and no other token
// holds.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	for _, key := range everyKey(t) {
		slow := key.Algorithm() == jeton.ES384 || key.Algorithm() == jeton.ES512
		v := testVerifier(t, key.Public())
		token := must(must(jeton.NewSigner(key))(t).Sign(goodClaims()))(t)
		t.Run("every bit "+string(key.Algorithm()), func(t *testing.T) {
			for i := range token {
				for bit := range 8 {
					if slow && bit != i%8 {
						continue
					}
					changed := []byte(token)
					changed[i] ^= 1 << bit
					if _, err := v.Verify(context.Background(), string(changed)); err == nil {
						t.Errorf("bit %d of byte %d (%q for %q) changes nothing", bit, i, changed[i], token[i])
					} else if jeton.ReasonCode(err) == "" {
						t.Errorf("no reason: %v", err)
					}
				}
			}
		})
		t.Run("any edit "+string(key.Algorithm()), rapid.MakeCheck(func(t *rapid.T) {
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n"
			piece := rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), 0, 5, -1).Draw(t, "in")
			at := rapid.IntRange(0, len(token)).Draw(t, "at")
			out := rapid.IntRange(0, min(5, len(token)-at)).Draw(t, "out")
			changed := token[:at] + piece + token[at+out:]
			_, err := v.Verify(context.Background(), changed)
			if (err == nil) != (changed == token) {
				t.Fatalf("%s\nfor\n%s: %v", changed, token, err)
			}
		}))
	}
}

// Two tokens can't be put together from their segments.
func TestSegmentsDoNotMix(t *testing.T) {
	key := hmacKey(t)
	v := testVerifier(t, key.Public())
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawClaims(t), drawClaims(t)
		signer, err := jeton.NewSigner(key, jeton.HeaderParam("n", rapid.IntRange(0, 1).Draw(t, "n")))
		if err != nil {
			t.Fatal(err)
		}
		other, err := jeton.NewSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		one, err := signer.Sign(a)
		if err != nil {
			t.Fatal(err)
		}
		two, err := other.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		parts := [][]string{strings.Split(one, "."), strings.Split(two, ".")}
		pick := rapid.IntRange(0, 7).Draw(t, "pick")
		mixed := fmt.Sprintf("%s.%s.%s", parts[pick&1][0], parts[pick>>1&1][1], parts[pick>>2][2])
		_, err = v.Verify(context.Background(), mixed)
		if (err == nil) != (mixed == one || mixed == two) {
			t.Fatalf("%s: %v", mixed, err)
		}
	})
}
