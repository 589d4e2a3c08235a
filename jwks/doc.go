// Package jwks has the key sets that a verifier finds its keys in.
//
//	keys, err := jwks.NewStatic(key1, key2)
//	verifier, err := jeton.NewVerifier(keys, policy)
//
// [Static] holds keys that the program was given. A key is found by the token's
// "kid", compared byte for byte; a token without one is matched only where a
// single key has its algorithm. Secrets and public keys never share a set.
package jwks
