package unverified

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// maxTokenBytes is far beyond what verifiers accept, so that a token that is too
// long for them can be looked at.
const maxTokenBytes = 64 << 10

// The default limits of a verifier.
const (
	verifierBytes   = 8192
	verifierDepth   = 16
	verifierMembers = 512
	verifierKeyID   = 128
)

// Token is what a token says of itself. None of it was verified.
type Token struct {
	// Header and Claims are the JSON of the token, byte for byte but for its
	// encoding: the first two segments of the compact serialization (RFC 7515
	// section 7.1). Each is always one valid JSON value; null if there is none to
	// show, and Problems says why. Of a member that occurs twice a verifier takes
	// neither; other readers differ.
	Header, Claims json.RawMessage
	// Signature is the third segment; empty if it is, or can't be read.
	Signature []byte

	// Algorithm, KeyID and Type are "alg", "kid" and "typ" of the header; "" if
	// absent or no string. Algorithm may be one that does not exist, or "none".
	Algorithm, KeyID, Type string

	// Problems are what a [jeton.Verifier] would refuse whatever its key and its
	// policy, in words for a person and in no fixed form. That there are none
	// says nothing about the token.
	Problems []string
}

// Decode reads a token in compact serialization, as far as it can be read. An
// error means that there is nothing to show; it wraps jeton.ErrTokenTooLarge
// above 64 KiB, else jeton.ErrSegments (an encrypted token among them) or
// jeton.ErrMalformed.
func Decode(token string) (*Token, error) {
	if len(token) > maxTokenBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", jeton.ErrTokenTooLarge, len(token), maxTokenBytes)
	}
	t := &Token{}
	if trimmed := strings.TrimSpace(token); trimmed != token {
		token = trimmed
		t.problem("white space around the token")
	}
	if len(token) > verifierBytes {
		t.problem("%d bytes; a verifier accepts %d, unless told otherwise", len(token), verifierBytes)
	}
	segments := strings.Split(token, ".")
	switch {
	case strings.HasPrefix(token, "{"):
		return nil, fmt.Errorf("%w: JSON; tokens have the compact form header.claims.signature", jeton.ErrSegments)
	case len(segments) == 2:
		t.problem("two segments: there is no signature")
		segments = append(segments, "")
	case len(segments) == 3 && segments[2] == "":
		t.problem("the signature is empty")
	case len(segments) == 3:
	case len(segments) == 5:
		return nil, fmt.Errorf("%w: five, so the token is encrypted (JWE) and can't be shown without its key", jeton.ErrSegments)
	default:
		return nil, fmt.Errorf("%w: %d", jeton.ErrSegments, len(segments))
	}

	var header, claims map[string]json.RawMessage
	t.Header, header = t.object("header", segments[0])
	t.Claims, claims = t.object("claims", segments[1])
	if isNull(t.Header) && isNull(t.Claims) {
		return nil, fmt.Errorf("%w: %s", jeton.ErrMalformed, strings.Join(t.Problems, "; "))
	}
	t.Signature, _ = t.segment("signature", segments[2])
	t.readHeader(header)
	t.checkClaims(claims)
	return t, nil
}

func (t *Token) problem(format string, args ...any) {
	t.Problems = append(t.Problems, fmt.Sprintf(format, args...))
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

// segment decodes base64url; other spellings are a problem and, where it is
// clear what they mean, read all the same.
func (t *Token) segment(name, text string) ([]byte, bool) {
	b, err := base64url.Decode(text)
	if err == nil {
		return b, true
	}
	var seen []string
	for _, kind := range []struct{ characters, what string }{
		{" \t\r\n", "white space"}, {"=", "padding"}, {"+/", "characters of plain base64"},
	} {
		if strings.ContainsAny(text, kind.characters) {
			seen = append(seen, kind.what)
		}
	}
	plain := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", "=", "", "+", "-", "/", "_").Replace(text)
	b, err = base64.RawURLEncoding.DecodeString(plain)
	if err != nil {
		t.problem("the %s: not base64url", name)
		return nil, false
	}
	if len(seen) == 0 {
		seen = []string{"stray bits at the end"}
	}
	t.problem("the %s: not canonical base64url (%s)", name, strings.Join(seen, ", "))
	return b, true
}

// object decodes a segment of JSON and returns it with its members; null and no
// members if there is nothing to show.
func (t *Token) object(name, text string) (json.RawMessage, map[string]json.RawMessage) {
	null := json.RawMessage("null")
	if text == "" {
		t.problem("the %s: empty", name)
		return null, nil
	}
	b, ok := t.segment(name, text)
	if !ok {
		return null, nil
	}
	_, err := strictjson.AppendMembers(nil, b, strictjson.Limits{Depth: verifierDepth, Members: verifierMembers})
	if err != nil {
		t.problem("the %s: %v", name, err)
	}
	// A byte order mark is no JSON, but what follows it is.
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !json.Valid(b) {
		return null, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(b, &members) != nil {
		members = nil // an array, a string: shown, and without members
	}
	return b, members
}
