package jeton_test

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// What the tests of this package share: one clock, one secret, one RSA key, a
// way to make tokens that no Signer would make, and the question that every
// refusal has to answer.

var now = time.Unix(1_800_000_000, 0)

const (
	testIssuer   = "https://auth.example"
	testAudience = "orders"
	testSecret   = "the secret that no error may ever show"

	goodHeader  = `{"alg":"HS256","typ":"JWT"}`
	goodPayload = `{"iss":"https://auth.example","sub":"subject-canary","aud":"orders","exp":1800000300}`
)

func goodClaims() jeton.Claims {
	return jeton.Claims{
		Issuer:    testIssuer,
		Subject:   "subject-canary",
		Audience:  jeton.Audience{testAudience},
		ExpiresAt: jeton.At(now.Add(5 * time.Minute)),
	}
}

// must unwraps what can't fail in a test: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func is(err, target error) bool { return errors.Is(err, target) }

func testPolicy() jeton.Policy {
	return jeton.Policy{Issuer: testIssuer, Audience: testAudience, Type: "JWT", Now: func() time.Time { return now }}
}

func hmacKey(t testing.TB, opts ...jeton.KeyOption) *jeton.SigningKey {
	t.Helper()
	return must(jeton.NewHMACKey(jeton.HS256, []byte(testSecret), opts...))(t)
}

// rsaPrivate is the key of RFC 7515 appendix A.2.
func rsaPrivate(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := readRSA()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var readRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	text, err := os.ReadFile("testdata/rfc7515/appendix_a.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Cases []struct {
			Section string
			Key     map[string]string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	for _, c := range file.Cases {
		if c.Section == "A.2" {
			n := func(name string) *big.Int { return new(big.Int).SetBytes(unb64(c.Key[name])) }
			key := &rsa.PrivateKey{
				PublicKey: rsa.PublicKey{N: n("n"), E: int(n("e").Int64())},
				D:         n("d"),
				Primes:    []*big.Int{n("p"), n("q")},
			}
			key.Precompute()
			return key, key.Validate()
		}
	}
	return nil, errors.New("the vectors have no A.2")
})

func rsaKey(t testing.TB, opts ...jeton.KeyOption) *jeton.SigningKey {
	t.Helper()
	return must(jeton.NewSigningKey(jeton.RS256, rsaPrivate(t), opts...))(t)
}

// oddNumber is an odd number of that many bits, no product of two primes.
func oddNumber(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	n.Or(n, new(big.Int).Lsh(big.NewInt(0x5A5A5A5A5A), uint(bits/2)))
	return n.SetBit(n, 0, 1)
}

func b64(b string) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

func unb64(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err) // a test's own constant
	}
	return b
}

// sealHS256 is HS256 by the letter of RFC 7515, with nothing of this package, so
// that any header, any payload and any secret can be signed.
func sealHS256(secret, encodedHeader, encodedPayload string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(encodedHeader + "." + encodedPayload))
	return encodedHeader + "." + encodedPayload + "." + b64(string(m.Sum(nil)))
}

// forge signs header and payload, whatever they are, with the good secret.
func forge(header, payload string) string { return sealHS256(testSecret, b64(header), b64(payload)) }

func testVerifier(t testing.TB, keys jeton.KeySet, change ...func(*jeton.Policy)) *jeton.Verifier {
	t.Helper()
	p := testPolicy()
	for _, c := range change {
		c(&p)
	}
	return must(jeton.NewVerifier(keys, p))(t)
}

// refusal is a row of the tables of refused tokens. A row says what differs from
// a good token: the header, the payload, or the whole token.
type refusal struct {
	name    string // begins with the row of the catalogue of threats
	header  string
	payload string
	token   string
	policy  func(*jeton.Policy)
	want    error
}

// testRefusals runs a table against a verifier with the good secret.
func testRefusals(t *testing.T, rows []refusal) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			token := r.token
			if token == "" {
				header, payload := r.header, r.payload
				if header == "" {
					header = goodHeader
				}
				if payload == "" {
					payload = goodPayload
				}
				token = forge(header, payload)
			}
			var change []func(*jeton.Policy)
			if r.policy != nil {
				change = append(change, r.policy)
			}
			refusedBy(t, testVerifier(t, hmacKey(t).Public(), change...), token, r.want)
		})
	}
}

// refusedBy verifies a token in every way and wants the same refusal each time,
// with no claims beside it (A27).
func refusedBy(t *testing.T, v *jeton.Verifier, token string, want error) {
	t.Helper()
	verified, err := v.Verify(context.Background(), token)
	if verified != nil {
		t.Errorf("claims came beside the error %v", err)
	}
	refused(t, err, want, token, testSecret)

	type claims struct {
		jeton.Claims
		Extra any `json:"extra"`
	}
	typed, err := jeton.VerifyAs[claims](context.Background(), v, token)
	if typed.Subject != "" || typed.Issuer != "" || typed.Audience != nil || !typed.ExpiresAt.IsZero() || typed.ID != "" || typed.Extra != nil {
		t.Errorf("VerifyAs returned %+v beside the error %v", typed, err)
	}
	refused(t, err, want, token, testSecret)
	planned, err := jeton.VerifyAs[jeton.AccessClaims](context.Background(), v, token) // a way of its own
	if !reflect.DeepEqual(planned, jeton.AccessClaims{}) {
		t.Errorf("VerifyAs returned %+v beside the error %v", planned, err)
	}
	refused(t, err, want, token, testSecret)
	pointer, err := jeton.VerifyAs[*claims](context.Background(), v, token)
	if pointer != nil {
		t.Errorf("VerifyAs returned %+v beside the error %v", pointer, err)
	}
	refused(t, err, want, token, testSecret)
}

// refused tells whether err is the refusal that is wanted: by errors.Is, by its
// code, and by saying nothing of what it must not say.
func refused(t *testing.T, err, want error, hidden ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted; want %v", want)
	}
	if !is(err, want) {
		t.Errorf("error %q, want %q", err, want)
	}
	if got, code := jeton.ReasonCode(err), jeton.ReasonCode(want); got != code || code == "" {
		t.Errorf("code %q, want %q", got, code)
	}
	for _, h := range hidden {
		for _, part := range revealing(h) {
			if strings.Contains(err.Error(), part) {
				t.Errorf("the error %q shows %q", err, part)
			}
		}
	}
}

// harmless are the words that an error may say although a token has them: those
// of the registry and of the policy, and their parts.
const harmless = testIssuer + " " + testAudience + " crit HS256 RS256"

var literal = regexp.MustCompile(`"([^"]{4,})"|([0-9][0-9.eE+-]{3,})`)

// revealing lists what an error would give away: the whole text, its segments,
// the strings and numbers inside them, and the text in other spellings.
func revealing(hidden string) []string {
	if len(hidden) < 4 {
		return nil
	}
	parts := []string{hidden, hex.EncodeToString([]byte(hidden)), base64.StdEncoding.EncodeToString([]byte(hidden)), b64(hidden)}
	if len(hidden) > 1<<16 {
		return parts
	}
	for _, segment := range strings.Split(hidden, ".") {
		if len(segment) < 8 {
			continue
		}
		parts = append(parts, segment)
		text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(segment, "="))
		if err != nil {
			continue
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			for _, s := range m[1:] {
				if s != "" && !strings.Contains(harmless, s) {
					parts = append(parts, s)
				}
			}
		}
	}
	return parts
}

// A table proves nothing if its good token is refused too.
func TestTheGoodTokenOfTheTablesIsAccepted(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	verified := must(v.Verify(context.Background(), forge(goodHeader, goodPayload)))(t)
	if verified.Subject() != "subject-canary" {
		t.Errorf("subject %q", verified.Subject())
	}
}

// The check for leaks must itself be able to fail.
func TestRevealingFindsWhatAnErrorWouldShow(t *testing.T) {
	parts := strings.Join(revealing(forge(goodHeader, goodPayload)), "\n")
	for _, want := range []string{"subject-canary", "1800000300", b64(goodHeader), b64(goodPayload)} {
		if !strings.Contains(parts, want) {
			t.Errorf("%q would not be noticed", want)
		}
	}
}
