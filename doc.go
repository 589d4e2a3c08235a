// Package jeton signs and verifies JSON Web Tokens (RFC 7519) in compact
// serialization (RFC 7515). It imports the standard library alone.
//
// # From a secret to a verified token
//
// A service that verifies what it signed itself needs one secret of at least 32
// random bytes, from a file or the environment ("openssl rand -base64 32 >secret"
// makes one):
//
//	secret, err := os.ReadFile("secret")
//	key, err := jeton.NewHMACKey(jeton.HS256, secret)
//	signer, err := jeton.NewSigner(key)
//	token, err := signer.Sign(jeton.Claims{
//		Issuer:    "shop",
//		Subject:   "alice",
//		Audience:  jeton.Audience{"shop"},
//		ExpiresAt: jeton.At(time.Now().Add(5 * time.Minute)),
//	})
//
// The token goes to the client, and comes back with its next request. The verifier
// is made once, and says what a token must say; "JWT" is the type that a Signer
// writes unless it is told another one:
//
//	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{
//		Issuer:   "shop",
//		Audience: "shop",
//		Type:     "JWT",
//	})
//	verified, err := verifier.Verify(ctx, token)
//	if errors.Is(err, jeton.ErrExpired) {
//		// all else about the token holds: the client may ask for a new one
//	}
//	verified.Subject() // "alice"
//
// Claims of your own are a struct that embeds [Claims], for Sign and for
// [VerifyAs]. Package httpauth puts a verifier before an HTTP handler.
//
// # One issuer, many verifiers
//
// A key pair takes the place of the secret: the issuer signs with one half and the
// others verify with the other, which may be known to everybody.
//
//	key, err := jeton.GenerateKey(jeton.RS256)
//	signer, err := jeton.NewSigner(key, jeton.Type("at+jwt"))
//	verifier, err := jeton.NewVerifier(key.Public(), jeton.Policy{..., Type: "at+jwt"})
//
// Package jwk reads and writes keys. Instead of one key, a verifier usually takes
// a key set: package jwks has a static one and one that is fetched from an issuer.
//
// # What can't go wrong
//
// The algorithm belongs to the key. A token's "alg" is compared with it and
// chooses nothing; there is no "none". Keys for signing and for verifying are
// different types, and weak ones are refused when they are made. A policy that
// forgets issuer, audience or type does not build. Verify returns claims or an
// error, never both, and a [Verified] that says anything can't be made in another
// way. To look at a token without verifying it, import package unverified: the
// import is the warning.
//
// # HMAC or signatures
//
// Whoever can verify an HMAC token can make one. HS256 is right where the same
// service signs and verifies; where one issuer serves many verifiers, take
// RS256 or a newer algorithm and hand out public keys.
//
// # Limits
//
// A token of over 8 KiB, JSON nested deeper than 16, more than 512 members or a
// "kid" of over 128 bytes is refused before any cryptography ([Limits]).
//
// # Compatibility
//
// Until version 1 the names in this package may change with a minor version.
// What is refused is not part of the promise: it may grow with any version, as
// attacks become known.
package jeton
