// Package archtest holds the rules of this repository's architecture and checks
// them: who may import what, which functions only a main package may call, how
// long a file may be, which dependencies exist. Every rule carries its reason,
// and a failure prints it.
//
// It reads source text alone: nothing is built, so it works offline and sees the
// files of every platform. It owns no rule about behaviour.
package archtest
