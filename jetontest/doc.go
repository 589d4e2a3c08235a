// Package jetontest is an issuer for the tests of an API that verifies tokens:
// in process, with a clock that the test moves, good tokens, and one of every
// broken kind.
//
//	issuer := jetontest.NewIssuer(t)
//	api := myapi.New(issuer.Verifier("orders")) // your code
//	request.Header.Set("Authorization", "Bearer "+issuer.Token("orders", jetontest.Scope("orders:read")))
//
// And that the API refuses what it must:
//
//	for _, broken := range issuer.BrokenTokens("orders") {
//		t.Run(broken.Name, func(t *testing.T) { ... expect 401 for broken.Token ... })
//	}
//
// An API that fetches keys itself finds them at [Issuer.JWKSURL].
//
// It is for tests alone: its keys are made anew each time and guard nothing.
package jetontest
