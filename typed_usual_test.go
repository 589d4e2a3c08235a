package jeton_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

// usualPayloads are what the short cut of VerifyAs takes: everything that it has a
// rule for is in one of them.
var usualPayloads = []string{
	`{"iss":"https://auth.example","sub":"s","aud":"orders","exp":1800000300,"nbf":1700000000,"iat":17,"jti":"j","text":"t","list":["a","b"],"yes":true}`,
	`{"until":1800000300,"aaaaaaaaaaaaaaaa":"x","stranger":1,"odd":false,"s":"t","exp":1800000300,"aud":["a","bc"],"named":"n"}`,
}

// A text that is usual almost everywhere is read as it would be without the short
// cut: cut off anywhere, with any byte anywhere.
func TestUsualClaimsAreReadAsAllOthers(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), lenient)
	same := func(payload string) {
		token := forge(goodHeader, payload)
		sameTyped[everyKind](t, v, token)
		sameTyped[jeton.AccessClaims](t, v, token)
	}
	for _, payload := range usualPayloads {
		if !jeton.DecodesUsual[everyKind](payload) {
			t.Fatalf("%s is not read by the short cut", payload)
		}
		for i := range len(payload) + 1 {
			same(payload[:i])
			same(payload[:i] + "}")
			for _, c := range []byte("\"\\:,{}[]0-.t \n\x80") {
				if i < len(payload) {
					same(payload[:i] + string([]byte{c}) + payload[i+1:])
				}
				same(payload[:i] + string([]byte{c}) + payload[i:])
			}
		}
	}
}

// What the short cut must leave to the others, and what it need not.
func TestShortCutForUsualClaims(t *testing.T) {
	const tail = `,"text":"a longer text at the end"}`
	for _, c := range []struct {
		payload string
		usual   bool
	}{
		{`{"sub":"s"` + tail, true},
		{`{"stranger":"s","other":1,"third":true` + tail, true},
		{`{"text":"first, where it is last in the struct","iss":"i","exp":1800000300}`, true},
		{`{"exp":253402300799` + tail, true},
		{`{"exp":253402300800` + tail, false}, // after the year 9999
		{`{"exp":0` + tail, false},
		{`{"a":0` + tail, true},
		{`{"a":00` + tail, false},
		{`{"a":-1` + tail, false},
		{`{"a":1e3` + tail, false},
		{`{"a8":127,"u8":255,"a16":32767,"u16":65535,"a32":2147483647,"u32":4294967295,"a64":123456789012345678,"u64":123456789012345678` + tail, true},
		{`{"a8":128` + tail, false},
		{`{"u8":256` + tail, false},
		{`{"a32":2147483648` + tail, false},
		{`{"u64":1234567890123456789` + tail, false},
		{`{"exp":01800000300` + tail, false},
		{`{"exp":-1800000300` + tail, false},
		{`{"exp":1800000300.5` + tail, false},
		{`{"exp":"1800000300"` + tail, false},
		{`{"exp":1800000300000000000` + tail, false},
		{`{"exp":1234567890123456789` + tail, false},
		{`{"sub":1800000300` + tail, false},
		{`{"sub":"a","sub":"b"` + tail, false},
		{`{"text":"a"` + tail, false},
		{`{"stranger":"a","stranger":"a"` + tail, false},
		{`{"aud":[]` + tail, false},
		{`{"aud":["a"]` + tail, true},
		{`{"aud":["a",1]` + tail, false},
		{`{"aud":["a",]` + tail, false},
		{`{"aud":["a" ,"b"]` + tail, false},
		{`{"aud":null` + tail, false},
		{`{"list":[]` + tail, false},
		{`{"list":["a","b","c","d","e","f"]` + tail, true},
		{`{"yes":1` + tail, false},
		{`{"yes":tru` + tail, false},
		{`{"yes":false` + tail, true},
		{`{"yes":` + tail, false}, // nothing where a value should be
		{`{"stranger":` + tail, false},
		{`{"sub":` + tail, false},
		{`{"a":` + tail, false},
		{`{"list":` + tail, false},
		{`{"a name that is rather long":["a"],"yes":true` + tail, true},
		{`{"yes":true,"a name that is rather long":["a"]` + tail, true},
		{`{"until":1,"a name that is rather long":["behind one that comes later in the struct"]` + tail, true},
		{`{"sub":"\n"` + tail, false},
		{`{"sub":"` + "\n" + `"` + tail, false},
		{`{"sub":"é"` + tail, false},
		{`{"s\u0075b":"s"` + tail, false},
		{`{"sub": "s"` + tail, false},
		{`{"sub":"s"` + tail + " ", false},
		{`{"sub":"s"` + tail + "}", false},
		{`{"sub":{}` + tail, false},
		{`{"stranger":{"a":1}` + tail, false},
		{`{"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1` + tail, true},
		{`{"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1` + tail, false}, // more strangers than it remembers
		{"{\"aaaaaaaaaaaaaaaa\":\"own\",\"caaaaaaa`aaaaaaa\":\"has its key\"" + tail, true},
		{`{}`, false},
		{``, false},
		{`{`, false},
		{`[]`, false},
	} {
		if got := jeton.DecodesUsual[everyKind](c.payload); got != c.usual {
			t.Errorf("%s: usual is %t", c.payload, got)
		}
		sameTyped[everyKind](t, testVerifier(t, hmacKey(t).Public(), lenient), forge(goodHeader, c.payload))
	}
}

// The short cut keeps to the limits.
func TestUsualClaimsWithinTheLimits(t *testing.T) {
	for _, limits := range []jeton.Limits{{Members: 1}, {Members: 8}, {Members: 12}, {Members: 13}, {Depth: 1}, {Depth: 2}} {
		v := testVerifier(t, hmacKey(t).Public(), lenient, func(p *jeton.Policy) { p.Limits = limits })
		for n := range 14 {
			list := strings.TrimSuffix(strings.Repeat(`"a",`, n), ",")
			for _, payload := range []string{
				fmt.Sprintf(`{"exp":1800000300,"list":[%s]}`, list),
				fmt.Sprintf(`{"aud":[%s],"exp":1800000300}`, list),
				fmt.Sprintf(`{"aud":[%s],"exp":1800000300,"stranger":12345678}`, list),
			} {
				sameTyped[everyKind](t, v, forge(goodHeader, payload))
			}
		}
	}
}

// Every list and text of many tokens of every length stays what it was, however
// the memory behind them is shared.
func TestUsualClaimsStayWhatTheyWere(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), lenient)
	claims := map[int]jeton.AccessClaims{}
	for n := range 700 {
		token := forge(goodHeader, fmt.Sprintf(`{"sub":"%s","roles":["role %d","%[1]s"],"exp":1800000300}`, strings.Repeat("x", n), n))
		claims[n] = must(jeton.VerifyAs[jeton.AccessClaims](t.Context(), v, token))(t)
		// One that is not authentic comes between.
		if _, err := jeton.VerifyAs[jeton.AccessClaims](t.Context(), v, token[:len(token)-1]); err == nil {
			t.Fatal("a token without its end is accepted")
		}
	}
	for n, c := range claims {
		if c.Subject != strings.Repeat("x", n) || len(c.Roles) != 2 || c.Roles[0] != fmt.Sprintf("role %d", n) || c.Roles[1] != c.Subject {
			t.Fatalf("the claims of token %d became %+v", n, c)
		}
	}
}
