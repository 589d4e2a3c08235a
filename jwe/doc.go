// Package jwe encrypts tokens whose claims must stay private (RFC 7516, compact
// serialization). It imports the standard library and package jeton alone.
//
// # Sign, then encrypt
//
//	// The issuer: signer is a *jeton.Signer, public the key of the one API
//	// that may read the claims.
//	encrypter, err := jwe.NewEncrypter(public)
//	signed, err := signer.Sign(claims)
//	token, err := encrypter.EncryptToken(signed)
//
//	// The API: private is its own key, policy its *jeton.Verifier.
//	decrypter, err := jwe.NewDecrypter([]*jwe.DecryptingKey{private}, jwe.Options{})
//	verifier, err := jwe.NewVerifier(decrypter, policy)
//	verified, err := verifier.Verify(ctx, token)
//
// Encryption hides what a token says. It does not tell who says so: with a public
// key everybody can encrypt. A [Verifier] therefore accepts nothing but a signed
// token inside an encrypted one, and applies the policy of a [jeton.Verifier] to
// it. [Decrypter.DecryptUnsigned] is for what is no token, and its name is the
// warning.
//
// # What can't go wrong
//
// A key is bound to one way of key management ("alg") and one content encryption
// ("enc") when it is made. A token's header is compared with both and chooses
// neither. RSA1_5 and RSA-OAEP with SHA-1, passwords (PBES2) and compression
// ("zip") do not exist here. The only key that is ever taken from a header is the
// ephemeral public key of ECDH-ES ("epk"), which must be a point on the curve of
// the recipient's key.
//
// # Limits
//
// A token of over 16 KiB, a header nested deeper than 16 or with more than 512
// members, a "kid" of over 128 bytes and an "apu" or "apv" of over 256 bytes are
// refused before any cryptography.
//
// AES-GCM breaks when a nonce repeats. Nonces are random, so that one AES key must
// not encrypt more than 2^32 times (NIST SP 800-38D section 8.3). That concerns
// keys for A128GCMKW and A256GCMKW, and keys for dir with A128GCM or A256GCM: give
// such a key a successor in time; the package does not count. All others encrypt
// with a fresh key for each token, or not with GCM.
//
// The length of a token tells the length of its claims. Nothing is padded.
package jwe
