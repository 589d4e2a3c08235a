// Package strictjson reads JSON from strangers. It accepts a subset of RFC 8259
// on which all parsers agree (the I-JSON profile of RFC 7493, section 2, and
// limits), and gives each refusal its own error.
//
// It owns: syntax, UTF-8, duplicate names, limits on nesting and on members,
// the top-level members of an object as raw text ([AppendMembers]), and decoding
// into Go values by exact name ([Unmarshal]). It does not own: what a member
// means, and writing JSON (encoding/json does that).
package strictjson
