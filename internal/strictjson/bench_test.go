package strictjson_test

import (
	"testing"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// usual are the claims of an access token.
const usual = `{"iss":"https://auth.example.com","sub":"9f8e7d6c-5b4a-3210-fedc-ba9876543210","aud":"orders","exp":1800000300,"nbf":1800000000,"iat":1800000000,"jti":"01J9ZQ3Y8K7V5W2X4T6R8P0N1M","scope":"orders:read orders:write","tenant":"acme","roles":["admin","auditor"]}`

func BenchmarkAppendSpans(b *testing.B) {
	for b.Loop() {
		var room [16]strictjson.Span
		if _, err := strictjson.AppendSpans(room[:0], usual, strictjson.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
