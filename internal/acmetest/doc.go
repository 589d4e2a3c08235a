// Package acmetest gets a certificate for the real program from a real authority:
// pebble, the small one that the makers of Let's Encrypt test with. It has tests
// alone, and is a module of its own so that jeton's does not depend on pebble.
package acmetest
