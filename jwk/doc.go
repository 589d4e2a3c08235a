// Package jwk reads and writes keys: JSON Web Keys and sets of them (RFC 7517)
// and PEM, to and from the keys of package jeton.
//
//	key, err := jwk.ParsePrivate(data)          // a signing key: JWK or PEM
//	public, err := jwk.ParsePublic(data)        // a verifying key: JWK or PEM
//	keys, err := jwk.ParseSet(data)             // the keys that an issuer publishes
//	data, err := jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})
//
// # The algorithm is the key's
//
// Every key that comes out is bound to one algorithm, once and for all. A JWK
// names it in "alg". For a key that names none, which is every PEM file and some
// issuers' sets, the caller does with [DefaultAlgorithm]; without that option the
// key is refused, unless the algorithms of package jeton leave one choice.
//
// # What is refused
//
// Reading is strict, since a key is where trust begins: JSON with duplicate
// members, base64url that has a second spelling, numbers with leading zeros, a
// private key where a public one belongs, a key that says it is for something
// else ("use", "key_ops"), halves that do not belong together, and whatever
// package jeton finds weak. A key is at most 64 KiB, a set 512 KiB and 100 keys.
// Certificates and chains ("x5c", "x5u", "x5t") in a JWK are not looked at.
//
// Errors wrap one of [jeton.ErrInvalidKey], [jeton.ErrWeakKey] and
// [jeton.ErrUnsupportedAlgorithm], and never hold any part of a key.
package jwk
