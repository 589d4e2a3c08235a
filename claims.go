package jeton

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// Claims are the registered claims of RFC 7519 section 4.1. Embed it in a struct
// of your own to add claims:
//
//	type MyClaims struct {
//		jeton.Claims
//		Tenant string `json:"tenant"`
//	}
//
// A zero field is an absent claim and is not written.
type Claims struct {
	Issuer    string      `json:"iss,omitempty"`
	Subject   string      `json:"sub,omitempty"`
	Audience  Audience    `json:"aud,omitempty"`
	ExpiresAt NumericDate `json:"exp,omitzero"`
	NotBefore NumericDate `json:"nbf,omitzero"`
	IssuedAt  NumericDate `json:"iat,omitzero"`
	ID        string      `json:"jti,omitempty"`
}

// AccessClaims are the claims of an access token of RFC 9068 (sections 2.2 and
// 2.2.3), with the session that it belongs to. The token's "typ" is "at+jwt".
type AccessClaims struct {
	Claims
	ClientID  string   `json:"client_id,omitempty"`
	SessionID string   `json:"sid,omitempty"`
	Scope     string   `json:"scope,omitempty"` // space-delimited (RFC 6749 section 3.3)
	Roles     []string `json:"roles,omitempty"`
}

// Scopes returns the single values of the "scope" claim. Only the space divides
// them.
func (c *AccessClaims) Scopes() []string {
	return strings.FieldsFunc(c.Scope, func(r rune) bool { return r == ' ' })
}

// Audience is the "aud" claim: one or several names. A single one is written as
// a string, and both forms are read (RFC 7519 section 4.1.3).
type Audience []string

// Contains tells whether name is one of the audiences, compared byte for byte.
func (a Audience) Contains(name string) bool {
	for _, n := range a {
		if n == name {
			return true
		}
	}
	return false
}

// MarshalJSON writes a string for one name and an array for several. No name
// and an empty one are ErrClaims, one that is not UTF-8 is ErrInvalidUTF8.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 0 || a.Contains("") {
		return nil, fail(ErrClaims, "an audience without a name")
	}
	// The encoder around this one would not see what json.Marshal replaces.
	for _, name := range a {
		if !utf8.ValidString(name) {
			return nil, fail(ErrInvalidUTF8, "an audience")
		}
	}
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or a non-empty array of strings; anything else
// is ErrClaimType.
func (a *Audience) UnmarshalJSON(value []byte) error {
	if err := strictjson.Check(value, strictjson.Limits{}); err != nil {
		return jsonError("aud", err)
	}
	names, ok := parseAudience(string(value), &names{})
	if !ok {
		return fail(ErrClaimType, `"aud" is neither a string nor a non-empty array of strings`)
	}
	*a = names
	return nil
}

func parseAudience(value string, room *names) (Audience, bool) {
	if name, ok := strictjson.String(value); ok {
		return room.one(name), true
	}
	list, ok := room.list(value)
	return list, ok && len(list) > 0
}

// parse fills in the registered claims from the members of a claims set. A
// claim of a wrong type is an error, never an absence. The audience lies in room.
func (c *Claims) parse(text string, members []strictjson.Span, room *names) error {
	for i := range members {
		m, ok := &members[i], true
		switch m.Key() {
		case keyIssuer:
			c.Issuer, ok = m.String(text)
		case keySubject:
			c.Subject, ok = m.String(text)
		case keyID:
			c.ID, ok = m.String(text)
		case keyAudience:
			c.Audience, ok = parseAudience(m.Value(text), room)
		case keyExpiresAt:
			c.ExpiresAt, ok = parseNumericDate(m.Value(text))
		case keyNotBefore:
			c.NotBefore, ok = parseNumericDate(m.Value(text))
		case keyIssuedAt:
			c.IssuedAt, ok = parseNumericDate(m.Value(text))
		}
		if !ok {
			return fail(ErrClaimType, "%q", m.Name(text))
		}
	}
	return nil
}

// The names of the registered claims as strictjson.NameKey has them.
const (
	keyIssuer    = 3<<56 | 'i' | 's'<<8 | 's'<<16
	keySubject   = 3<<56 | 's' | 'u'<<8 | 'b'<<16
	keyAudience  = 3<<56 | 'a' | 'u'<<8 | 'd'<<16
	keyExpiresAt = 3<<56 | 'e' | 'x'<<8 | 'p'<<16
	keyNotBefore = 3<<56 | 'n' | 'b'<<8 | 'f'<<16
	keyIssuedAt  = 3<<56 | 'i' | 'a'<<8 | 't'<<16
	keyID        = 3<<56 | 'j' | 't'<<8 | 'i'<<16
)

func isRegistered(key uint64) bool {
	switch key {
	case keyIssuer, keySubject, keyAudience, keyExpiresAt, keyNotBefore, keyIssuedAt, keyID:
		return true
	}
	return false
}
