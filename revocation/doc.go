// Package revocation lets a verifier refuse tokens that were called back before
// they expired.
//
// [Follow] keeps up with the feed of an issuer and is the list for a
// [jeton.Policy]:
//
//	revoked, err := revocation.Follow(ctx, "https://auth.example/v1/revocations", keys, "https://auth.example")
//	verifier, err := jeton.NewVerifier(keys, jeton.Policy{..., Revocations: revoked})
//
// A [Set] is the list alone, for programs that learn of revocations in another
// way: exact, in memory, no lock and no allocation in a check.
//
// What an issuer calls back is a session, by the token's "sid"; a subject's tokens
// ("sub"), a client's ("client_id") or everybody's, as far as they were issued
// ("iat") before an instant; or what a stolen key signed ("kid"). Each holds until the tokens
// have expired by themselves, so the set stays small.
package revocation
