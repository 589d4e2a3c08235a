package base64url

import (
	"bytes"
	"testing"
)

func BenchmarkAppendDecode(b *testing.B) {
	text := []byte(Encode(bytes.Repeat([]byte("claims"), 48)))
	var room []byte
	for b.Loop() {
		room, _ = AppendDecode(room[:0], text)
	}
}

func BenchmarkAppendEncode(b *testing.B) {
	claims := bytes.Repeat([]byte("claims"), 48)
	var room []byte
	for b.Loop() {
		room = AppendEncode(room[:0], claims)
	}
}
