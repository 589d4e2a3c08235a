//go:build go1.28 || (go1.27 && goexperiment.jsonv2)

package jeton

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

// replaced tells whether encoding/json put U+FFFD into the text in place of what
// is not UTF-8. On top of encoding/json/v2, which Go 1.27 has by default, it
// writes that one like a U+FFFD of the caller's, so the value is written again by
// an encoder that refuses. What a MarshalJSON method replaced stays unseen.
func replaced(v any, text []byte) bool {
	if !bytes.Contains(text, []byte("\ufffd")) {
		return false
	}
	_, err := jsonv2.Marshal(v, json.DefaultOptionsV1(), jsontext.AllowInvalidUTF8(false))
	return err != nil
}
