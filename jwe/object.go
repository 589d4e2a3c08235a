package jwe

import (
	"encoding/json"
	"math/big"
	"slices"

	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// object is the members of a header or of a JWK, not yet interpreted. The errors
// of its methods wrap its reason and name a member, never its value.
type object struct {
	members []strictjson.Member
	reason  error
}

// jsonLimits are for a header or a key: those that package jeton has for a header.
var jsonLimits = strictjson.Limits{Depth: 16, Members: 512}

// maxIntegerBytes bounds the arithmetic on numbers that were not looked at yet: 8192
// bits, those of the largest RSA key that is taken.
const maxIntegerBytes = 1024

func parseObject(text []byte, reason error) (object, error) {
	members, err := strictjson.AppendMembers(nil, text, jsonLimits)
	if err != nil {
		return object{}, fail(reason, "the JSON is refused: %v", err)
	}
	return object{members, reason}, nil
}

func (o object) get(name string) (string, bool) {
	for _, m := range o.members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return "", false
}

func (o object) has(name string) bool {
	_, ok := o.get(name)
	return ok
}

// text returns a member that is a string, and whether it is there.
func (o object) text(name string) (text string, present bool, err error) {
	value, present := o.get(name)
	if !present {
		return "", false, nil
	}
	text, ok := strictjson.String(value)
	if !ok {
		return "", true, fail(o.reason, "%q is not a string", name)
	}
	return text, true, nil
}

// required returns a member that must be there, a string.
func (o object) required(name string) (string, error) {
	text, present, err := o.text(name)
	if err == nil && !present {
		err = fail(o.reason, "%q is missing", name)
	}
	return text, err
}

// require wants a member of that value.
func (o object) require(name, value string) error {
	text, err := o.required(name)
	if err == nil && text != value {
		err = fail(o.reason, "%q is not %q", name, value)
	}
	return err
}

// octets returns a required member in base64url.
func (o object) octets(name string) ([]byte, error) {
	text, err := o.required(name)
	if err != nil {
		return nil, err
	}
	b, err := base64url.Decode(text)
	if err != nil {
		return nil, fail(o.reason, "%q is %v", name, err)
	}
	return b, nil
}

// octetsOf returns a required member in base64url of exactly that many bytes.
func (o object) octetsOf(name string, length int) ([]byte, error) {
	b, err := o.octets(name)
	if err == nil && len(b) != length {
		return nil, fail(o.reason, "%q has %d bytes and not %d", name, len(b), length)
	}
	return b, err
}

// integer returns a required member that is a Base64urlUInt (RFC 7518 section 2):
// positive, in as few bytes as it takes, so that a number has one spelling.
func (o object) integer(name string) (*big.Int, error) {
	b, err := o.octets(name)
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0 || b[0] == 0:
		return nil, fail(o.reason, "%q is zero, empty or has leading zeros (RFC 7518 section 2)", name)
	case len(b) > maxIntegerBytes:
		return nil, fail(o.reason, "%q has %d bytes, at most %d", name, len(b), maxIntegerBytes)
	}
	return new(big.Int).SetBytes(b), nil
}

// isPrivate tells whether a JWK has a member that makes a key of any registered
// type private (IANA registry "JSON Web Key Parameters").
func (o object) isPrivate() bool {
	return slices.ContainsFunc([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"}, o.has)
}

// param is a member whose value is a string.
type param struct{ name, value string }

func appendObject(dst []byte, params []param) []byte {
	for i, p := range params {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		value, _ := json.Marshal(p.value) // a string always has a JSON form
		dst = append(append(dst, separator, '"'), p.name...)
		dst = append(append(dst, '"', ':'), value...)
	}
	return append(dst, '}')
}
