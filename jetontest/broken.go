package jetontest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

// Broken is a token that a verifier must refuse.
type Broken struct {
	Name  string // what is wrong, in words
	Token string
	Err   error // the reason that package jeton gives, for errors.Is
}

// BrokenTokens returns a token of each broken kind for an API of an audience.
// But for what is wrong they are like [Issuer.Token], and all but the ones
// whose signature is the point carry a good one.
func (i *Issuer) BrokenTokens(audience string) []Broken {
	i.tb.Helper()
	good := i.Token(audience)
	head, signature := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, ".")+1:]
	header, payload, _ := strings.Cut(head, ".")
	other := i.stranger()
	claims := func(change func(*jeton.Claims)) string {
		return i.Token(audience, func(c *jeton.AccessClaims) { change(&c.Claims) })
	}
	raw := func(edit func(string) string) string {
		text, err := json.Marshal(i.Claims(audience))
		if err != nil {
			i.tb.Fatalf("jetontest: %v", err)
		}
		return i.signRaw(i.signer(Type), edit(string(text)))
	}
	with := func(member string) string {
		return raw(func(c string) string { return strings.TrimSuffix(c, "}") + "," + member + "}" })
	}
	replace := func(name, value string) string {
		return raw(func(c string) string { return replaceMember(i, c, name, value) })
	}
	now := i.Now()
	return []Broken{
		{"expired", claims(func(c *jeton.Claims) {
			c.IssuedAt, c.ExpiresAt = jeton.At(now.Add(-2*time.Hour)), jeton.At(now.Add(-time.Hour))
		}), jeton.ErrExpired},
		{"not valid yet", claims(func(c *jeton.Claims) {
			c.NotBefore, c.ExpiresAt = jeton.At(now.Add(time.Hour)), jeton.At(now.Add(2*time.Hour))
		}), jeton.ErrNotYetValid},
		{"issued in the future", claims(func(c *jeton.Claims) {
			c.IssuedAt, c.ExpiresAt = jeton.At(now.Add(time.Hour)), jeton.At(now.Add(2*time.Hour))
		}), jeton.ErrIssuedInFuture},
		{"without exp", claims(func(c *jeton.Claims) { c.ExpiresAt = jeton.NumericDate{} }), jeton.ErrMissingClaim},
		{"of another issuer", claims(func(c *jeton.Claims) { c.Issuer = "https://other.example" }), jeton.ErrIssuer},
		{"without iss", claims(func(c *jeton.Claims) { c.Issuer = "" }), jeton.ErrMissingClaim},
		{"for another audience", claims(func(c *jeton.Claims) { c.Audience = jeton.Audience{"not-" + audience} }), jeton.ErrAudience},
		{"without aud", claims(func(c *jeton.Claims) { c.Audience = nil }), jeton.ErrMissingClaim},
		{"of another type", i.signWith(i.signer("JWT"), i.Claims(audience)), jeton.ErrType},
		{"exp as a string", replace("exp", `"4102444800"`), jeton.ErrClaimType},
		{"aud as a number", replace("aud", "1"), jeton.ErrClaimType},
		{"a claim twice", with(`"sub":"mallory"`), jeton.ErrDuplicateMember},
		{"claims that are an array", i.signRaw(i.signer(Type), "[]"), jeton.ErrNotObject},
		{"claims with something behind", raw(func(c string) string { return c + " {}" }), jeton.ErrTrailingData},
		{"longer than 8 KiB", with(`"x":"` + strings.Repeat("x", 8192) + `"`), jeton.ErrTokenTooLarge},
		{"signed by another key of the same id", i.signWith(other, i.Claims(audience)), jeton.ErrSignature},
		{"signed by a key that nobody knows", i.signWith(i.unknown(), i.Claims(audience)), jeton.ErrUnknownKey},
		{"claims changed after signing", header + "." + encode(strings.Replace(decode(i, payload), "alice", "mallory", 1)) + "." + signature, jeton.ErrSignature},
		{"signature cut off", head + "." + encode(decode(i, signature)[:32]), jeton.ErrSignature},
		{"signature removed", head + ".", jeton.ErrSegments},
		{"unsigned", encode(`{"alg":"none","typ":"`+Type+`"}`) + "." + payload + ".", jeton.ErrSegments},
		{"alg none with a signature", encode(`{"alg":"none","typ":"`+Type+`"}`) + "." + payload + "." + signature, jeton.ErrUnsupportedAlgorithm},
		{"the public key as an HMAC secret", i.confused(payload), jeton.ErrAlgorithmMismatch},
		{"a critical extension", i.withHeader(`"crit":["x"],"x":1`, payload, signature), jeton.ErrCritical},
		{"padding", head + "." + signature + "=", jeton.ErrEncoding},
		{"a fourth segment", good + ".x", jeton.ErrSegments},
		{"a newline at the end", good + "\n", jeton.ErrEncoding},
		{"not a token", "not-a-token", jeton.ErrSegments},
	}
}

// stranger signs with a key of its own under the id of the issuer's.
func (i *Issuer) stranger() *jeton.Signer {
	i.mu.Lock()
	id := i.key.ID()
	i.mu.Unlock()
	return i.signerOf(jeton.ES256, jeton.KeyID(id))
}

func (i *Issuer) unknown() *jeton.Signer { return i.signerOf(jeton.ES256) }

func (i *Issuer) signerOf(alg jeton.Algorithm, opts ...jeton.KeyOption) *jeton.Signer {
	i.tb.Helper()
	key, err := jeton.GenerateKey(alg, opts...)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	s, err := jeton.NewSigner(key, jeton.Type(Type))
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return s
}

// confused makes the token of the oldest attack: HS256 with the public key's PEM
// as the secret. Package jeton makes no key of such a text, so it is done by
// hand.
func (i *Issuer) confused(payload string) string {
	i.tb.Helper()
	i.mu.Lock()
	public := i.key.Public()
	i.mu.Unlock()
	pem, err := jwk.MarshalPublicPEM(public)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	head := encode(fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":%q}`, public.ID(), Type)) + "." + payload
	mac := hmac.New(sha256.New, pem)
	mac.Write([]byte(head))
	return head + "." + encode(string(mac.Sum(nil)))
}

func (i *Issuer) signWith(s *jeton.Signer, claims any) string {
	i.tb.Helper()
	token, err := s.Sign(claims)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return token
}

func (i *Issuer) signRaw(s *jeton.Signer, payload string) string {
	i.tb.Helper()
	token, err := s.SignRaw([]byte(payload))
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return token
}

// withHeader puts members into a header. The signature is of no matter: such a
// header is refused before it.
func (i *Issuer) withHeader(members, payload, signature string) string {
	i.mu.Lock()
	id := i.key.ID()
	i.mu.Unlock()
	return encode(fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":%q,%s}`, id, Type, members)) + "." + payload + "." + signature
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(i *Issuer, text string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		i.tb.Fatalf("jetontest: %v", err)
	}
	return string(b)
}

// replaceMember sets one member of a JSON object to a value as written.
func replaceMember(i *Issuer, object, name, value string) string {
	var members map[string]json.RawMessage
	err := json.Unmarshal([]byte(object), &members)
	if err == nil {
		members[name] = json.RawMessage(value)
		var b []byte
		if b, err = json.Marshal(members); err == nil {
			return string(b)
		}
	}
	i.tb.Fatalf("jetontest: %v", err)
	return ""
}
