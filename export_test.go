package jeton

import (
	"context"
	"reflect"
	"unsafe"
)

// Authenticate goes as far as the signature, for vectors whose payload is no
// claims set. It returns the payload.
func (v *Verifier) Authenticate(ctx context.Context, token string) ([]byte, error) {
	c, err := split(token, v.policy.Limits)
	if err != nil {
		return nil, err
	}
	room := v.room()
	a, err := v.authenticate(ctx, c, room, &room.payload)
	return a.payload, err
}

// ParseHeader reads a header within the default limits.
func ParseHeader(text []byte) (Header, error) {
	limits, err := Limits{}.withDefaults()
	if err != nil {
		return Header{}, err
	}
	return parseHeader(string(text), limits)
}

// Holds tells whether sig is the key's signature of input, which need be no
// token's.
func (k *VerifyingKey) Holds(input, sig []byte) bool { return k.alg.scheme.verify(k, input, sig) }

// Planned tells whether VerifyAs decodes into a T by a plan.
func Planned[T any]() bool { return typedPlanOf(reflect.TypeFor[T]()) != nil }

// DecodesUsual tells whether VerifyAs decodes a payload into a T by its short cut.
func DecodesUsual[T any](payload string) bool {
	var dst T
	limits, _ := Limits{}.withDefaults()
	p := typedPlanOf(reflect.TypeFor[T]())
	var own Claims
	return p.decodeUsual(unsafe.Pointer(&dst), p.claimsAt(unsafe.Pointer(&dst), &own), payload, limits, &names{})
}
