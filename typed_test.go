package jeton_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

type (
	typedText string
	inside    struct {
		Deep typedText `json:"deep"`
		Far  jeton.NumericDate
	}
	// everyKind has a field of every kind that VerifyAs has a plan for.
	everyKind struct {
		Before byte `json:"before"`
		jeton.Claims
		inside
		Text   string      `json:"text"`
		Named  typedText   `json:"named"`
		A8     int8        `json:"a8"`
		A16    int16       `json:"a16"`
		A32    int32       `json:"a32"`
		A64    int64       `json:"a64"`
		A      int         `json:"a"`
		U8     uint8       `json:"u8"`
		U8b    uint8       `json:"u8b"`
		U16    uint16      `json:"u16"`
		U32    uint32      `json:"u32"`
		U64    uint64      `json:"u64"`
		U      uint        `json:"u"`
		Yes    bool        `json:"yes"`
		List   []string    `json:"list"`
		Names  []typedText `json:"a name that is rather long"`
		Others jeton.Audience
		Until  jeton.NumericDate `json:"until"`
		Alike  string            `json:"aaaaaaaaaaaaaaaa"` // "caaaaaaa\x60aaaaaaa" has its NameKey
		Hidden string            `json:"-"`
		After  byte              `json:"after"`
	}
	// alone embeds no Claims and reads some of them by itself.
	alone struct {
		Sub string         `json:"sub"`
		Aud jeton.Audience `json:"aud"`
		Exp int64          `json:"exp"`
		Jti []string       `json:"jti"`
	}
	// over has a field that stands before one of the Claims.
	over struct {
		jeton.AccessClaims
		Subject typedText `json:"sub"`
	}
	// The rest has no plan.
	withMap     struct{ M map[string]string }
	withPointer struct{ P *string }
	withFloat   struct{ F float64 }
	withNumber  struct{ N json.Number }
	withTwo     struct {
		A struct{ jeton.Claims }
		jeton.AccessClaims
		*inside
	}
	ownClaims struct{ jeton.Audience }
)

// What VerifyAs decodes by a plan is what Decode decodes by reflection, or the
// same error.
func sameTyped[T any](t *testing.T, v *jeton.Verifier, token string) {
	t.Helper()
	got, gotErr := jeton.VerifyAs[T](context.Background(), v, token)
	var want T
	verified, wantErr := v.Verify(context.Background(), token)
	if wantErr == nil {
		wantErr = verified.Decode(&want)
	}
	if wantErr != nil {
		var zero T
		if gotErr == nil || gotErr.Error() != wantErr.Error() || !reflect.DeepEqual(got, zero) {
			t.Fatalf("VerifyAs has %+v, %v\nDecode has %v", got, gotErr, wantErr)
		}
		return
	}
	if gotErr != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("VerifyAs has %+v, %v\nDecode has %+v", got, gotErr, want)
	}
}

func sameEveryType(t *testing.T, v *jeton.Verifier, token string) {
	t.Helper()
	sameTyped[everyKind](t, v, token)
	sameTyped[alone](t, v, token)
	sameTyped[over](t, v, token)
	sameTyped[jeton.Claims](t, v, token)
	sameTyped[jeton.AccessClaims](t, v, token)
	sameTyped[withTwo](t, v, token)
	sameTyped[withFloat](t, v, token)
	sameTyped[map[string]any](t, v, token)
}

// typedPayloads fit and just do not fit the fields of everyKind.
func typedPayloads() []string {
	payloads := []string{
		"{}", " { } ", "null", "[]", goodPayload, `{"iss":1}`, `{"aud":["a","b","c","d","e"]}`, `{"aud":[]}`, `{"aud":null}`, `{"sub":"a","sub":"b"}`, `{"\u0073ub":"escaped","s\u0075b2":"x"}`,
		`{"sub":"s","aud":["a","b"],"exp":1800000300,"jti":["a"]}`, `{"sub":"s","jti":"a"}`, `{"exp":1800000300.5,"nbf":1.7e9,"iat":17e8}`,
		"{\"caaaaaaa`aaaaaaa\":\"x\"}", `{"aaaaaaaaaaaaaaaa":"x"}`, `{"u8b":1,"u8":2}`, `{"a name that is rather long":["x"],"a name that is rather lonG":["y"]}`, `{"text":"é😀","named":"\ud83d\ude00\"","deep":"\\","Far":1}`, `{"before":1,"after":2,"Hidden":"x","-":"y"}`,
	}
	for _, name := range []string{"text", "named", "deep", "Far", "until", "Others", "a8", "a16", "a32", "a64", "a", "u8", "u16", "u32", "u64", "u", "yes", "list", "a name that is rather long", "before", "sub", "aud", "exp"} {
		for _, value := range []string{
			`"x"`, `""`, `"\n"`, "null", "true", "false", "0", "-0", "1", "-1", "1.0", "1e2", "127", "128", "-128", "-129", "255", "256", "32767", "32768", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296",
			"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", "[]", `["a"]`, `[ "a" , "\u00e9" ]`, `["a",1]`, `[["a"]]`, `["a",null]`, "{}", `{"a":"b"}`,
		} {
			payloads = append(payloads, fmt.Sprintf(`{%q:%s}`, name, value), fmt.Sprintf(`{"yes" : true, %q : %s , "text":"t"}`, name, value))
		}
	}
	return payloads
}

func TestVerifyAsReadsAsDecode(t *testing.T) {
	for name, v := range map[string]*jeton.Verifier{
		"plain":       testVerifier(t, hmacKey(t).Public(), lenient),
		"cached":      testVerifier(t, hmacKey(t).Public(), lenient, func(p *jeton.Policy) { p.CacheEntries = 8 }),
		"revocations": testVerifier(t, hmacKey(t).Public(), lenient, func(p *jeton.Policy) { p.Revocations = nobody{} }),
	} {
		t.Run(name, func(t *testing.T) {
			for _, payload := range typedPayloads() {
				sameEveryType(t, v, forge(goodHeader, payload))
			}
		})
	}
}

// nobody is revoked.
type nobody struct{}

func (nobody) CheckRevoked(context.Context, *jeton.Verified) error { return nil }

// FuzzVerifyAs holds the plans against reflection.
func FuzzVerifyAs(f *testing.F) {
	for _, payload := range typedPayloads() {
		f.Add([]byte(payload))
	}
	v := testVerifier(f, hmacKey(f).Public(), lenient)
	cached := testVerifier(f, hmacKey(f).Public(), lenient, func(p *jeton.Policy) { p.CacheEntries = 8 })
	f.Fuzz(func(t *testing.T, payload []byte) {
		token := forge(goodHeader, string(payload))
		sameEveryType(t, v, token)
		sameTyped[everyKind](t, cached, token) // once verified, once remembered
	})
}

func TestVerifyAsHasAPlanForUsualStructs(t *testing.T) {
	for name, planned := range map[string]bool{
		"Claims": jeton.Planned[jeton.Claims](), "AccessClaims": jeton.Planned[jeton.AccessClaims](), "everyKind": jeton.Planned[everyKind](), "alone": jeton.Planned[alone](), "over": jeton.Planned[over](),
	} {
		if !planned {
			t.Errorf("%s has no plan", name)
		}
	}
	for name, planned := range map[string]bool{
		"a map": jeton.Planned[withMap](), "a pointer": jeton.Planned[withPointer](), "a float": jeton.Planned[withFloat](), "json.Number": jeton.Planned[withNumber](), "an embedded pointer": jeton.Planned[withTwo](),
		"an UnmarshalJSON of its own": jeton.Planned[ownClaims](), "no struct": jeton.Planned[map[string]any](), "a pointer to a struct": jeton.Planned[*jeton.Claims](), "a string": jeton.Planned[string](),
	} {
		if planned {
			t.Errorf("%s: there is a plan", name)
		}
	}
}

// Lists of tokens verified one after the other lie beside each other. Nothing that
// a caller does to one shows in another.
func TestVerifyAsGivesEachCallerItsOwnLists(t *testing.T) {
	key := hmacKey(t)
	for name, v := range map[string]*jeton.Verifier{
		"plain":  testVerifier(t, key.Public(), lenient),
		"cached": testVerifier(t, key.Public(), lenient, func(p *jeton.Policy) { p.CacheEntries = 64 }),
	} {
		t.Run(name, func(t *testing.T) {
			var all []jeton.AccessClaims
			var want [][]string
			for i := range 60 {
				list := strings.Split(strings.Repeat(fmt.Sprintf("r%d,", i), i%9)+"last", ",")
				text, _ := json.Marshal(list)
				aud := text
				if len(list) == 1 {
					aud, _ = json.Marshal(list[0])
				}
				// Every second one comes twice, and a cached one is a hit then.
				payload := fmt.Sprintf(`{"aud":%s,"roles":%s}`, aud, text)
				for range 1 + i%2 {
					c := must(jeton.VerifyAs[jeton.AccessClaims](context.Background(), v, forge(goodHeader, payload)))(t)
					all, want = append(all, c), append(want, list)
				}
			}
			for i, c := range all {
				if !slices.Equal(c.Roles, want[i]) || !slices.Equal(c.Audience, want[i]) {
					t.Fatalf("token %d has %q and %q, want %q", i, c.Audience, c.Roles, want[i])
				}
				_ = append(c.Roles, "appended")
				_ = append(c.Audience, "appended")
				if !slices.Equal(c.Roles, want[i]) || !slices.Equal(c.Audience, want[i]) {
					t.Fatalf("appending to a list of token %d made them %q and %q", i, c.Audience, c.Roles)
				}
				for j := range c.Roles {
					c.Roles[j], c.Audience[j] = "overwritten", "overwritten"
				}
			}
		})
	}
}

// Claims outlive the token, the room it was decoded in, and all tokens after it.
func TestVerifyAsKeepsNothingOfItsRoom(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), lenient)
	var all []jeton.Claims
	for i := range 100 {
		token := []byte(forge(goodHeader, fmt.Sprintf(`{"sub":"subject %d","aud":"audience %d","jti":"%s"}`, i, i, strings.Repeat("x", i))))
		all = append(all, must(jeton.VerifyAs[jeton.Claims](context.Background(), v, string(token)))(t))
	}
	for i, c := range all {
		if c.Subject != fmt.Sprintf("subject %d", i) || c.Audience[0] != fmt.Sprintf("audience %d", i) || c.ID != strings.Repeat("x", i) {
			t.Fatalf("the claims of token %d became %+v", i, c)
		}
	}
}
