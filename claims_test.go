package jeton_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
)

func TestAudienceHasTwoForms(t *testing.T) {
	for text, want := range map[string]jeton.Audience{
		`"orders"`: {"orders"}, `""`: {""}, `["orders"]`: {"orders"}, `["a","b"]`: {"a", "b"}, `[ "a" , "\u0062" ]`: {"a", "b"},
	} {
		var got jeton.Audience
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		`null`: jeton.ErrClaimType, `[]`: jeton.ErrClaimType, `17`: jeton.ErrClaimType, `{}`: jeton.ErrClaimType, `["a",17]`: jeton.ErrClaimType, `[null]`: jeton.ErrClaimType,
		`[["a"]]`: jeton.ErrClaimType, `["\u0000"]`: jeton.ErrJSON, `"\ud800"`: jeton.ErrJSON, "[\"\xff\"]": jeton.ErrInvalidUTF8, `["a"`: jeton.ErrJSON, ``: jeton.ErrJSON, `"a" "b"`: jeton.ErrTrailingData,
		`[{"a":1,"a":2}]`: jeton.ErrDuplicateMember, strings.Repeat("[", 100): jeton.ErrTooDeep,
	} {
		got := jeton.Audience{"kept"}
		refused(t, got.UnmarshalJSON([]byte(text)), want, text)
		if !reflect.DeepEqual(got, jeton.Audience{"kept"}) {
			t.Errorf("%s left %q", text, got)
		}
	}
	for text, a := range map[string]jeton.Audience{`"orders"`: {"orders"}, `["a","b"]`: {"a", "b"}} {
		if got := string(must(json.Marshal(a))(t)); got != text {
			t.Errorf("%q is written as %s", a, got)
		}
	}
	for _, a := range []jeton.Audience{{}, {""}, {"a", ""}} {
		text, err := a.MarshalJSON()
		if text != nil {
			t.Errorf("%q is written as %s", a, text)
		}
		refused(t, err, jeton.ErrClaims)
	}
	for _, a := range []jeton.Audience{{"a\xff"}, {"a", "\xff"}} {
		if _, err := a.MarshalJSON(); !is(err, jeton.ErrInvalidUTF8) {
			t.Errorf("%q is written: %v", a, err)
		}
	}
	a := jeton.Audience{"orders", "stock"}
	for name, want := range map[string]bool{"orders": true, "stock": true, "Orders": false, "order": false, "": false, "orders stock": false} {
		if a.Contains(name) != want {
			t.Errorf("%q contains %q: %t", a, name, !want)
		}
	}
}

// RFC 6749 section 3.3 has one delimiter. Another white space belongs to a name
// that nobody granted.
func TestScopesAreDelimitedBySpaces(t *testing.T) {
	for scope, want := range map[string][]string{
		"": nil, " ": nil, "a": {"a"}, "a b": {"a", "b"}, "  a   b ": {"a", "b"}, "a\u00a0b": {"a\u00a0b"}, "a\tb": {"a\tb"}, "a\u2028b": {"a\u2028b"}, "a,b": {"a,b"},
	} {
		c := jeton.AccessClaims{Scope: scope}
		if got := c.Scopes(); strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("%q has the scopes %q", scope, got)
		}
	}
}

func TestClaimsAreWrittenAsRegistered(t *testing.T) {
	c := jeton.AccessClaims{
		Claims:   jeton.Claims{Issuer: "i", Subject: "s", Audience: jeton.Audience{"a"}, ExpiresAt: jeton.At(now), NotBefore: jeton.At(now), IssuedAt: jeton.At(now), ID: "j"},
		ClientID: "c", SessionID: "sid", Scope: "x y", Roles: []string{"r"},
	}
	const want = `{"iss":"i","sub":"s","aud":"a","exp":1800000000,"nbf":1800000000,"iat":1800000000,"jti":"j","client_id":"c","sid":"sid","scope":"x y","roles":["r"]}`
	if got := string(must(json.Marshal(c))(t)); got != want {
		t.Errorf("%s", got)
	}
	var back jeton.AccessClaims
	if err := json.Unmarshal([]byte(want), &back); err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("%+v, %v", back, err)
	}
	if got := string(must(json.Marshal(jeton.AccessClaims{}))(t)); got != "{}" {
		t.Errorf("nothing is written as %s", got)
	}
}

func TestVerifiedGivesEveryClaim(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	payload := goodPayload[:len(goodPayload)-1] + `,"jti":"j1","iat":1799999999,"sid":"s1","admin":false,"n":1e2,"none":null,"\u0065scaped":"\u00e9","list":[1, 2]}`
	verified := must(v.Verify(context.Background(), forge(goodHeader, payload)))(t)
	if verified.Issuer() != testIssuer || verified.Subject() != "subject-canary" || verified.ID() != "j1" || verified.ExpiresAt().Time().Unix() != 1800000300 || verified.IssuedAt().Time().Unix() != 1799999999 {
		t.Errorf("%+v", verified.Claims())
	}
	for name, want := range map[string]string{"sid": `"s1"`, "admin": "false", "n": "1e2", "none": "null", "escaped": `"\u00e9"`, "list": "[1, 2]", "aud": `"orders"`} {
		if got, ok := verified.Claim(name); !ok || string(got) != want {
			t.Errorf("%s is %s, %t", name, got, ok)
		}
	}
	for _, name := range []string{"", "SID", "sid ", "absent", `\u0065scaped`} {
		if got, ok := verified.Claim(name); ok || got != nil {
			t.Errorf("%q is %s", name, got)
		}
	}
	for name, want := range map[string]string{"sid": "s1", "escaped": "é", "admin": "", "n": "", "none": "", "absent": ""} {
		if got := verified.StringClaim(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if verified.Key().Algorithm() != jeton.HS256 || string(verified.Payload()) != payload {
		t.Errorf("%s", verified.Payload())
	}
}

func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	payload := goodPayload[:len(goodPayload)-1] + `,"tenant":"tenant-canary","level":1.5,"roles":["role-canary",17],"auth_time":"1800000000","map":{"name-canary":"value-canary"}}`
	verified := must(v.Verify(context.Background(), forge(goodHeader, payload)))(t)
	for name, dst := range map[string]any{
		"tenant": &struct {
			V int `json:"tenant"`
		}{},
		"level": &struct {
			V int `json:"level"`
		}{},
		"roles": &struct {
			V []string `json:"roles"`
		}{},
		"auth_time": &struct {
			V jeton.NumericDate `json:"auth_time"`
		}{},
		"map": &struct {
			V map[string]int `json:"map"`
		}{},
		"exp": &struct {
			V string `json:"exp"`
		}{},
	} {
		err := verified.Decode(dst)
		refused(t, err, jeton.ErrClaims, payload, "tenant-canary", "role-canary", "name-canary", "value-canary", "1800000000", "1800000300")
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error %v does not say which", name, err)
		}
	}
	for name, dst := range map[string]any{"nothing": nil, "no pointer": jeton.Claims{}, "a nil pointer": (*jeton.Claims)(nil), "an array": new([]string), "a string": new(string), "a channel": new(chan int)} {
		if err := verified.Decode(dst); !is(err, jeton.ErrClaims) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var all map[string]any
	if err := verified.Decode(&all); err != nil || all["level"] != 1.5 || len(all) != 9 {
		t.Errorf("%v, %v", all, err)
	}
}

// A T that holds half of the claims when the other half does not fit is not
// handed out.
func TestVerifyAsIsAllOrNothing(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	type custom struct {
		jeton.Claims
		Level int `json:"level"`
	}
	got, err := jeton.VerifyAs[custom](context.Background(), v, forge(goodHeader, goodPayload[:len(goodPayload)-1]+`,"level":"high"}`))
	refused(t, err, jeton.ErrClaims)
	if !reflect.DeepEqual(got, custom{}) {
		t.Errorf("%+v beside %v", got, err)
	}
}

// Claims that stand inside a claim are that claim's, not the token's: an actor
// (RFC 8693 section 4.1) is not the subject.
func TestClaimsInsideAClaimAreItsOwn(t *testing.T) {
	type actor struct {
		jeton.Claims
		Role string `json:"role"`
	}
	type custom struct {
		jeton.Claims
		Act     actor            `json:"act"`
		Pointer *actor           `json:"pointer"`
		Plain   jeton.Claims     `json:"plain"`
		List    []actor          `json:"list"`
		Array   [1]actor         `json:"array"`
		Map     map[string]actor `json:"map"`
		Deep    struct {
			Act actor `json:"act"`
		} `json:"deep"`
	}
	const one, list = `{"sub":"actor","role":"r"}`, `[{"sub":"actor","role":"r"}]`
	payload := goodPayload[:len(goodPayload)-1] + `,"act":` + one + `,"pointer":` + one + `,"plain":` + one + `,"list":` + list + `,"array":` + list + `,"map":{"m":` + one + `},"deep":{"act":` + one + `}}`
	v := testVerifier(t, hmacKey(t).Public())
	got := must(jeton.VerifyAs[custom](context.Background(), v, forge(goodHeader, payload)))(t)
	want := actor{jeton.Claims{Subject: "actor"}, "r"}
	wanted := custom{Claims: goodClaims(), Act: want, Pointer: &want, Plain: want.Claims, List: []actor{want}, Array: [1]actor{want}, Map: map[string]actor{"m": want}}
	wanted.Deep.Act = want
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%+v\nwant %+v", got, wanted)
	}
	for name, got := range map[string]any{
		"a map":       must(jeton.VerifyAs[map[string]any](context.Background(), v, forge(goodHeader, payload)))(t)["act"],
		"the subject": got.Subject,
	} {
		if name == "a map" && got.(map[string]any)["sub"] != "actor" || name == "the subject" && got != "subject-canary" {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Absent inside is absent, though the token has it.
	if got := must(jeton.VerifyAs[custom](context.Background(), v, forge(goodHeader, goodPayload[:len(goodPayload)-1]+`,"act":{}}`)))(t); !reflect.DeepEqual(got.Act, actor{}) {
		t.Errorf("an actor of nothing is %+v", got.Act)
	}
}

// A Verified that no verifier made says nothing, and does not crash.
func TestVerifiedThatNobodyMade(t *testing.T) {
	v := new(jeton.Verified)
	if v.Issuer() != "" || v.Subject() != "" || v.ID() != "" || v.StringClaim("sub") != "" || len(v.Payload()) != 0 || v.Key() != nil || v.Header() != (jeton.Header{}) || !v.ExpiresAt().IsZero() {
		t.Errorf("%+v", v)
	}
	if value, ok := v.Claim("sub"); ok {
		t.Errorf("sub is %s", value)
	}
	var c jeton.Claims
	refused(t, v.Decode(&c), jeton.ErrClaims)
}
