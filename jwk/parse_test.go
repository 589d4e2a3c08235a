package jwk_test

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/jwk"
)

func TestParsePrivateReadsAnRSAKey(t *testing.T) {
	key, err := jwk.ParsePrivate(rsaPrivateJWK().text())
	if err != nil {
		t.Fatal(err)
	}
	if key.Algorithm() != jeton.RS256 || key.ID() != "rsa" || !rsaKey().Equal(key.Secrets()) {
		t.Errorf("%s, %s, or another key", key.Algorithm(), key.ID())
	}
}

func TestParsePrivateReadsASecret(t *testing.T) {
	key, err := jwk.ParsePrivate(secretJWK().text())
	if err != nil {
		t.Fatal(err)
	}
	if key.Algorithm() != jeton.HS256 || key.ID() != "hmac" || string(key.Secrets().([]byte)) != secret {
		t.Errorf("%s, %s, or another secret", key.Algorithm(), key.ID())
	}
}

func TestParsePublicReadsAnRSAKey(t *testing.T) {
	key, err := jwk.ParsePublic(rsaPublicJWK().text())
	if err != nil {
		t.Fatal(err)
	}
	if key.Algorithm() != jeton.RS256 || key.ID() != "rsa" || !rsaKey().PublicKey.Equal(key.PublicKey()) {
		t.Errorf("%s, %s, or another key", key.Algorithm(), key.ID())
	}
}

func TestWhiteSpaceAroundAKeyIsNothing(t *testing.T) {
	text := append(append([]byte(" \r\n\t"), rsaPublicJWK().text()...), '\n', ' ')
	if _, err := jwk.ParsePublic(text); err != nil {
		t.Error(err)
	}
	// At most 64 KiB of it.
	text = rsaPublicJWK().text()
	pad := func(size int) []byte { return append(bytes.Repeat([]byte(" "), size-len(text)), text...) }
	if _, err := jwk.ParsePublic(pad(64 << 10)); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
	_, err := jwk.ParsePublic(pad(64<<10 + 1))
	refused(t, err, jeton.ErrInvalidKey, "at most 65536")
}

func TestAKeyWithoutIDHasItsThumbprint(t *testing.T) {
	key, err := jwk.ParsePublic(rsaPublicJWK().with(members{"kid": nil}).text())
	if err != nil {
		t.Fatal(err)
	}
	if key.ID() != key.Thumbprint() {
		t.Error(key.ID())
	}
}

func TestKeyIDReplacesTheKid(t *testing.T) {
	public, err := jwk.ParsePublic(rsaPublicJWK().text(), jwk.KeyID("mine"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := jwk.ParsePrivate(rsaPrivateJWK().text(), jwk.KeyID("mine"))
	if err != nil {
		t.Fatal(err)
	}
	if public.ID() != "mine" || private.ID() != "mine" {
		t.Error(public.ID(), private.ID())
	}
	_, err = jwk.ParsePublic(rsaPublicJWK().text(), jwk.KeyID(""))
	refused(t, err, jeton.ErrInvalidKey, "key id")
	_, err = jwk.ParseSet(set(rsaPublicJWK()), jwk.KeyID("mine"))
	refused(t, err, jeton.ErrInvalidKey, "KeyID")
}

// leadingZero puts a zero before a number, which does not change it.
func leadingZero(value any) string {
	b, err := base64url.Decode(value.(string))
	if err != nil {
		panic(err)
	}
	return base64url.Encode(append([]byte{0}, b...))
}

func number(n int64) string { return base64url.Encode(big.NewInt(n).Bytes()) }

func long(bytes int) string { return base64url.Encode([]byte(strings.Repeat("\xff", bytes))) }

func TestParsePublicRefuses(t *testing.T) {
	key := rsaPublicJWK()
	for name, c := range map[string]struct {
		change members
		reason error
		want   string
	}{
		"no kty":                              {members{"kty": nil}, jeton.ErrInvalidKey, `"kty" is missing`},
		"a kty that is a number":              {members{"kty": 1}, jeton.ErrInvalidKey, `"kty" is not a string`},
		"a kty that nobody has":               {members{"kty": "XYZ"}, jeton.ErrUnsupportedAlgorithm, "type of key"},
		"a kty in lower case":                 {members{"kty": "rsa"}, jeton.ErrUnsupportedAlgorithm, "type of key"},
		"no modulus":                          {members{"n": nil}, jeton.ErrInvalidKey, `"n" is missing`},
		"no exponent":                         {members{"e": nil}, jeton.ErrInvalidKey, `"e" is missing`},
		"a modulus that is null":              {members{"n": jsonNull}, jeton.ErrInvalidKey, `"n" is not a string`},
		"an exponent that is a number":        {members{"e": 65537}, jeton.ErrInvalidKey, `"e" is not a string`},
		"A8 padding":                          {members{"e": "AQAB===="}, jeton.ErrInvalidKey, "canonical"},
		"A8 white space":                      {members{"e": "AQ\nAB"}, jeton.ErrInvalidKey, "canonical"},
		"A8 the other alphabet":               {members{"n": strings.Repeat("+/", 171)}, jeton.ErrInvalidKey, "canonical"},
		"A8 stray bits":                       {members{"e": "Ax"}, jeton.ErrInvalidKey, "canonical"},
		"a modulus with leading zeros":        {members{"n": leadingZero(key["n"])}, jeton.ErrInvalidKey, `"n" is zero`},
		"an exponent with leading zeros":      {members{"e": leadingZero(key["e"])}, jeton.ErrInvalidKey, `"e" is zero`},
		"an empty modulus":                    {members{"n": ""}, jeton.ErrInvalidKey, `"n" is zero`},
		"an exponent of zero":                 {members{"e": "AA"}, jeton.ErrInvalidKey, `"e" is zero`},
		"A21 an exponent of one":              {members{"e": "AQ"}, jeton.ErrInvalidKey, "exponent"},
		"A21 an even exponent":                {members{"e": number(65536)}, jeton.ErrInvalidKey, "exponent"},
		"A21 an exponent of three":            {members{"e": "Aw"}, jeton.ErrInvalidKey, "InsecureAllowUnusualExponent"},
		"A21 an exponent of 65539":            {members{"e": number(65539)}, jeton.ErrInvalidKey, "InsecureAllowUnusualExponent"},
		"A21 an exponent of 32 bits":          {members{"e": number(1<<31 + 1)}, jeton.ErrInvalidKey, `"e" is not below`},
		"A21 an exponent that is one mod 2³²": {members{"e": number(1<<32 + 65537)}, jeton.ErrInvalidKey, `"e" is not below`},
		"A21 an exponent of 65 bits":          {members{"e": "AQAAAAAAAQAB"}, jeton.ErrInvalidKey, `"e" is not below`},
		"A21 a modulus of 1024 bits":          {members{"n": long(128)}, jeton.ErrWeakKey, "1024 bits"},
		"A21 a modulus of 8200 bits":          {members{"n": long(1025)}, jeton.ErrInvalidKey, "8200 bits"},
		"A21 a modulus of 16384 bits":         {members{"n": long(2048)}, jeton.ErrInvalidKey, "16384 bits"},
		"A21 a modulus without measure":       {members{"n": long(2049)}, jeton.ErrInvalidKey, `"n" has 2049 bytes`},
		"A21 equal primes":                    {members{"n": base64url.Encode(new(big.Int).Mul(rsaKey().Primes[0], rsaKey().Primes[0]).Bytes())}, jeton.ErrWeakKey, "close together"},
		"A24 use enc":                         {members{"use": "enc"}, jeton.ErrInvalidKey, "for something else"},
		"A24 use in upper case":               {members{"use": "SIG"}, jeton.ErrInvalidKey, "for something else"},
		"A24 use that is no string":           {members{"use": []string{"sig"}}, jeton.ErrInvalidKey, `"use" is not a string`},
		"an alg that is no string":            {members{"alg": 256}, jeton.ErrInvalidKey, `"alg" is not a string`},
		"an empty alg":                        {members{"alg": ""}, jeton.ErrUnsupportedAlgorithm, `"alg"`},
		"A1 an alg of none":                   {members{"alg": "none"}, jeton.ErrUnsupportedAlgorithm, `"alg"`},
		"an alg for encryption":               {members{"alg": "RSA-OAEP"}, jeton.ErrUnsupportedAlgorithm, `"alg"`},
		"A2 an alg of another kty":            {members{"alg": "HS256"}, jeton.ErrInvalidKey, "HS256 is not an algorithm of RSA keys"},
		"no alg, and several would do":        {members{"alg": nil}, jeton.ErrInvalidKey, "RS256, RS384, RS512, PS256, PS384, PS512"},
		"a kid that is no string":             {members{"kid": 1}, jeton.ErrInvalidKey, `"kid" is not a string`},
		"A4 an empty kid":                     {members{"kid": ""}, jeton.ErrInvalidKey, "key id"},
		"A4 a kid of 129 characters":          {members{"kid": strings.Repeat("k", 129)}, jeton.ErrInvalidKey, "key id"},
		"A4 a kid with a NUL":                 {members{"kid": "a\x00"}, jeton.ErrInvalidKey, "JSON"},
		"A22 a private key":                   {members{"d": number(3)}, jeton.ErrInvalidKey, "a private key"},
		"A22 one prime":                       {members{"p": number(3)}, jeton.ErrInvalidKey, "a private key"},
		"A22 a private member that is null":   {members{"qi": jsonNull}, jeton.ErrInvalidKey, "a private key"},
		"A22 the private half of ML-DSA":      {members{"priv": "AAAA"}, jeton.ErrInvalidKey, "a private key"},
		"A22 a secret beside":                 {members{"k": "AAAA"}, jeton.ErrInvalidKey, "a private key"},
		"a set":                               {members{"kty": nil, "keys": []members{}}, jeton.ErrInvalidKey, "a set"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := key.with(c.change)
			_, err := jwk.ParsePublic(changed.text())
			refused(t, err, c.reason, c.want, material(changed)...)
		})
	}
}

func TestParsePublicRefusesSecrets(t *testing.T) {
	_, err := jwk.ParsePublic(secretJWK().text())
	refused(t, err, jeton.ErrInvalidKey, "a secret has no public half", material(secretJWK())...)
}

func TestParsePublicRefusesPrivateKeys(t *testing.T) {
	_, err := jwk.ParsePublic(rsaPrivateJWK().text())
	refused(t, err, jeton.ErrInvalidKey, "a private key", material(rsaPrivateJWK())...)
}

func TestParsePrivateRefuses(t *testing.T) {
	key := rsaPrivateJWK()
	plus := func(name string, d int64) members {
		b, err := base64url.Decode(key[name].(string))
		if err != nil {
			panic(err)
		}
		n := new(big.Int).SetBytes(b)
		return members{name: base64url.Encode(n.Add(n, big.NewInt(d)).Bytes())}
	}
	other := decode(jwk.MarshalPrivate(signingKey(jeton.RS256, otherRSAKey())))
	for name, c := range map[string]struct {
		change members
		reason error
		want   string
	}{
		"another modulus":              {members{"n": other["n"]}, jeton.ErrInvalidKey, "belong together"},
		"another exponent":             {members{"e": number(3)}, jeton.ErrInvalidKey, "belong together"},
		"another private exponent":     {members{"d": other["d"]}, jeton.ErrInvalidKey, "belong together"},
		"a private exponent off by 2":  {plus("d", 2), jeton.ErrInvalidKey, "belong together"},
		"a first prime off by 2":       {plus("p", 2), jeton.ErrInvalidKey, "belong together"},
		"a second prime off by 2":      {plus("q", 2), jeton.ErrInvalidKey, "belong together"},
		"primes in the other order":    {members{"p": key["q"], "q": key["p"]}, jeton.ErrInvalidKey, "belong together"},
		"a first exponent off by 2":    {plus("dp", 2), jeton.ErrInvalidKey, "belong together"},
		"a second exponent off by 2":   {plus("dq", 2), jeton.ErrInvalidKey, "belong together"},
		"a coefficient off by 1":       {plus("qi", 1), jeton.ErrInvalidKey, "belong together"},
		"the modulus for a prime":      {members{"p": key["n"], "q": number(1)}, jeton.ErrInvalidKey, "belong together"},
		"no primes, d alone":           {members{"p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}, jeton.ErrInvalidKey, `"p" is missing`},
		"no coefficient":               {members{"qi": nil}, jeton.ErrInvalidKey, `"qi" is missing`},
		"no d":                         {members{"d": nil}, jeton.ErrInvalidKey, `"d" is missing`},
		"more than two primes":         {members{"oth": []members{}}, jeton.ErrInvalidKey, "two primes"},
		"d with leading zeros":         {members{"d": leadingZero(key["d"])}, jeton.ErrInvalidKey, `"d" is zero`},
		"d in another spelling":        {members{"d": key["d"].(string) + "="}, jeton.ErrInvalidKey, `"d" is not canonical`},
		"d that is no string":          {members{"d": 3}, jeton.ErrInvalidKey, `"d" is not a string`},
		"p of no measure":              {members{"p": long(2049)}, jeton.ErrInvalidKey, `"p" has 2049 bytes`},
		"A24 use enc":                  {members{"use": "enc"}, jeton.ErrInvalidKey, "for something else"},
		"A24 key_ops without sign":     {members{"use": nil, "key_ops": []string{"verify"}}, jeton.ErrInvalidKey, "for something else"},
		"an alg that signs nothing":    {members{"alg": "RSA1_5"}, jeton.ErrUnsupportedAlgorithm, `"alg"`},
		"a public key":                 {members{"d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}, jeton.ErrInvalidKey, "a public key"},
		"a kty that nobody has":        {members{"kty": "XYZ"}, jeton.ErrUnsupportedAlgorithm, "type of key"},
		"no alg, and several would do": {members{"alg": nil}, jeton.ErrInvalidKey, "name one"},
		"no modulus":                   {members{"n": nil}, jeton.ErrInvalidKey, `"n" is missing`},
		"no exponent":                  {members{"e": nil}, jeton.ErrInvalidKey, `"e" is missing`},
		"a kid that is no string":      {members{"kid": 1}, jeton.ErrInvalidKey, `"kid" is not a string`},
		"a kid with a line end":        {members{"kid": "a\n"}, jeton.ErrInvalidKey, "key id"},
		"a set":                        {members{"kty": nil, "keys": []members{}}, jeton.ErrInvalidKey, "a set"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := key.with(c.change)
			_, err := jwk.ParsePrivate(changed.text())
			refused(t, err, c.reason, c.want, material(changed)...)
		})
	}
}

// A composite passes for a prime in all the equations that tie the members to
// each other.
func TestParsePrivateRefusesPrimesThatAreNot(t *testing.T) {
	e := big.NewInt(int64(rsaKey().E))
	p, q := new(big.Int).Set(rsaKey().N), otherRSAKey().Primes[0]
	less1 := func(n *big.Int) *big.Int { return new(big.Int).Sub(n, big.NewInt(1)) }
	d := new(big.Int)
	for p.ProbablyPrime(1) || d.ModInverse(e, new(big.Int).Mul(less1(p), less1(q))) == nil {
		p.Add(p, big.NewInt(2))
	}
	b64 := func(n *big.Int) string { return base64url.Encode(n.Bytes()) }
	for _, order := range [][2]*big.Int{{p, q}, {q, p}} {
		p, q := order[0], order[1]
		composite := rsaPrivateJWK().with(members{
			"n": b64(new(big.Int).Mul(p, q)), "d": b64(d), "p": b64(p), "q": b64(q),
			"dp": b64(new(big.Int).Mod(d, less1(p))), "dq": b64(new(big.Int).Mod(d, less1(q))),
			"qi": b64(new(big.Int).ModInverse(q, p)),
		})
		_, err := jwk.ParsePrivate(composite.text())
		refused(t, err, jeton.ErrInvalidKey, "belong together", material(composite)...)
	}
}

func TestParsePrivateRefusesSecretsThatAreBroken(t *testing.T) {
	for name, c := range map[string]struct {
		change members
		reason error
		want   string
	}{
		"no k":                         {members{"k": nil}, jeton.ErrInvalidKey, `"k" is missing`},
		"k in another spelling":        {members{"k": secretJWK()["k"].(string) + "=="}, jeton.ErrInvalidKey, `"k" is not canonical`},
		"A23 an empty k":               {members{"k": ""}, jeton.ErrWeakKey, "empty"},
		"A23 31 bytes":                 {members{"k": base64url.Encode([]byte(secret)[:31])}, jeton.ErrWeakKey, "at least 32 bytes"},
		"A2 a public key in text":      {members{"k": base64url.Encode([]byte("-----BEGIN PUBLIC KEY-----\nMIIB"))}, jeton.ErrInvalidKey, "key file"},
		"an alg for encryption":        {members{"alg": "A256GCM"}, jeton.ErrUnsupportedAlgorithm, `"alg"`},
		"A2 an alg of RSA":             {members{"alg": "RS256"}, jeton.ErrInvalidKey, "RS256 is not an algorithm of oct keys"},
		"no alg":                       {members{"alg": nil}, jeton.ErrInvalidKey, "HS256, HS384, HS512"},
		"A24 use enc":                  {members{"use": "enc"}, jeton.ErrInvalidKey, "for something else"},
		"A24 key_ops for verify alone": {members{"key_ops": []string{"verify"}}, jeton.ErrInvalidKey, "for something else"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := secretJWK().with(c.change)
			_, err := jwk.ParsePrivate(changed.text())
			refused(t, err, c.reason, c.want, append(material(changed), secret)...)
		})
	}
}

// A secret of 32 bytes fits HS256 alone, but nobody said that it is for that.
func TestTheLengthOfASecretNamesNoAlgorithm(t *testing.T) {
	_, err := jwk.ParsePrivate(secretJWK().with(members{"alg": nil, "k": base64url.Encode([]byte(secret)[:32])}).text())
	refused(t, err, jeton.ErrInvalidKey, "name one")
}

func TestInsecureAllowWeakSecretAdmitsAShortOne(t *testing.T) {
	short := secretJWK().with(members{"k": base64url.Encode([]byte("secret"))})
	if _, err := jwk.ParsePrivate(short.text(), jwk.InsecureAllowWeakSecret()); err != nil {
		t.Error(err)
	}
}

func TestInsecureAllowUnusualExponent(t *testing.T) {
	allow := jwk.InsecureAllowUnusualExponent()
	for name, e := range map[string]string{"A21 three": "Aw", "A21 17": number(17), "A21 2^31-1": number(1<<31 - 1)} {
		t.Run(name, func(t *testing.T) {
			key := rsaPublicJWK().with(members{"e": e})
			if _, err := jwk.ParsePublic(key.text(), allow); err != nil {
				t.Error(err)
			}
			if _, err := jwk.ParsePublic(key.with(members{"alg": nil}).text(), allow, jwk.DefaultAlgorithm("PS256")); err != nil {
				t.Error("of no algorithm:", err)
			}
			_, err := jwk.ParsePublic(key.with(members{"alg": nil}).text(), allow)
			refused(t, err, jeton.ErrInvalidKey, "name one") // and not because of its exponent
			for _, set := range [][]byte{set(key), set(otherPublicJWK(), key)} {
				_, err = jwk.ParseSet(set)
				refused(t, err, jeton.ErrInvalidKey, "exponent")
				if _, err := jwk.ParseSet(set, allow); err != nil {
					t.Error("in a set:", err)
				}
			}
		})
	}
	for name, e := range map[string]string{"A21 one": "AQ", "A21 two": "Ag", "A21 even": number(65536), "A21 2^31+1": number(1<<31 + 1)} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParsePublic(rsaPublicJWK().with(members{"e": e}).text(), allow)
			refused(t, err, jeton.ErrInvalidKey, "")
		})
	}
}

func TestDefaultAlgorithmBindsAKeyThatNamesNone(t *testing.T) {
	private, err := jwk.ParsePrivate(rsaPrivateJWK().with(members{"alg": nil}).text(), jwk.DefaultAlgorithm(jeton.RS384))
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwk.ParsePublic(rsaPublicJWK().with(members{"alg": nil}).text(), jwk.DefaultAlgorithm(jeton.RS512))
	if err != nil {
		t.Fatal(err)
	}
	hmac, err := jwk.ParsePrivate(secretJWK().with(members{"alg": nil}).text(), jwk.DefaultAlgorithm(jeton.HS512))
	if err != nil {
		t.Fatal(err)
	}
	if private.Algorithm() != jeton.RS384 || public.Algorithm() != jeton.RS512 || hmac.Algorithm() != jeton.HS512 {
		t.Error(private.Algorithm(), public.Algorithm(), hmac.Algorithm())
	}
}

func TestDefaultAlgorithmMustBeTheOneThatTheKeyNames(t *testing.T) {
	if _, err := jwk.ParsePublic(rsaPublicJWK().text(), jwk.DefaultAlgorithm(jeton.RS256)); err != nil {
		t.Errorf("the same: %v", err)
	}
	_, err := jwk.ParsePublic(rsaPublicJWK().text(), jwk.DefaultAlgorithm(jeton.RS384))
	refused(t, err, jeton.ErrInvalidKey, "another algorithm than RS384")
	_, err = jwk.ParsePrivate(rsaPrivateJWK().text(), jwk.DefaultAlgorithm(jeton.RS384))
	refused(t, err, jeton.ErrInvalidKey, "another algorithm than RS384")
	_, err = jwk.ParsePrivate(secretJWK().with(members{"alg": nil}).text(), jwk.DefaultAlgorithm(jeton.RS256))
	refused(t, err, jeton.ErrInvalidKey, "RS256 does not take")
	_, err = jwk.ParsePublic(rsaPublicJWK().text(), jwk.DefaultAlgorithm("none"))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "unsupported")
	_, err = jwk.ParsePublic(rsaPublicJWK().text(), jwk.DefaultAlgorithm(""))
	refused(t, err, jeton.ErrUnsupportedAlgorithm, "unsupported")
}

// A curve belongs to one algorithm.
func TestAKeyOnACurveLeavesOneAlgorithm(t *testing.T) {
	for _, alg := range []jeton.Algorithm{jeton.ES256, jeton.ES384, jeton.ES512, jeton.Ed25519} {
		key, err := jeton.GenerateKey(alg, jeton.KeyID("curve"))
		if err != nil {
			t.Fatal(err)
		}
		private := decode(jwk.MarshalPrivate(key)).with(members{"alg": nil})
		public := decode(jwk.MarshalPublic(key.Public())).with(members{"alg": nil})
		if k, err := jwk.ParsePrivate(private.text()); err != nil || k.Algorithm() != alg {
			t.Errorf("%s: %v, %v", alg, k, err)
		}
		if k, err := jwk.ParsePublic(public.text()); err != nil || k.Algorithm() != alg {
			t.Errorf("%s: %v, %v", alg, k, err)
		}
		// In a set, a default for keys of another type does not get in the way.
		keys, err := jwk.ParseSet(set(public, rsaPublicJWK().with(members{"alg": nil})), jwk.DefaultAlgorithm(jeton.PS256))
		if err != nil || ids(keys) != "curve rsa" || keys[0].Algorithm() != alg || keys[1].Algorithm() != jeton.PS256 {
			t.Errorf("%s: %v, %v", alg, keys, err)
		}
	}
}

func TestAnAlgorithmOfAnotherCurveIsRefused(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.ES256)
	if err != nil {
		t.Fatal(err)
	}
	changed := decode(jwk.MarshalPublic(key.Public())).with(members{"alg": "ES384"})
	_, err = jwk.ParsePublic(changed.text())
	refused(t, err, jeton.ErrInvalidKey, "", material(changed)...)
	_, err = jwk.ParseSet(set(changed, rsaPublicJWK()))
	refused(t, err, jeton.ErrInvalidKey, "keys[0]: ", material(changed)...)
}

func TestAnOlderNameOfAnAlgorithmIsTheSame(t *testing.T) {
	key, err := jeton.GenerateKey(jeton.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	older := decode(jwk.MarshalPublic(key.Public())).with(members{"alg": "EdDSA"})
	for _, opts := range [][]jwk.Option{nil, {jwk.DefaultAlgorithm(jeton.Ed25519)}, {jwk.DefaultAlgorithm("EdDSA")}} {
		if k, err := jwk.ParsePublic(older.text(), opts...); err != nil || k.Algorithm() != jeton.Ed25519 {
			t.Errorf("%v, %v", k, err)
		}
		if k, err := jwk.ParsePublic(older.with(members{"alg": "Ed25519"}).text(), opts...); err != nil || k.Algorithm() != jeton.Ed25519 {
			t.Errorf("%v, %v", k, err)
		}
	}
}

func TestUseAndKeyOps(t *testing.T) {
	const fine, elsewhere, broken = "", "for something else", "key_ops"
	for name, c := range map[string]struct {
		use             any
		ops             any
		signing, verify string
	}{
		"neither":                     {nil, nil, fine, fine},
		"use alone":                   {"sig", nil, fine, fine},
		"both operations":             {nil, []string{"sign", "verify"}, fine, fine},
		"both operations and use":     {"sig", []string{"verify", "sign"}, fine, fine},
		"sign":                        {nil, []string{"sign"}, fine, elsewhere},
		"verify":                      {nil, []string{"verify"}, elsewhere, fine},
		"none":                        {nil, []string{}, elsewhere, elsewhere},
		"encryption":                  {nil, []string{"encrypt", "decrypt"}, elsewhere, elsewhere},
		"encryption and use enc":      {"enc", []string{"wrapKey"}, elsewhere, elsewhere},
		"another operation":           {nil, []string{"https://x.example/op"}, elsewhere, elsewhere},
		"an operation in upper case":  {nil, []string{"SIGN", "VERIFY"}, elsewhere, elsewhere},
		"Wycheproof's 'sign, verify'": {nil, []string{"sign, verify"}, elsewhere, elsewhere},
		"twice the same":              {nil, []string{"sign", "verify", "sign"}, broken, broken},
		"twice something else":        {nil, []string{"encrypt", "encrypt"}, broken, broken},
		"mixed":                       {nil, []string{"sign", "verify", "encrypt"}, broken, broken},
		"use sig and encryption":      {"sig", []string{"encrypt"}, broken, broken},
		"use enc and signatures":      {"enc", []string{"sign", "verify"}, broken, broken},
		"another use and signatures":  {"tls", []string{"sign"}, broken, broken},
		"a string":                    {nil, "verify", broken, broken},
		"null":                        {nil, jsonNull, broken, broken},
		"numbers":                     {nil, []int{1}, broken, broken},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(err error, want string) {
				t.Helper()
				if want != fine {
					refused(t, err, jeton.ErrInvalidKey, want)
				} else if err != nil {
					t.Error(err)
				}
			}
			change := members{"use": c.use, "key_ops": c.ops}
			_, err := jwk.ParsePrivate(rsaPrivateJWK().with(change).text())
			check(err, c.signing)
			_, err = jwk.ParsePublic(rsaPublicJWK().with(change).text())
			check(err, c.verify)
			_, err = jwk.ParsePrivate(secretJWK().with(change).text())
			check(err, c.signing)
			_, err = jwk.ParseSet(set(secretJWK().with(change)), jwk.AllowSymmetric())
			if c.verify == elsewhere {
				check(err, "not for verifying")
			} else {
				check(err, c.verify)
			}
		})
	}
}

func TestADuplicateOperationIsFoundInAnySpelling(t *testing.T) {
	text := bytes.Replace(rsaPublicJWK().with(members{"use": nil, "key_ops": []string{"verify", "verifY"}}).text(),
		[]byte("verifY"), []byte(`verif\u0079`), 1)
	_, err := jwk.ParsePublic(text)
	refused(t, err, jeton.ErrInvalidKey, "twice")
}

func TestWhatIsNoKeyAtAll(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", "empty"},
		"white space":         {" \n", "empty"},
		"prose":               {"key", "neither"},
		"a byte order mark":   {"\ufeff{}", "neither"},
		"an array":            {"[]", "neither"},
		"a string":            {`"key"`, "neither"},
		"DER":                 {"\x30\x82\x01\x0a", "neither"},
		"an OpenSSH line":     {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB", "neither"},
		"a JWT":               {"eyJhbGciOiJIUzI1NiJ9.e30.AA", "neither"},
		"an empty object":     {"{}", `"kty" is missing`},
		"half an object":      {`{"kty":"RSA"`, "JSON"},
		"A7 a duplicate":      {`{"kty":"RSA","kty":"oct"}`, "duplicate"},
		"A7 an escaped one":   {`{"kty":"RSA","\u006bty":"oct"}`, "duplicate"},
		"A13 trailing data":   {`{"kty":"RSA"} {}`, "after the value"},
		"A13 wrong UTF-8":     {"{\"kty\":\"\xff\"}", "UTF-8"},
		"A10 deep nesting":    {`{"kty":"RSA","x":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`, "deep"},
		"A9 more than 64 KiB": {`{"kty":"RSA","x":"` + strings.Repeat("x", 64<<10) + `"}`, "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParsePrivate([]byte(c.text))
			refused(t, err, jeton.ErrInvalidKey, c.want)
			_, err = jwk.ParsePublic([]byte(c.text))
			refused(t, err, jeton.ErrInvalidKey, c.want)
		})
	}
}

func TestAllowSymmetricIsForSets(t *testing.T) {
	_, err := jwk.ParsePublic(rsaPublicJWK().text(), jwk.AllowSymmetric())
	refused(t, err, jeton.ErrInvalidKey, "AllowSymmetric")
	_, err = jwk.ParsePrivate(secretJWK().text(), jwk.AllowSymmetric())
	refused(t, err, jeton.ErrInvalidKey, "AllowSymmetric")
}
