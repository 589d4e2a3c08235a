package jwk

import (
	"math/big"
	"slices"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// object is a JWK, its members not yet interpreted. The errors of its methods
// are jeton.ErrInvalidKey and name a member, never its value.
type object []strictjson.Member

// jsonLimits leave room for a set of 100 keys with certificate chains. Nothing
// in a key is nested deeper than a list.
var jsonLimits = strictjson.Limits{Depth: 8, Members: 5000}

// maxIntegerBytes bounds the arithmetic on numbers of strangers. It is above
// every key that package jeton takes.
const maxIntegerBytes = 2048

func parseObject[T strictjson.Text](text T) (object, error) {
	m, err := strictjson.AppendMembers(nil, text, jsonLimits)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "the JSON is refused: %v", err)
	}
	return m, nil
}

func (m object) get(name string) (string, bool) {
	for _, member := range m {
		if member.Name == name {
			return member.Value, true
		}
	}
	return "", false
}

func (m object) has(name string) bool {
	_, ok := m.get(name)
	return ok
}

// text returns a member that is a string, and whether it is there.
func (m object) text(name string) (text string, present bool, err error) {
	value, present := m.get(name)
	if !present {
		return "", false, nil
	}
	text, ok := strictjson.String(value)
	if !ok {
		return "", true, fail(jeton.ErrInvalidKey, "%q is not a string", name)
	}
	return text, true, nil
}

// octets returns a required member in base64url.
func (m object) octets(name string) ([]byte, error) {
	text, present, err := m.text(name)
	if err != nil {
		return nil, err
	}
	if !present {
		return nil, fail(jeton.ErrInvalidKey, "%q is missing", name)
	}
	b, err := base64url.Decode(text)
	if err != nil {
		return nil, fail(jeton.ErrInvalidKey, "%q is %v", name, err)
	}
	return b, nil
}

// octetsOf returns a required member in base64url of exactly that many bytes.
func (m object) octetsOf(name string, length int) ([]byte, error) {
	b, err := m.octets(name)
	if err != nil {
		return nil, err
	}
	if len(b) != length {
		return nil, fail(jeton.ErrInvalidKey, "%q has %d bytes and not %d", name, len(b), length)
	}
	return b, nil
}

// integer returns a required member that is a Base64urlUInt (RFC 7518 section
// 2): positive, in as few bytes as it takes, so that a number has one spelling.
func (m object) integer(name string) (*big.Int, error) {
	b, err := m.octets(name)
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0 || b[0] == 0:
		return nil, fail(jeton.ErrInvalidKey, "%q is zero, empty or has leading zeros (RFC 7518 section 2)", name)
	case len(b) > maxIntegerBytes:
		return nil, fail(jeton.ErrInvalidKey, "%q has %d bytes, at most %d", name, len(b), maxIntegerBytes)
	}
	return new(big.Int).SetBytes(b), nil
}

// privateMembers are those that make a key of any registered type private (IANA
// registry "JSON Web Key Parameters"). "k" is looked at with the type, since it
// is all there is to a secret.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}

func (m object) isPrivate() bool {
	for _, name := range privateMembers {
		if m.has(name) {
			return true
		}
	}
	return m.has("k")
}

// keyTypeName returns the required "kty".
func (m object) keyTypeName() (string, error) {
	kty, present, err := m.text("kty")
	switch {
	case err != nil:
		return "", err
	case present:
		return kty, nil
	case m.has("keys"):
		return "", fail(jeton.ErrInvalidKey, "it is a set of keys, not a key")
	default:
		return "", fail(jeton.ErrInvalidKey, `"kty" is missing`)
	}
}

// allows tells whether "use" and "key_ops" (RFC 7517 sections 4.2 and 4.3) admit
// an operation of signatures, "sign" or "verify". Members that contradict each
// other or themselves are an error.
func (m object) allows(operation string) (bool, error) {
	use, hasUse, err := m.text("use")
	if err != nil {
		return false, err
	}
	value, present := m.get("key_ops")
	if !present {
		return !hasUse || use == "sig", nil
	}
	elements, ok := strictjson.AppendElements(nil, value)
	if !ok {
		return false, fail(jeton.ErrInvalidKey, `"key_ops" is not an array`)
	}
	var ops []string
	var signature, other bool
	for _, e := range elements {
		op, ok := strictjson.String(e)
		if !ok {
			return false, fail(jeton.ErrInvalidKey, `"key_ops" has an element that is not a string`)
		}
		if slices.Contains(ops, op) {
			return false, fail(jeton.ErrInvalidKey, `"key_ops" names an operation twice`)
		}
		ops = append(ops, op)
		if op == "sign" || op == "verify" {
			signature = true
		} else {
			other = true
		}
	}
	switch {
	case signature && other:
		return false, fail(jeton.ErrInvalidKey, `"key_ops" mixes signatures with something else`)
	case use == "sig" && other, hasUse && use != "sig" && signature:
		return false, fail(jeton.ErrInvalidKey, `"use" and "key_ops" contradict each other`)
	}
	return slices.Contains(ops, operation), nil // and "use" is absent, "sig", or for none of these
}

// algorithm returns "alg", by its present name if it has an older one; "" if the
// key names none. jeton.ErrUnsupportedAlgorithm for one that does not sign here.
func (m object) algorithm() (jeton.Algorithm, error) {
	name, present, err := m.text("alg")
	if err != nil || !present {
		return "", err
	}
	alg, err := jeton.ParseAlgorithm(name)
	if err != nil {
		return "", fail(jeton.ErrUnsupportedAlgorithm, `"alg" is not one that signs here`)
	}
	return alg, nil
}
