// Package rotationmodel explores the rotation of refresh tokens exhaustively:
// every state that one session, two tabs of an honest client, a thief, the
// network, the clock and the store's failures can reach within small bounds,
// and in each of them the promises of the design.
//
// The decisions are not modelled. They come in as a function, which is the
// table of package issuer itself; around it the model has the least that it
// needs: a row with a compare-and-set, a clock, and parties that send tokens.
//
// A promise that is broken comes with the shortest story that breaks it:
//
//	the first tab reads token 0 from the jar and sends it
//	the issuer answers the first tab with token 1
//	...
//
// Only tests import this package.
package rotationmodel
