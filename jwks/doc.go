// Package jwks has the key sets that a verifier finds its keys in.
//
//	keys, err := jwks.NewRemote("https://auth.example/.well-known/jwks.json", jwks.RemoteOptions{})
//	verifier, err := jeton.NewVerifier(keys, policy)
//
// [Static] holds keys that the program was given. [Remote] fetches the set that
// an issuer publishes and keeps it fresh. In both a key is found by the token's
// "kid", compared byte for byte; a token without one is matched only where a
// single key has its algorithm. Secrets and public keys never share a set.
//
// # What a token can't do to a Remote
//
// The address is in the program's configuration; nothing in a token is ever
// fetched. Tokens that name unknown keys, however many, cost one fetch per
// cooldown. A token whose key is known never waits for a fetch, even if the
// issuer is slow or down.
//
// # What a network can't do
//
// A fetch is https, follows no redirect, sends no cookie, goes through no proxy
// and ends after 5 seconds or 512 KiB. Addresses are checked when they are
// dialled, so that a name can't lead to a metadata service or to this machine.
// What an issuer publishes is taken as a whole or not at all, and a set that is
// refused leaves the one before in place.
package jwks
