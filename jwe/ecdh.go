package jwe

import (
	"crypto/ecdh"
	"crypto/rand"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// maxPartyInfo bounds "apu" and "apv", which are hashed. RFC 7518 names no bound;
// what profiles put there is a name, a nonce or a digest.
const maxPartyInfo = 256

// curves are those of RFC 7518 section 6.2.1.1 and X25519 of RFC 8037.
var curves = []curve{
	{"EC", "P-256", ecdh.P256(), 32},
	{"EC", "P-384", ecdh.P384(), 48},
	{"EC", "P-521", ecdh.P521(), 66},
	{"OKP", "X25519", ecdh.X25519(), 32},
}

// curve is a row: the "kty" and "crv" of its keys, and the bytes of a coordinate,
// which are those of a private key too.
type curve struct {
	kty, crv string
	ecdh.Curve
	size int
}

func (c curve) hasY() bool { return c.kty == "EC" }

// curveOf returns the row of a curve of Go's; nil is none.
func curveOf(c ecdh.Curve) (curve, bool) {
	for _, row := range curves {
		if row.Curve == c {
			return row, true
		}
	}
	return curve{}, false
}

// ecdhFamily is keys of Diffie-Hellman on a curve.
type ecdhFamily struct{}

func (ecdhFamily) generate(_ binding, c ecdh.Curve) (any, error) {
	if c == nil {
		c = ecdh.P256()
	}
	key, err := c.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "generate: %v", err)
	}
	return key, nil
}

func (ecdhFamily) public(private any, _ *keyOptions) (any, error) {
	key, ok := private.(*ecdh.PrivateKey)
	if !ok {
		return nil, fail(jeton.ErrInvalidKey, "an ECDH decrypting key is an *ecdh.PrivateKey, not a %T", private)
	}
	if key == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	return key.PublicKey(), nil
}

// check has little to look at: crypto/ecdh makes no key that is not a point on
// its curve.
func (ecdhFamily) check(b binding, public any, _ *keyOptions) (any, error) {
	key, ok := public.(*ecdh.PublicKey)
	if !ok {
		return nil, fail(jeton.ErrInvalidKey, "%s takes an *ecdh.PublicKey, not a %T", b.alg.name, public)
	}
	if key == nil || key.Curve() == nil {
		return nil, fail(jeton.ErrInvalidKey, "no key")
	}
	// With a point of small order every secret would be zero: everybody could
	// read what is encrypted for it.
	probe, err := key.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "%v", err)
	}
	if _, err := probe.ECDH(key); err != nil {
		return nil, fail(jeton.ErrInvalidKey, "a public key of small order")
	}
	return key, nil
}

func (ecdhFamily) readPublic(o object) (any, error) {
	key, _, err := readPoint(o)
	return key, err
}

// readPoint reads a public key of RFC 7518 section 6.2.1 or RFC 8037 section 2.
// Coordinates have the full length of the field.
func readPoint(o object) (*ecdh.PublicKey, curve, error) {
	c, err := o.curve()
	if err != nil {
		return nil, c, err
	}
	point, err := o.octetsOf("x", c.size)
	if err != nil {
		return nil, c, err
	}
	if c.hasY() {
		y, err := o.octetsOf("y", c.size)
		if err != nil {
			return nil, c, err
		}
		point = append(append([]byte{4}, point...), y...) // SEC 1 section 2.3.3, uncompressed
	}
	key, err := c.NewPublicKey(point)
	if err != nil {
		return nil, c, fail(o.reason, "the point is not on its curve")
	}
	return key, c, nil
}

func (o object) curve() (curve, error) {
	kty, err := o.required("kty")
	if err != nil {
		return curve{}, err
	}
	crv, err := o.required("crv")
	if err != nil {
		return curve{}, err
	}
	for _, c := range curves {
		if c.kty == kty && c.crv == crv {
			return c, nil
		}
	}
	return curve{}, fail(o.reason, `"kty" and "crv" are not a curve of this package`)
}

func (ecdhFamily) readPrivate(o object) (any, error) {
	public, c, err := readPoint(o)
	if err != nil {
		return nil, err
	}
	d, err := o.octetsOf("d", c.size)
	if err != nil {
		return nil, err
	}
	key, err := c.NewPrivateKey(d)
	if err != nil || !key.PublicKey().Equal(public) {
		return nil, fail(o.reason, `"d" does not belong to the public key`)
	}
	return key, nil
}

func (ecdhFamily) params(public any) []param {
	key := public.(*ecdh.PublicKey)
	c, _ := curveOf(key.Curve())
	point := key.Bytes()
	p := []param{{"kty", c.kty}, {"crv", c.crv}}
	if !c.hasY() {
		return append(p, param{"x", base64url.Encode(point)})
	}
	return append(p, param{"x", base64url.Encode(point[1 : 1+c.size])}, param{"y", base64url.Encode(point[1+c.size:])})
}

func (ecdhFamily) privateParams(private any) ([]param, error) {
	return []param{{"d", base64url.Encode(private.(*ecdh.PrivateKey).Bytes())}}, nil
}

// agreement is ECDH-ES (RFC 7518 section 4.6): a fresh key of the sender's and the
// recipient's key give a secret, from which the key for the content is derived, or
// the one that wraps it.
type agreement struct{}

func (agreement) wrap(k *EncryptingKey) (wrapped, error) {
	public := k.public().(*ecdh.PublicKey)
	ephemeral, err := public.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return wrapped{}, fail(jeton.ErrInvalidKey, "%v", err)
	}
	secret, err := ephemeral.ECDH(public)
	if err != nil {
		return wrapped{}, fail(jeton.ErrInvalidKey, "%v", err)
	}
	w := wrapped{params: `,"epk":` + string(appendObject(nil, ecdhFamily{}.params(ephemeral.PublicKey())))}
	key := k.derive(secret, nil, nil)
	if k.alg.kek == 0 {
		w.cek = key
		return w, nil
	}
	w.cek = randomBytes(k.enc.cek)
	w.encryptedKey = wrapKey(key, w.cek)
	return w, nil
}

func (agreement) unwrap(k *DecryptingKey, h *header, encryptedKey []byte) ([]byte, error) {
	apu, err := h.partyInfo("apu")
	if err != nil {
		return nil, err
	}
	apv, err := h.partyInfo("apv")
	if err != nil {
		return nil, err
	}
	epk, present := h.get("epk")
	if !present {
		return nil, fail(jeton.ErrHeader, `"epk" is missing`)
	}
	secret, err := agree(k.private().(*ecdh.PrivateKey), []byte(epk))
	if err != nil {
		return nil, err
	}
	b := k.public.binding
	key := b.derive(secret, apu, apv)
	switch {
	case b.alg.kek != 0:
		return unwrapKey(key, encryptedKey, b.enc.cek), nil
	case len(encryptedKey) != 0:
		return nil, errEncryptedKey
	}
	return key, nil
}

// agree returns the secret that a private key shares with the ephemeral key of a
// header. That one is a stranger's: on another curve, or off its curve, it would
// make the secret tell about the private key.
func agree(key *ecdh.PrivateKey, epk []byte) ([]byte, error) {
	o, err := parseObject(epk, jeton.ErrHeader)
	if err != nil {
		return nil, err
	}
	if o.isPrivate() {
		return nil, fail(jeton.ErrHeader, `"epk" is a private key`)
	}
	ephemeral, c, err := readPoint(o)
	if err != nil {
		return nil, err
	}
	if c.Curve != key.Curve() {
		return nil, fail(jeton.ErrHeader, `"epk" is on another curve than the key`)
	}
	secret, err := key.ECDH(ephemeral) // an error if it is all zero (RFC 7748 section 6.1)
	if err != nil {
		return nil, fail(jeton.ErrHeader, `"epk" is of small order`)
	}
	return secret, nil
}

// derive makes the key for the content, or the one that wraps it, out of the
// shared secret (RFC 7518 section 4.6.2).
func (b binding) derive(secret, apu, apv []byte) []byte {
	if b.alg.kek == 0 {
		return concatKDF(secret, string(b.enc.name), apu, apv, b.enc.cek)
	}
	return concatKDF(secret, string(b.alg.name), apu, apv, b.alg.kek)
}

// partyInfo reads "apu" or "apv", which may be absent (RFC 7518 sections 4.6.1.2
// and 4.6.1.3).
func (h *header) partyInfo(name string) ([]byte, error) {
	if !h.has(name) {
		return nil, nil
	}
	info, err := h.octets(name)
	if err != nil {
		return nil, err
	}
	if len(info) > maxPartyInfo {
		return nil, fail(jeton.ErrHeader, "%q has %d bytes, at most %d", name, len(info), maxPartyInfo)
	}
	return info, nil
}
