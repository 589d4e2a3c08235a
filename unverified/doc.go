// Package unverified shows what a token says WITHOUT verifying it. Nothing that
// comes out of it may decide anything.
//
// Whoever wrote the token may have written whatever they liked: the subject, the
// roles, the expiry, the algorithm. There is no key in this package, and a token
// that it shows without complaint can be forged, expired or revoked all the same.
// To trust a token, verify it with [jeton.Verifier]; a [jeton.Verified] can't be
// made of anything here.
//
// It is for people: command lines, log viewers, consoles, error reports. So it
// reads more than a verifier does, and says in [Token.Problems] what a verifier
// would refuse. To display its output, escape it as you would any stranger's
// text.
package unverified
