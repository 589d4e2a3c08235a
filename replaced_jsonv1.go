//go:build !go1.28 && (!go1.27 || !goexperiment.jsonv2)

package jeton

import "bytes"

// replaced tells whether encoding/json put U+FFFD into the text in place of what
// is not UTF-8. It writes that one as an escape, and a U+FFFD of the caller's as
// it is.
func replaced(_ any, text []byte) bool { return hasEscape(text, `\ufffd`) }

// hasEscape looks for an escape sequence in JSON; the same letters after an
// escaped backslash are none.
func hasEscape(text []byte, escape string) bool {
	for {
		i := bytes.Index(text, []byte(escape))
		if i < 0 {
			return false
		}
		before := text[:i]
		if backslashes := len(before) - len(bytes.TrimRight(before, `\`)); backslashes%2 == 0 {
			return true
		}
		text = text[i+len(escape):]
	}
}
