// Package bench measures jeton against other JWT libraries for Go, and holds
// what jeton accepts against what three strict ones accept.
//
// All do the same work: an application's claims are signed into a token; a token
// is verified with key and algorithm pinned, its claims are decoded into a
// struct, and exp, nbf, iss and aud are checked. The file of each library says
// which checks its users have to write themselves. The floor is the least that
// anybody could do: bare crypto of the standard library, base64url, and one scan
// that finds the registered claims.
//
// README.md says how to run it and shows the last results.
package bench
