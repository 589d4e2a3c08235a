// Package strictjson reads JSON from strangers. It accepts a subset of RFC 8259
// on which all parsers agree, and gives each refusal its own error: no duplicate
// names, no lone surrogates and no invalid UTF-8, as in I-JSON (RFC 7493 section
// 2), no NUL, and limits.
//
// It owns: syntax, UTF-8, duplicate names, limits on nesting and on members,
// the top-level members of an object as raw text ([AppendMembers]), and decoding
// into Go values by exact name ([Unmarshal]). It does not own: what a member
// means, and writing JSON (encoding/json does that).
package strictjson
