package jeton_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// claims is a good claims set in which one member is replaced, added, or, with
// the value "", left out.
func claims(name, value string) string {
	set := ""
	add := func(n, v string) {
		if n == name {
			v, name = value, "" // used up
		}
		if v != "" {
			set += `,"` + n + `":` + v
		}
	}
	add("iss", `"https://auth.example"`)
	add("sub", `"subject-canary"`)
	add("aud", `"orders"`)
	add("exp", `1800000300`)
	if name != "" {
		add(name, value)
	}
	return "{" + set[1:] + "}"
}

func TestRefusesNumericDates(t *testing.T) {
	var rows []refusal
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, value := range []string{
			`"1800000300"`, `""`, `"never"`, `null`, `true`, `false`, `{}`, `{"s":1800000300}`, `[]`, `[1800000300]`,
			`0`, `-0`, `0.0`, `0e5`, `-1`, `-1800000300`, `-0.5`, `0.0000000001`, `1e-10`, `1e-400`, `1e-99999`,
			`1e300`, `1e12`, `253402300800`, `253402300799.000000001`, `2534023007990`,
			`9007199254740993`, `9223372036854775807`, `9223372036854775808`, `18446744073709551616`, `18446744073709551917`,
			`1800000300000`, // milliseconds
			`1e` + strings.Repeat("0", 300) + `20`,
		} {
			rows = append(rows, refusal{name: fmt.Sprintf("A11 %s %.40s", name, value), payload: claims(name, value), want: jeton.ErrClaimType})
		}
		for _, value := range []string{`1e400`, `1E400`, `-1e400`, `1e99999`, `1e99999999999999999999`, strings.Repeat("9", 4000)} {
			rows = append(rows, refusal{name: fmt.Sprintf("A11 %s %.40s", name, value), payload: claims(name, value), want: jeton.ErrNumberRange})
		}
		for _, value := range []string{`NaN`, `Infinity`, `-Infinity`, `+1800000300`, `01800000300`, `0x6b49d22c`, `1800000300.`, `.5`, `1e`, `1e+`, `1_800_000_300`, `1800000300n`, `--1`, `1800000300f`} {
			rows = append(rows, refusal{name: "A11 " + name + " " + value, payload: claims(name, value), want: jeton.ErrJSON})
		}
	}
	testRefusals(t, rows)
}

func TestAcceptsEverySpellingOfANumericDate(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) { p.Limits.TokenBytes = 20_000 })
	for value, want := range map[string]time.Time{
		`1800000300`:                     time.Unix(1800000300, 0),
		`1800000300.0`:                   time.Unix(1800000300, 0),
		`1800000300.5`:                   time.Unix(1800000300, 500_000_000),
		`1.8000003e9`:                    time.Unix(1800000300, 0),
		`1.8000003E+9`:                   time.Unix(1800000300, 0),
		`18000003e2`:                     time.Unix(1800000300, 0),
		`18000003000e-1`:                 time.Unix(1800000300, 0),
		`18000003009e-1`:                 time.Unix(1800000300, 900_000_000),
		`1800000300.9999999999999999999`: time.Unix(1800000300, 999_999_999),
		`0.18000003e10`:                  time.Unix(1800000300, 0),
		`18000003` + strings.Repeat("0", 4000) + `e-3998`:  time.Unix(1800000300, 0),
		`0.` + strings.Repeat("0", 3000) + `18000003e3010`: time.Unix(1800000300, 0),
		`253402300799`: time.Unix(253402300799, 0),
	} {
		verified, err := v.Verify(context.Background(), forge(goodHeader, claims("exp", value)))
		if err != nil {
			t.Errorf("exp %.40s: %v", value, err)
		} else if got := verified.ExpiresAt().Time(); !got.Equal(want) {
			t.Errorf("exp %.40s is %s, want %s", value, got, want)
		}
	}
}

func TestRefusesClaimsOfAWrongType(t *testing.T) {
	var rows []refusal
	for _, name := range []string{"iss", "sub", "jti"} {
		for _, value := range []string{`17`, `null`, `true`, `{}`, `[]`, `["https://auth.example"]`, `{"https://auth.example":1}`, `1.5`} {
			rows = append(rows, refusal{name: "A15 " + name + " " + value, payload: claims(name, value), want: jeton.ErrClaimType})
		}
	}
	for _, value := range []string{
		`17`, `null`, `true`, `{}`, `{"orders":true}`, `[]`, `[null]`, `["orders",null]`, `["orders",17]`, `["orders",["orders"]]`, `[["orders"]]`, `["orders",{}]`, `[{}]`, `[17,"orders"]`,
	} {
		rows = append(rows, refusal{name: "A14 aud " + value, payload: claims("aud", value), want: jeton.ErrClaimType})
	}
	testRefusals(t, rows)
	// A waived claim is not a claim that may be anything.
	for _, r := range rows {
		r.name += ", waived"
		r.policy = func(p *jeton.Policy) {
			*p = jeton.Policy{AnyIssuer: true, AnyAudience: true, AnyType: true, AllowMissingExpiration: true, Now: p.Now}
		}
		testRefusals(t, []refusal{r})
	}
}

func TestRefusesIssuersAudiencesAndTypes(t *testing.T) {
	rows := []refusal{
		{name: "A15 no issuer", payload: claims("iss", ""), want: jeton.ErrMissingClaim},
		{name: "A15 an empty issuer", payload: claims("iss", `""`), want: jeton.ErrMissingClaim},
		{name: "A7 an issuer in upper case only", payload: `{"ISS":"https://auth.example","sub":"subject-canary","aud":"orders","exp":1800000300}`, want: jeton.ErrMissingClaim},
		{name: "A14 no audience", payload: claims("aud", ""), want: jeton.ErrMissingClaim},
		{name: "A7 an audience in upper case only", payload: `{"iss":"https://auth.example","sub":"subject-canary","Aud":"orders","exp":1800000300}`, want: jeton.ErrMissingClaim},
		{name: "A7 an expiry in upper case only", payload: `{"iss":"https://auth.example","sub":"subject-canary","aud":"orders","EXP":1800000300}`, want: jeton.ErrMissingClaim},
		{name: "A12 no expiry", payload: claims("exp", ""), want: jeton.ErrMissingClaim},
		{name: "A14 an empty audience", payload: claims("aud", `""`), want: jeton.ErrAudience},
		{name: "A14 audiences that are empty", payload: claims("aud", `["",""]`), want: jeton.ErrAudience},
		{name: "A14 audiences in one string", payload: claims("aud", `"billing orders"`), want: jeton.ErrAudience},
		{name: "A14 audiences in one string with commas", payload: claims("aud", `"orders,billing"`), want: jeton.ErrAudience},
		{name: "A14 another audience", payload: claims("aud", `["billing","stock"]`), want: jeton.ErrAudience},
	}
	for _, iss := range []string{
		"https://auth.example/", "https://auth.example ", " https://auth.example", "HTTPS://AUTH.EXAMPLE", "https://Auth.example", "http://auth.example",
		"https://auth.example.attacker.example", "https://auth.exampl", "https://auth.example/tenant", "auth.example", "https://auth.example:443", "https://аuth.example", "*",
	} {
		rows = append(rows, refusal{name: "A15 iss " + iss, payload: claims("iss", `"`+iss+`"`), want: jeton.ErrIssuer})
	}
	for _, aud := range []string{"Orders", "ORDERS", "orders ", " orders", "orders/", "order", "orders2", "оrders", "*", `orders\n`} {
		rows = append(rows,
			refusal{name: "A14 aud " + aud, payload: claims("aud", `"`+aud+`"`), want: jeton.ErrAudience},
			refusal{name: "A14 aud of " + aud, payload: claims("aud", `["`+aud+`"]`), want: jeton.ErrAudience},
		)
	}
	for _, typ := range []string{"at+jwt", "application/at+jwt", "dpop+jwt", "JWE", "JOSE", "JWT ", "JWTx", "x/JWT", "application/application/JWT", "/JWT", "application/", "text/JWT", "secretaries/JWT", "JWT;q=1", ""} {
		rows = append(rows, refusal{name: "A16 typ " + typ, header: `{"alg":"HS256","typ":"` + typ + `"}`, want: jeton.ErrType})
	}
	rows = append(rows,
		refusal{name: "A16 no typ", header: `{"alg":"HS256"}`, want: jeton.ErrType},
		refusal{name: "A16 no typ for half a media type", header: `{"alg":"HS256"}`, policy: func(p *jeton.Policy) { p.Type = "application/" }, want: jeton.ErrType},
		refusal{name: "A16 an ID token shown as an access token", policy: func(p *jeton.Policy) { p.Type = "at+jwt" }, want: jeton.ErrType},
	)
	testRefusals(t, rows)

	for _, c := range []struct {
		name, header, payload string
		policy                func(*jeton.Policy)
	}{
		{name: "one audience in an array", payload: claims("aud", `["orders"]`)},
		{name: "one audience of several", payload: claims("aud", `["billing","orders","stock"]`)},
		{name: "an audience twice", payload: claims("aud", `["orders","orders"]`)},
		{name: "an audience in escapes", payload: claims("aud", `"\u006frders"`)},
		{name: "an issuer in escapes", payload: claims("iss", `"https:\/\/auth.example"`)},
		{name: "no subject", payload: claims("sub", "")},
		{name: "any audience", payload: claims("aud", ""), policy: func(p *jeton.Policy) { p.Audience, p.AnyAudience = "", true }},
		{name: "any issuer", payload: claims("iss", ""), policy: func(p *jeton.Policy) { p.Issuer, p.AnyIssuer = "", true }},
		{name: "any type", header: `{"alg":"HS256"}`, policy: func(p *jeton.Policy) { p.Type, p.AnyType = "", true }},
		{name: "no expiry", payload: claims("exp", ""), policy: func(p *jeton.Policy) { p.AllowMissingExpiration = true }},
		{name: "the full media type", header: `{"alg":"HS256","typ":"application/JWT"}`},
		{name: "the full media type in the policy", policy: func(p *jeton.Policy) { p.Type = "Application/Jwt" }},
		{name: "a type with another tree", header: `{"alg":"HS256","typ":"x/JWT"}`, policy: func(p *jeton.Policy) { p.Type = "X/jwt" }},
	} {
		if c.header == "" {
			c.header = goodHeader
		}
		if c.payload == "" {
			c.payload = goodPayload
		}
		change := func(p *jeton.Policy) {
			if c.policy != nil {
				c.policy(p)
			}
		}
		if _, err := testVerifier(t, hmacKey(t).Public(), change).Verify(context.Background(), forge(c.header, c.payload)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRefusesClaimsThatAreNoOneObject(t *testing.T) {
	with := func(more string) string { return goodPayload[:len(goodPayload)-1] + "," + more + "}" }
	testRefusals(t, []refusal{
		{name: "A13 null", payload: `null`, want: jeton.ErrNotObject},
		{name: "A13 an array", payload: `[` + goodPayload + `]`, want: jeton.ErrNotObject},
		{name: "A13 an empty array", payload: `[]`, want: jeton.ErrNotObject},
		{name: "A13 a string", payload: `"subject-canary"`, want: jeton.ErrNotObject},
		{name: "A13 a number", payload: `1800000300`, want: jeton.ErrNotObject},
		{name: "A13 true", payload: `true`, want: jeton.ErrNotObject},
		{name: "A13 false", payload: `false`, want: jeton.ErrNotObject},
		{name: "A13 white space", payload: "  \n", want: jeton.ErrJSON},
		{name: "A13 text", payload: "subject-canary", want: jeton.ErrJSON},
		{name: "A13 cut off", payload: goodPayload[:len(goodPayload)-1], want: jeton.ErrJSON},
		{name: "A13 a second object", payload: goodPayload + goodPayload, want: jeton.ErrTrailingData},
		{name: "A13 a second object after a line", payload: goodPayload + "\n{}", want: jeton.ErrTrailingData},
		{name: "A13 a brace too many", payload: goodPayload + "}", want: jeton.ErrTrailingData},
		{name: "A13 a comma behind it", payload: goodPayload + ",", want: jeton.ErrTrailingData},
		{name: "A13 NUL behind it", payload: goodPayload + "\x00", want: jeton.ErrTrailingData},
		{name: "A13 a no-break space behind it", payload: goodPayload + "\u00a0", want: jeton.ErrTrailingData},
		{name: "A13 a BOM", payload: "\ufeff" + goodPayload, want: jeton.ErrJSON},
		{name: "A13 a BOM behind it", payload: goodPayload + "\ufeff", want: jeton.ErrTrailingData},
		{name: "A13 a form feed before it", payload: "\f" + goodPayload, want: jeton.ErrJSON},
		{name: "A13 NUL in a string", payload: with("\"x\":\"a\x00b\""), want: jeton.ErrJSON},
		{name: "A13 NUL escaped", payload: with(`"x":"a\u0000b"`), want: jeton.ErrJSON},
		{name: "A13 NUL escaped in a name", payload: with(`"sub\u0000":"a"`), want: jeton.ErrJSON},
		{name: "A13 NUL escaped in the subject", payload: claims("sub", `"admin\u0000canary"`), want: jeton.ErrJSON},
		{name: "A13 a line feed in a string", payload: with("\"x\":\"a\nb\""), want: jeton.ErrJSON},
		{name: "A13 a lone first surrogate", payload: with(`"x":"\ud800"`), want: jeton.ErrJSON},
		{name: "A13 a lone second surrogate", payload: with(`"x":"\udc00"`), want: jeton.ErrJSON},
		{name: "A13 surrogates in the wrong order", payload: with(`"x":"\udc00\ud800"`), want: jeton.ErrJSON},
		{name: "A13 two first surrogates", payload: with(`"x":"\ud800\ud800"`), want: jeton.ErrJSON},
		{name: "A13 a first surrogate before text", payload: with(`"x":"\ud800abcdef"`), want: jeton.ErrJSON},
		{name: "A13 a lone surrogate in a name", payload: with(`"\udfff":1`), want: jeton.ErrJSON},
		{name: "A13 not UTF-8", payload: claims("sub", "\"subject-\xff\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 not UTF-8 in a name", payload: with("\"\xfe\":1"), want: jeton.ErrInvalidUTF8},
		{name: "A13 UTF-8 cut off", payload: with("\"x\":\"\xe2\x82\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 UTF-8 too long", payload: with("\"x\":\"\xc0\xaf\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 a surrogate in UTF-8", payload: with("\"x\":\"\xed\xa0\x80\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 beyond Unicode", payload: with("\"x\":\"\xf4\x90\x80\x80\""), want: jeton.ErrInvalidUTF8},
		{name: "A13 an escape that is none", payload: with(`"x":"\x41"`), want: jeton.ErrJSON},
		{name: "A13 an escape cut off", payload: with(`"x":"\u12"`), want: jeton.ErrJSON},
		{name: "A13 a comma too many", payload: with(`"x":[1,]`), want: jeton.ErrJSON},
		{name: "A13 a name without quotes", payload: with(`x:1`), want: jeton.ErrJSON},
		{name: "A13 a comment", payload: goodPayload + "// comment", want: jeton.ErrTrailingData},

		{name: "A7 exp twice", payload: with(`"exp":9999999999`), want: jeton.ErrDuplicateMember},
		{name: "A7 sub twice", payload: with(`"sub":"somebody-else"`), want: jeton.ErrDuplicateMember},
		{name: "A7 sub twice, the same", payload: with(`"sub":"subject-canary"`), want: jeton.ErrDuplicateMember},
		{name: "A7 aud twice, escaped", payload: with(`"\u0061ud":"billing"`), want: jeton.ErrDuplicateMember},
		{name: "A7 aud twice, escaped in upper case", payload: with(`"a\u0075\u0064":"billing"`), want: jeton.ErrDuplicateMember},
		{name: "A7 a claim of one's own twice", payload: with(`"tenant":"a","tenant":"b"`), want: jeton.ErrDuplicateMember},
		{name: "A7 an empty name twice", payload: with(`"":1,"":2`), want: jeton.ErrDuplicateMember},
		{name: "A7 a pair of surrogates and itself", payload: with(`"\ud83d\ude00":1,"😀":2`), want: jeton.ErrDuplicateMember},
		{name: "A7 twice in an object", payload: with(`"cnf":{"jkt":"aaaa","jkt":"bbbb"}`), want: jeton.ErrDuplicateMember},
		{name: "A7 twice in an object in arrays", payload: with(`"x":[1,[{"a":1,"b":{},"a":2}]]`), want: jeton.ErrDuplicateMember},
		{name: "A7 twice around an object", payload: with(`"x":{"a":1,"b":{"a":2,"c":{"a":3}},"a":4}`), want: jeton.ErrDuplicateMember},

		{name: "A10 nested 17 deep", payload: with(`"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), want: jeton.ErrTooDeep},
		{name: "A10 objects nested 17 deep", payload: with(`"x":` + strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16)), want: jeton.ErrTooDeep},
		{name: "A10 thousands deep", payload: strings.Repeat("[", 5000), want: jeton.ErrTooDeep},
		{name: "A13 a number beyond a double", payload: with(`"x":1e400`), want: jeton.ErrNumberRange},
		{name: "A13 a number beyond a double, nested", payload: with(`"x":[{"y":-1e309}]`), want: jeton.ErrNumberRange},
		{name: "A10 513 elements and members", payload: with(`"x":[` + strings.Repeat("1,", 507) + `1]`), want: jeton.ErrTooManyMembers},
		{name: "A10 513 elements in many arrays", payload: with(`"x":[` + strings.Repeat("[1],", 253) + `[1],1,1]`), want: jeton.ErrTooManyMembers},
	})

	v := testVerifier(t, hmacKey(t).Public())
	for name, payload := range map[string]string{
		"nested 16 deep":                with(`"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15)),
		"512 elements and members":      with(`"x":[` + strings.Repeat("1,", 506) + `1]`),
		"a name in two objects":         with(`"x":[{"a":1},{"a":{"a":1}}]`),
		"the name of a claim inside":    with(`"act":{"sub":"somebody","iss":17}`),
		"claims in upper case":          with(`"SUB":"somebody","Exp":"never"`),
		"names that look alike":         with(`"\u00e9":1,"e\u0301":2`),
		"a pair of surrogates":          with(`"x":"\ud83d\ude00"`),
		"the replacement character":     with(`"x":"\ufffd�"`),
		"white space where JSON has it": "\r\n\t {\"iss\" : \"https://auth.example\",\n\"aud\":\t\"orders\" , \"exp\":1800000300 } \n",
		"the largest double":            with(`"x":1.7976931348623157e308`),
		"every kind of value":           with(`"x":[null,true,false,0,-0,1.5e-7,"",[],{}]`),
	} {
		verified, err := v.Verify(context.Background(), forge(goodHeader, payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(verified.Payload()) != payload {
			t.Errorf("%s: the payload is not what was signed", name)
		}
	}
}

// A claim in another case is another claim: it fills no field and waives nothing.
func TestClaimsAreReadByExactName(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	token := forge(goodHeader, goodPayload[:len(goodPayload)-1]+`,"SUB":"admin","Jti":"x","TENANT":"other","tenant":"acme"}`)
	type custom struct {
		jeton.Claims
		Tenant string `json:"tenant"`
	}
	got := must(jeton.VerifyAs[custom](context.Background(), v, token))(t)
	if got.Subject != "subject-canary" || got.ID != "" || got.Tenant != "acme" {
		t.Errorf("%+v", got)
	}
}
