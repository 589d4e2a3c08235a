package migrate

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/jeton-go/jeton"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
)

const (
	issuer   = "https://auth.example"
	audience = "orders"
	header   = `{"alg":"HS256","typ":"JWT"}`
)

// refusal is one row of the guide's table of what jeton refuses: a token and
// its key, what jeton says of it, and the way out.
type refusal struct {
	name    string // the row's first cell
	alg     jeton.Algorithm
	key     any // []byte or *rsa.PrivateKey
	token   string
	issuer  string // that all verifiers expect; "" if the old ones are not told
	reason  error
	hatch   string // as the last cell names it; "" if there is none
	policy  func(*jeton.Policy)
	options []jeton.KeyOption
}

// refusals are those that the guide tells of. The tokens are signed by hand: no
// library would write most of them.
func refusals(t *testing.T) []refusal {
	now := time.Now().Unix()
	secret := make([]byte, 64)
	rand.Read(secret)
	good := fmt.Sprintf(`"iss":%q,"aud":%q,"exp":%d`, issuer, audience, now+300)
	claims := "{" + good + "}"
	hs := func(name, header, claims string, reason error, hatch string, policy func(*jeton.Policy)) refusal {
		return refusal{name: name, alg: jeton.HS256, key: secret, token: seal(t, secret, jeton.HS256, header, claims),
			reason: reason, hatch: hatch, policy: policy}
	}
	anyIssuer := func(p *jeton.Policy) { p.Issuer, p.AnyIssuer = "", true }
	anyAudience := func(p *jeton.Policy) { p.Audience, p.AnyAudience = "", true }
	anyType := func(p *jeton.Policy) { p.Type, p.AnyType = "", true }
	rows := []refusal{
		hs("no `exp`", header, fmt.Sprintf(`{"iss":%q,"aud":%q}`, issuer, audience),
			jeton.ErrMissingClaim, "AllowMissingExpiration", func(p *jeton.Policy) { p.AllowMissingExpiration = true }),
		hs("no `iss`", header, fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, now+300), jeton.ErrMissingClaim, "AnyIssuer", anyIssuer),
		hs("another `iss`", header, fmt.Sprintf(`{"iss":"https://x.example","aud":%q,"exp":%d}`, audience, now+300), jeton.ErrIssuer, "AnyIssuer", anyIssuer),
		hs("no `aud`", header, fmt.Sprintf(`{"iss":%q,"exp":%d}`, issuer, now+300), jeton.ErrMissingClaim, "AnyAudience", anyAudience),
		hs("another `aud`", header, fmt.Sprintf(`{"iss":%q,"aud":"billing","exp":%d}`, issuer, now+300), jeton.ErrAudience, "AnyAudience", anyAudience),
		hs("no `typ`", `{"alg":"HS256"}`, claims, jeton.ErrType, "AnyType", anyType),
		hs("another `typ`", `{"alg":"HS256","typ":"logout+jwt"}`, claims, jeton.ErrType, "AnyType", anyType),
		hs("`iat` in the future", header, fmt.Sprintf(`{%s,"iat":%d}`, good, now+200), jeton.ErrIssuedInFuture, "", nil),
		hs("`iat` after `exp`", header, fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"iat":%d}`, issuer, audience, now+20, now+25),
			jeton.ErrContradictoryTimes, "", nil),
		hs("`exp` as a string", header, fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":"%d"}`, issuer, audience, now+300), jeton.ErrClaimType, "", nil),
		hs("`exp` is `null`", header, fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":null}`, issuer, audience), jeton.ErrClaimType, "", nil),
		hs("a claim twice", header, fmt.Sprintf(`{%s,"sub":"alice","sub":"bob"}`, good), jeton.ErrDuplicateMember, "", nil),
		hs("a header parameter twice", `{"alg":"HS256","typ":"x","typ":"JWT"}`, claims, jeton.ErrDuplicateMember, "", nil),
		hs("text that is not UTF-8", header, fmt.Sprintf("{%s,\"sub\":\"\xff\"}", good), jeton.ErrInvalidUTF8, "", nil),
		hs("bytes after the claims", header, claims+"x", jeton.ErrTrailingData, "", nil),
		hs("unknown `crit`", `{"alg":"HS256","typ":"JWT","crit":["x"],"x":1}`, claims, jeton.ErrCritical, "", nil),
		hs("`b64`, even `true`", `{"alg":"HS256","typ":"JWT","crit":["b64"],"b64":true}`, claims, jeton.ErrCritical, "", nil),
		hs("a token over 8 KiB", header, fmt.Sprintf(`{%s,"x":%q}`, good, strings.Repeat("x", 9000)),
			jeton.ErrTokenTooLarge, "Limits.TokenBytes", func(p *jeton.Policy) { p.Limits.TokenBytes = 20_000 }),
		hs("claims nested over 16 deep", header, fmt.Sprintf(`{%s,"x":%s%s}`, good, strings.Repeat("[", 20), strings.Repeat("]", 20)),
			jeton.ErrTooDeep, "Limits.Depth", func(p *jeton.Policy) { p.Limits.Depth = 32 }),
		hs("over 512 claims or elements", header, fmt.Sprintf(`{%s,"x":[1%s]}`, good, strings.Repeat(",1", 600)),
			jeton.ErrTooManyMembers, "Limits.Members", func(p *jeton.Policy) { p.Limits.Members = 1000 }),
		hs("a `kid` over 128 bytes", fmt.Sprintf(`{"alg":"HS256","typ":"JWT","kid":%q}`, strings.Repeat("k", 200)), claims,
			jeton.ErrHeader, "Limits.KeyIDBytes", func(p *jeton.Policy) { p.Limits.KeyIDBytes = 256 }),
	}
	folded := hs("`ISS` for `iss`", header, fmt.Sprintf(`{"ISS":%q,"aud":%q,"exp":%d}`, issuer, audience, now+300), jeton.ErrMissingClaim, "", nil)
	folded.issuer = issuer
	rows = append(rows, folded)

	// The same bytes in another spelling: a token that a block list does not know.
	plain := hs("", header, claims, jeton.ErrEncoding, "", nil)
	for name, token := range map[string]string{
		"a line feed at the end":           plain.token + "\n",
		"a line feed inside the signature": plain.token[:len(plain.token)-9] + "\n" + plain.token[len(plain.token)-9:],
		"unused bits of base64url that are set": plain.token[:len(plain.token)-1] +
			string(alphabet[strings.IndexByte(alphabet, plain.token[len(plain.token)-1])^1]),
	} {
		row := plain
		row.name, row.token = name, token
		rows = append(rows, row)
	}

	weak := []byte("secret")
	text := publicPEM(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	odd := exponent3(t)
	return append(rows,
		refusal{name: "a secret shorter than the hash", alg: jeton.HS256, key: weak, token: seal(t, weak, jeton.HS256, header, claims),
			reason: jeton.ErrWeakKey, hatch: "InsecureAllowWeakSecret", options: []jeton.KeyOption{jeton.InsecureAllowWeakSecret()}},
		refusal{name: "a key file as a secret", alg: jeton.HS256, key: text, token: seal(t, text, jeton.HS256, header, claims), reason: jeton.ErrInvalidKey},
		refusal{name: "RSA under 2048 bits", alg: jeton.RS256, key: short, token: seal(t, short, jeton.RS256, `{"alg":"RS256","typ":"JWT"}`, claims), reason: jeton.ErrWeakKey},
		refusal{name: "an RSA exponent other than 65537", alg: jeton.RS256, key: odd, token: seal(t, odd, jeton.RS256, `{"alg":"RS256","typ":"JWT"}`, claims),
			reason: jeton.ErrInvalidKey, hatch: "InsecureAllowUnusualExponent", options: []jeton.KeyOption{jeton.InsecureAllowUnusualExponent()}},
		refusal{name: "PSS with another salt length", alg: jeton.PS256, key: long, token: seal(t, long, jeton.PS256, `{"alg":"PS256","typ":"JWT"}`, claims), reason: jeton.ErrSignature},
		refusal{name: "`HS512` with the key for `HS256`", alg: jeton.HS256, key: secret, token: seal(t, secret, jeton.HS512, `{"alg":"HS512","typ":"JWT"}`, claims), reason: jeton.ErrAlgorithmMismatch},
	)
}

// exponent3 makes an RSA key with the public exponent 3.
func exponent3(t *testing.T) *rsa.PrivateKey {
	one, three := big.NewInt(1), big.NewInt(3)
	prime := func() *big.Int {
		p, err := rand.Prime(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for {
		p, q := prime(), prime()
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(three, phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 3}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return key
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// docs/migrate.md tells, for each row, what four libraries do. They do.
func TestWhatIsRefused(t *testing.T) {
	told := tableOf(t, "What is refused that was accepted")
	for _, r := range refusals(t) {
		cells, ok := told[r.name]
		if !ok {
			t.Errorf("the guide does not tell of %s", r.name)
			continue
		}
		delete(told, r.name)
		for i, err := range []error{golangDefault(r), jwxDefault(r), joseDefault(r)} {
			if got := word(err); cells[i] != got {
				t.Errorf("%s: the guide says %q of %s, which %s: %v", r.name, cells[i], peers[i], got, err)
			}
		}
		err := jetonVerify(t, r, false)
		if !errors.Is(err, r.reason) {
			t.Errorf("%s: jeton says %v, want %v", r.name, err, r.reason)
		}
		if code := "`" + jeton.ReasonCode(err) + "`"; cells[3] != code {
			t.Errorf("%s: the guide says %s of jeton, which says %s", r.name, cells[3], code)
		}
		if r.hatch == "" {
			if cells[4] != "none" {
				t.Errorf("%s: the guide knows a way out: %s", r.name, cells[4])
			}
			continue
		}
		if !strings.Contains(cells[4], "`"+r.hatch) {
			t.Errorf("%s: the guide does not name the way out, %s", r.name, r.hatch)
		}
		if err := jetonVerify(t, r, true); err != nil {
			t.Errorf("%s: refused with %s, too: %v", r.name, r.hatch, err)
		}
	}
	for name := range told {
		t.Errorf("the guide tells of %s, which nothing here tries", name)
	}
}

// The rest of each token is fine: what differs is what the row says.
func TestAllAcceptTheTokenThatNothingIsWrongWith(t *testing.T) {
	secret := make([]byte, 64)
	rand.Read(secret)
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d}`, issuer, audience, time.Now().Unix()+300)
	r := refusal{alg: jeton.HS256, key: secret, issuer: issuer, token: seal(t, secret, jeton.HS256, header, claims)}
	for i, err := range []error{golangDefault(r), jwxDefault(r), joseDefault(r), jetonVerify(t, r, false)} {
		if err != nil {
			t.Errorf("%s: %v", append(peers, "jeton")[i], err)
		}
	}
}

var peers = []string{"golang-jwt", "jwx", "go-jose"}

func word(err error) string {
	if err != nil {
		return "refuses"
	}
	return "accepts"
}

// Each of the three gets what its interface asks for, and no option beyond it.

func golangDefault(r refusal) error {
	var options []golangjwt.ParserOption
	if r.issuer != "" {
		options = append(options, golangjwt.WithIssuer(r.issuer))
	}
	_, err := golangjwt.ParseWithClaims(r.token, new(golangjwt.RegisteredClaims), func(*golangjwt.Token) (any, error) { return public(r.key), nil }, options...)
	return err
}

func jwxDefault(r refusal) error {
	alg, _ := jwa.LookupSignatureAlgorithm(string(r.alg))
	options := []jwxjwt.ParseOption{jwxjwt.WithKey(alg, public(r.key))}
	if r.issuer != "" {
		options = append(options, jwxjwt.WithIssuer(r.issuer))
	}
	_, err := jwxjwt.ParseString(r.token, options...)
	return err
}

func joseDefault(r refusal) error {
	parsed, err := josejwt.ParseSigned(r.token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(r.alg)})
	if err != nil {
		return err
	}
	var claims joseClaims
	if err := parsed.Claims(public(r.key), &claims); err != nil {
		return err
	}
	return claims.Validate(josejwt.Expected{Issuer: r.issuer})
}

func jetonVerify(t *testing.T, r refusal, hatch bool) error {
	t.Helper()
	policy := jeton.Policy{Issuer: issuer, Audience: audience, Type: "JWT"}
	var options []jeton.KeyOption
	if hatch {
		options = r.options
		if r.policy != nil {
			r.policy(&policy)
		}
	}
	var key *jeton.VerifyingKey
	switch k := r.key.(type) {
	case []byte:
		secret, err := jeton.NewHMACKey(r.alg, k, options...)
		if err != nil {
			return err
		}
		key = secret.Public()
	case *rsa.PrivateKey:
		var err error
		if key, err = jeton.NewVerifyingKey(r.alg, k.Public(), options...); err != nil {
			return err
		}
	}
	verifier, err := jeton.NewVerifier(key, policy)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(t.Context(), r.token)
	return err
}

func public(key any) any {
	if k, ok := key.(*rsa.PrivateKey); ok {
		return &k.PublicKey
	}
	return key
}

// seal signs header and claims as they are. PSS gets a salt of 20 bytes.
func seal(t *testing.T, key any, alg jeton.Algorithm, header, claims string) string {
	t.Helper()
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch alg {
	case jeton.HS256, jeton.HS512:
		hash := sha256.New
		if alg == jeton.HS512 {
			hash = sha512.New
		}
		mac := hmac.New(hash, key.([]byte))
		mac.Write([]byte(input))
		signature = mac.Sum(nil)
	case jeton.RS256:
		signature, err = rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	case jeton.PS256:
		signature, err = rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 20})
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func publicPEM(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
