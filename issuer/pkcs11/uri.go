package pkcs11

import (
	"errors"
	"fmt"
	"strings"
)

// uri is what this package needs of a PKCS#11 URI (RFC 7512): the token, and the
// label and id of a private key in it.
type uri struct {
	token, object string
	id            []byte
}

var errURI = errors.New("pkcs11: not a PKCS#11 URI of a private key with token, object and id (RFC 7512)")

// String writes the URI as RFC 7512 section 2.3 has it.
func (u uri) String() string {
	var id strings.Builder
	for _, b := range u.id {
		fmt.Fprintf(&id, "%%%02x", b)
	}
	return "pkcs11:token=" + escape(u.token) + ";object=" + escape(u.object) + ";id=" + id.String() + ";type=private"
}

// parseURI reads what String writes, with the attributes in any order. Those that
// it does not know are refused: RFC 7512 section 2.3 has them ignored at the
// price of finding another object.
func parseURI(text string) (uri, error) {
	var u uri
	rest, ok := strings.CutPrefix(text, "pkcs11:")
	if !ok {
		return uri{}, errURI
	}
	seen := map[string]bool{}
	for attribute := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(attribute, "=")
		plain, ok := unescape(value)
		if !ok || seen[name] || value == "" {
			return uri{}, errURI
		}
		seen[name] = true
		switch {
		case name == "token":
			u.token = plain
		case name == "object":
			u.object = plain
		case name == "id":
			u.id = []byte(plain)
		case name == "type" && plain == "private":
		default:
			return uri{}, errURI
		}
	}
	if len(seen) != 4 {
		return uri{}, errURI
	}
	return u, nil
}

// unreserved are the characters that RFC 7512 section 2.3 lets stand for
// themselves in every attribute, but for "/", "?" and "&", which are escaped to be
// on the safe side.
func unreserved(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || strings.IndexByte("-._~:[]@!$'()*+,=", b) >= 0
}

func escape(text string) string {
	var out strings.Builder
	for i := range len(text) {
		if b := text[i]; unreserved(b) {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func unescape(text string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			if !unreserved(text[i]) {
				return "", false
			}
			out.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		high, low := nibble(text[i+1]), nibble(text[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		out.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return out.String(), true
}

func nibble(b byte) int {
	return strings.IndexByte("0123456789abcdef", b|0x20)
}
