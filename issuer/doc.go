// Package issuer is the domain of the token service: it logs users in, opens
// sessions, signs access tokens (RFC 9068), rotates refresh tokens and revokes.
//
// It owns the rules and nothing else. Storage comes in through [Store], the
// clock through [Config], and HTTP is made of it elsewhere (package
// issuerhttp), so that any Go program can embed an issuer:
//
//	iss, err := issuer.New(ctx, issuer.Config{Issuer: "https://auth.example", ...})
//	pair, err := iss.Login(ctx, issuer.LoginRequest{Username: "alice", Password: "..."})
//	pair, err = iss.Refresh(ctx, issuer.RefreshRequest{RefreshToken: pair.RefreshToken})
//
// # Sessions and refresh tokens
//
// There is one row per session and none per token. A refresh token is a pure
// function of its session's row and of a key that is not readable from the
// store, so nothing about tokens is stored and a retry can be answered with the
// very same token. The rotation table is in rotation.go.
package issuer
