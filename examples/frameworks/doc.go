// Package frameworks puts httpauth before handlers of net/http, chi, gin, echo
// and fiber. No package of jeton knows a framework: what each needs is a few
// lines, which docs/frameworks.md shows as they stand here.
//
// Every routes function serves GET /orders to tokens with the scope orders:read
// and answers with the token's subject.
package frameworks
