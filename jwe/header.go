package jwe

import (
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

const (
	maxKeyIDBytes = 128

	// defaultTokenBytes leaves room for the largest token that a jeton.Verifier
	// takes by default, signed and in base64url once more.
	defaultTokenBytes = 16 << 10

	nestedType = "JWT" // the "cty" of RFC 7519 section 5.2
)

// compact is an encrypted token cut at its dots (RFC 7516 section 7.1), decoded
// but for the header. The header is authenticated as it was received, never as it
// would be encoded again.
type compact struct {
	encodedHeader string
	encryptedKey  []byte
	sealed
}

// split checks the length and the dots before anything else is looked at.
func split(token string, limit int) (compact, error) {
	if len(token) > limit {
		return compact{}, fail(jeton.ErrTokenTooLarge, "%d bytes, at most %d", len(token), limit)
	}
	var parts [5]string
	rest := token
	for i := range parts {
		part, after, dot := strings.Cut(rest, ".")
		if dot != (i < len(parts)-1) {
			return compact{}, fail(jeton.ErrSegments, "%d; an encrypted token has five", strings.Count(token, ".")+1)
		}
		parts[i], rest = part, after
	}
	if parts[0] == "" {
		return compact{}, fail(jeton.ErrSegments, "an empty header")
	}
	c := compact{encodedHeader: parts[0]}
	for i, segment := range []struct {
		name string
		to   *[]byte
	}{{"encrypted key", &c.encryptedKey}, {"initialization vector", &c.iv}, {"ciphertext", &c.ciphertext}, {"tag", &c.tag}} {
		b, err := base64url.Decode(parts[i+1])
		if err != nil {
			return compact{}, fail(jeton.ErrEncoding, "%s", segment.name)
		}
		*segment.to = b
	}
	return c, nil
}

// header is a JOSE header (RFC 7516 section 4). Until the tag is checked it is a
// stranger's word. What key management needs of it is read by its mode.
type header struct {
	object
	alg Algorithm
	enc Encryption
	kid string // "" if absent
	cty string // "" if absent
}

// errEncryptedKey: RFC 7516 section 5.2, steps 10 and 11.
var errEncryptedKey = fail(jeton.ErrMalformed, "an encrypted key where the algorithm has none")

// parseHeader reads an encoded header. Members that it does not know are legal and
// passed over, with the exception of those that change how a token must be read.
func parseHeader(encoded string) (*header, error) {
	text, err := base64url.Decode(encoded)
	if err != nil {
		return nil, fail(jeton.ErrEncoding, "header")
	}
	members, err := strictjson.AppendMembers(nil, text, jsonLimits)
	if err != nil {
		return nil, headerError(err)
	}
	h := &header{object: object{members, jeton.ErrHeader}}
	if h.has("crit") {
		return nil, fail(jeton.ErrCritical, `"crit" names extensions and none is implemented`)
	}
	if h.has("zip") {
		return nil, ErrCompressed
	}
	alg, err := h.required("alg")
	if err != nil {
		return nil, err
	}
	enc, err := h.required("enc")
	if err != nil {
		return nil, err
	}
	h.alg, h.enc = Algorithm(alg), Encryption(enc)
	if _, err := bind(h.alg, h.enc); err != nil {
		return nil, err
	}
	if h.kid, err = h.keyID(); err != nil {
		return nil, err
	}
	var present bool
	if h.cty, present, err = h.text("cty"); err != nil {
		return nil, err
	}
	if present && !printable(h.cty) {
		return nil, fail(jeton.ErrHeader, `"cty" is not a media type`)
	}
	return h, nil
}

// keyID returns "kid" of a header or a JWK; "" if absent.
func (o object) keyID() (string, error) {
	id, present, err := o.text("kid")
	if err == nil && present && !validKeyID(id) {
		err = fail(o.reason, `"kid" is not 1 to %d printable ASCII characters`, maxKeyIDBytes)
	}
	return id, err
}

func validKeyID(id string) bool { return id != "" && len(id) <= maxKeyIDBytes && printable(id) }

// printable tells whether s is printable ASCII, space included.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isNested tells whether the content is a token. Media types are compared without
// regard to case, and "application/" may be left out (RFC 7515 section 4.1.10).
func (h *header) isNested() bool {
	return strings.EqualFold(h.cty, nestedType) || strings.EqualFold(h.cty, "application/"+nestedType)
}
