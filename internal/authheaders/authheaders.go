// Package authheaders writes what a verified token says as the headers that a
// gateway passes on to the services behind it.
package authheaders

import (
	"fmt"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// The headers, all of which every answer to a gateway has.
const (
	Subject   = "X-Auth-Subject"
	ClientID  = "X-Auth-Client-Id"
	SessionID = "X-Auth-Session-Id"
	Scope     = "X-Auth-Scope"
	Roles     = "X-Auth-Roles"
	Audience  = "X-Auth-Audience"
	ExpiresAt = "X-Auth-Expires-At"
)

// A Header is a header's name and its only value.
type Header struct{ Name, Value string }

// Of returns all headers for a token. One whose claim the token lacks is empty
// and not left out: a gateway that copies headers then overwrites those that a
// client made up. Of nil, all are empty.
func Of(v *jeton.Verified) []Header {
	all := []Header{{Name: Subject}, {Name: ClientID}, {Name: SessionID}, {Name: Scope}, {Name: Roles}, {Name: Audience}, {Name: ExpiresAt}}
	if v == nil {
		return all
	}
	for i, value := range []string{
		word(v.Subject()), word(v.StringClaim("client_id")), word(v.StringClaim("sid")),
		words(scopeNames(v.StringClaim("scope"))), words(roles(v)), words(v.Claims().Audience), "",
	} {
		all[i].Value = value
	}
	if exp := v.ExpiresAt(); !exp.IsZero() {
		all[len(all)-1].Value = exp.Time().Format(time.RFC3339)
	}
	return all
}

// scopeNames splits a "scope" claim as httpauth does, at spaces alone.
func scopeNames(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' })
}

// roles returns the "roles" claim; none if it is not what httpauth takes for
// roles, an array of strings.
func roles(v *jeton.Verified) []string {
	value, ok := v.Claim("roles")
	var names []string
	if !ok || strictjson.Unmarshal(value, &names, strictjson.Limits{}) != nil {
		return nil
	}
	return names
}

func words(list []string) string {
	written := make([]string, len(list))
	for i, each := range list {
		written[i] = word(each)
	}
	return strings.Join(written, " ")
}

// word writes everything but visible ASCII, and the percent sign, in percent
// encoding: no claim smuggles a header, looks like two, or loses a space that
// makes it another's.
func word(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
