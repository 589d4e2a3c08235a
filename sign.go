package jeton

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/jeton-go/jeton/internal/base64url"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// Signer signs claims with one key. It is immutable and safe for concurrent
// use.
type Signer struct {
	key     *SigningKey
	header  string // encoded, with the dot behind it
	limits  Limits
	scratch *sync.Pool // of *signScratch
}

// SignerOption is an option of [NewSigner].
type SignerOption func(*signerOptions) error

type signerOptions struct {
	olderName bool
	typ       string
	noKid     bool
	extra     []headerParam
	limits    Limits
}

type headerParam struct {
	name  string
	value []byte
}

// Type sets the "typ" header parameter (RFC 7515 section 4.1.9), such as
// "at+jwt"; "" leaves it out. The default is "JWT".
func Type(typ string) SignerOption {
	return func(o *signerOptions) error { o.typ = typ; return nil }
}

// WithoutKeyID leaves the "kid" header parameter out.
func WithoutKeyID() SignerOption {
	return func(o *signerOptions) error { o.noKid = true; return nil }
}

// HeaderParam adds a header parameter; the value is encoded as JSON. Those that
// the signer sets itself (alg, kid, typ) and those that no verifier of this
// package would accept or look at (crit, b64, jwk, jku, x5u, x5c, x5t and the
// parameters of encryption) are refused.
func HeaderParam(name string, value any) SignerOption {
	return func(o *signerOptions) error {
		switch name {
		case "", "alg", "kid", "typ":
			return fail(ErrInvalidPolicy, "the header parameter %q is not set this way", name)
		case "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "enc", "zip", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c":
			return fail(ErrInvalidPolicy, "the header parameter %q has no place in a token of this package", name)
		}
		b, err := encode(value)
		if err == nil && !utf8.ValidString(name) {
			err = ErrInvalidUTF8
		}
		if err != nil {
			return fail(ErrInvalidPolicy, "the header parameter %q: %v", name, err)
		}
		o.extra = append(o.extra, headerParam{name, b})
		return nil
	}
}

// OlderAlgorithmName writes the algorithm's older name into the header where it
// has one: "EdDSA" for Ed25519, for verifiers that don't know RFC 9864 yet.
func OlderAlgorithmName() SignerOption {
	return func(o *signerOptions) error { o.olderName = true; return nil }
}

// TokenLimits replaces the limits within which the signer keeps its tokens. The
// default is what a verifier accepts by default.
func TokenLimits(l Limits) SignerOption {
	return func(o *signerOptions) error { o.limits = l; return nil }
}

// NewSigner makes a signer. The algorithm and the "kid" are the key's. Errors:
// ErrInvalidPolicy for a refused option.
func NewSigner(key *SigningKey, opts ...SignerOption) (*Signer, error) {
	if key == nil || key.public == nil {
		return nil, fail(ErrInvalidKey, "no key")
	}
	o := signerOptions{typ: "JWT"}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	limits, err := o.limits.withDefaults()
	if err != nil {
		return nil, err
	}
	alg := key.public.alg.name
	if older := key.public.alg.older; o.olderName && older != "" {
		alg = older
	}
	header := fmt.Appendf(nil, `{"alg":%q`, alg)
	add := func(name string, value []byte) {
		quoted, _ := json.Marshal(name) // a string always has a JSON form
		header = append(append(append(append(header, ','), quoted...), ':'), value...)
	}
	if !o.noKid {
		quoted, _ := json.Marshal(key.ID())
		add("kid", quoted)
	}
	if o.typ != "" {
		quoted, _ := json.Marshal(o.typ)
		add("typ", quoted)
	}
	for _, p := range o.extra {
		add(p.name, p.value)
	}
	header = append(header, '}')
	if _, err := parseHeader(string(header), limits); err != nil {
		return nil, fail(ErrInvalidPolicy, "the header would be refused: %v", err)
	}
	return &Signer{key: key, header: base64url.Encode(header) + ".", limits: limits, scratch: &sync.Pool{}}, nil
}

// Sign signs claims: a struct (embed [Claims]), a map, or a json.RawMessage. It
// refuses what no verifier would accept, with ErrClaims: claims that are not
// one JSON object, that have duplicate names, strings that are not UTF-8 or a
// registered claim of a wrong type, or a token beyond the limits.
func (s *Signer) Sign(claims any) (string, error) {
	room := s.room()
	defer s.scratch.Put(room)
	token, err := s.appendSign(room.token[:0], claims, room)
	if err != nil {
		return "", err
	}
	room.token = token
	return string(token), nil
}

// AppendSign is Sign that appends the token to dst. On an error it returns dst
// as it was.
//
// It is the fast way to sign: where claims points to a struct of strings,
// integers, booleans, lists of strings, dates and [Claims], and dst has room for
// the token, HMAC allocates nothing, and the others what their signature takes.
func (s *Signer) AppendSign(dst []byte, claims any) ([]byte, error) {
	room := s.room()
	defer s.scratch.Put(room)
	return s.appendSign(dst, claims, room)
}

func (s *Signer) room() *signScratch {
	if room, ok := s.scratch.Get().(*signScratch); ok {
		return room
	}
	return &signScratch{}
}

func (s *Signer) appendSign(dst []byte, claims any, room *signScratch) ([]byte, error) {
	payload, ok := appendPlanned(room.payload[:0], claims, s.limits)
	if ok {
		room.payload = payload
	} else {
		var err error
		if payload, err = s.encodeClaims(claims); err != nil {
			return dst, fmt.Errorf("%w: %w", ErrClaims, err)
		}
	}
	token, err := s.appendToken(dst, payload, room)
	if err != nil {
		return dst, err
	}
	if n := len(token) - len(dst); n > s.limits.TokenBytes {
		return dst, fail(ErrClaims, "the token would have %d bytes; verifiers accept %d", n, s.limits.TokenBytes)
	}
	return token, nil
}

// signScratch is the room for one token at a time.
type signScratch struct{ payload, signature, token []byte }

// encodeClaims writes claims of any type and reads them again as a verifier
// would.
func (s *Signer) encodeClaims(claims any) ([]byte, error) {
	payload, err := encode(claims)
	if err != nil {
		return nil, err
	}
	text := string(payload)
	members, err := strictjson.AppendSpans(nil, text, s.limits.json())
	if err != nil {
		return nil, jsonError("claims", err)
	}
	var c Claims
	return payload, c.parse(text, members, &names{})
}

// SignRaw signs a payload as it is, byte for byte and without a look at it: it
// need not be JSON, and verifiers may refuse it. It is for test vectors and for
// claims that must keep their spelling.
func (s *Signer) SignRaw(payload []byte) (string, error) {
	token, err := s.appendToken(nil, payload, &signScratch{})
	return string(token), err
}

func (s *Signer) appendToken(dst, payload []byte, room *signScratch) ([]byte, error) {
	token := append(dst, s.header...)
	token = base64url.AppendEncode(token, payload)
	sig, err := s.key.public.alg.scheme.sign(s.key, room.signature[:0], token[len(dst):])
	if err != nil {
		return dst, err
	}
	room.signature = sig
	token = append(token, '.')
	return base64url.AppendEncode(token, sig), nil
}

// encode writes claims, or the value of a header parameter, as JSON.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, encodeError(err)
	}
	// encoding/json puts U+FFFD in place of what is not UTF-8, so that two
	// subjects would become one.
	if _, raw := v.(json.RawMessage); !raw && replaced(v, text) {
		return nil, fail(ErrInvalidUTF8, "a string")
	}
	return text, nil
}

// encodeError keeps of an error of encoding/json what is about types: the rest
// may repeat a value.
func encodeError(err error) error {
	var unsupported *json.UnsupportedTypeError
	var marshaler *json.MarshalerError
	switch {
	case errors.Is(err, ErrInvalidUTF8):
		return fail(ErrInvalidUTF8, "a string")
	case errors.As(err, &unsupported):
		return fmt.Errorf("%s has no JSON form", unsupported.Type)
	case errors.As(err, &marshaler):
		return fmt.Errorf("a %s that can't be written as JSON", marshaler.Type)
	}
	return errors.New("a value that has no JSON form")
}
