package lint_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/lint"
	"github.com/jeton-go/jeton/unverified"
)

var now = time.Unix(1_900_000_000, 0)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

const (
	goodHeader = `{"alg":"ES256","kid":"k1","typ":"at+jwt"}`
	goodClaims = `{"iss":"https://auth.example","sub":"u-1","aud":"orders","exp":1900000300,"iat":1900000000,"jti":"j","client_id":"c","scope":"a b","sid":"s","roles":["clerk"]}`
)

// signed appends a signature as long as one of ES256.
func signed(header, claims string) string {
	return b64(header) + "." + b64(claims) + "." + b64(strings.Repeat("s", 64))
}

func hs256(header, claims, secret string) string {
	text := b64(header) + "." + b64(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func ids(found []lint.Finding) (out []string) {
	for _, f := range found {
		out = append(out, f.ID)
	}
	return out
}

func TestAGoodTokenHasNoFinding(t *testing.T) {
	for _, token := range []string{
		signed(goodHeader, goodClaims),
		signed(strings.Replace(goodHeader, "k1", "arn-aws-kms--1", 1), goodClaims),
		signed(strings.Replace(goodHeader, `"at+jwt"`, `"dpop+jwt","jwk":{}`, 1), goodClaims),
	} {
		if found := lint.Check(token, now); len(found) > 0 {
			t.Errorf("%v", found)
		}
	}
}

// with changes the good header or the good claims.
func with(old, new string) string {
	if strings.Contains(goodHeader, old) {
		return signed(strings.Replace(goodHeader, old, new, 1), goodClaims)
	}
	if !strings.Contains(goodClaims, old) {
		panic(old)
	}
	return signed(goodHeader, strings.Replace(goodClaims, old, new, 1))
}

func TestEveryRuleHasATokenThatBreaksIt(t *testing.T) {
	good := signed(goodHeader, goodClaims)
	const hs = `{"alg":"HS256","kid":"k1","typ":"at+jwt"}`
	cases := []struct{ id, token string }{
		{"not-a-token", "nonsense"}, {"not-a-token", ""}, {"not-a-token", "a.b.c.d"}, {"not-a-token", `{"payload":""}`}, {"not-a-token", strings.Repeat("x", 1<<17)},
		{"encrypted", "a.b.c.d.e"},
		{"white-space", " " + good}, {"white-space", good + "\n"},
		{"base64url", good + "=="}, {"base64url", strings.Replace(good, ".", "=.", 1)},
		{"json", signed(goodHeader, goodClaims+"x")}, {"json", signed(goodHeader, `[1]`)}, {"json", signed(`"x"`, goodClaims)},
		{"duplicate-member", with(`"sub"`, `"sub":"u-2","sub"`)}, {"duplicate-member", with(`"alg"`, `"alg":"none","alg"`)},
		{"too-large", with("u-1", strings.Repeat("u", 9000))}, {"large", with("u-1", strings.Repeat("u", 4000))},
		{"no-signature", b64(goodHeader) + "." + b64(goodClaims) + "."}, {"no-signature", b64(goodHeader) + "." + b64(goodClaims)},
		{"alg-none", with("ES256", "none")}, {"alg-none", with("ES256", "nOnE")}, {"alg-missing", with(`"alg":"ES256",`, "")}, {"alg-unknown", with("ES256", "ES256K1")},
		{"alg-hmac", hs256(hs, goodClaims, "no word that is on any list")},
		{"weak-secret", hs256(hs, goodClaims, "secret")}, {"weak-secret", hs256(hs, goodClaims, "your-256-bit-secret")},
		{"weak-secret", hs256(hs, goodClaims, "secretsecretsecretsecretsecretse")}, {"weak-secret", hs256(hs, goodClaims, "")},
		{"weak-secret", hs256(hs, goodClaims, "https://auth.example")}, {"weak-secret", hs256(hs, goodClaims, "k1")}, {"weak-secret", hs256(hs, goodClaims, "orders-secret")},
		{"signature-length", b64(goodHeader) + "." + b64(goodClaims) + "." + b64(strings.Repeat("s", 70))}, {"rsa-short", with("ES256", "RS256")},
		{"typ-missing", with(`,"typ":"at+jwt"`, "")}, {"typ-generic", with("at+jwt", "jwt")}, {"kid-missing", with(`"kid":"k1",`, "")},
		{"kid-injection", with("k1", "../../dev/null")}, {"kid-injection", with("k1", "/dev/null")}, {"kid-injection", with("k1", "x' UNION SELECT 'k")}, {"kid-injection", with("k1", "k1;ls")},
		{"kid-injection", with("k1", "https://evil.example/k")}, {"kid-injection", with("k1", "$(id)")}, {"kid-injection", with("k1", `k\u0001`)}, {"kid-injection", with("k1", `C:\\k`)}, {"kid-injection", with("k1", "1 --")},
		{"kid-slash", with("k1", "arn:aws:kms:eu:1:key/2")},
		{"key-address", with(`"kid"`, `"jku":"https://evil.example","kid"`)}, {"key-address", with(`"kid"`, `"x5u":"https://evil.example","kid"`)},
		{"key-inside", with(`"kid"`, `"jwk":{},"kid"`)}, {"key-inside", with(`"kid"`, `"x5c":[],"kid"`)},
		{"crit", with(`"kid"`, `"crit":["exp"],"kid"`)}, {"b64", with(`"kid"`, `"b64":false,"kid"`)}, {"zip", with(`"kid"`, `"zip":"DEF","kid"`)},
		{"exp-missing", with(`"exp":1900000300,`, "")}, {"exp-missing", with(`1900000300`, "null")}, {"iss-missing", with(`"iss":"https://auth.example",`, "")}, {"aud-missing", with(`"aud":"orders",`, "")},
		{"aud-any", with(`"orders"`, `""`)}, {"aud-any", with(`"orders"`, `[]`)}, {"aud-any", with(`"orders"`, `"*"`)}, {"aud-any", with(`"orders"`, `["orders",""]`)},
		{"iss-clear-text", with("https://", "http://")}, {"sub-missing", with(`"sub":"u-1",`, "")}, {"iat-missing", with(`"iat":1900000000,`, "")}, {"at-jwt-claims", with(`"jti":"j",`, "")},
		{"date-type", with("1900000300", `"1900000300"`)}, {"date-type", with("1900000000", `{}`)}, {"date-milliseconds", with("1900000300", "1900000300000")}, {"date-milliseconds", with("1900000000", "1900000000000")},
		{"exp-before-start", with(`"iat":1900000000`, `"iat":1900000400`)}, {"exp-before-start", with(`"jti"`, `"nbf":1900000300,"jti"`)}, {"iat-future", with(`"iat":1900000000`, `"iat":1900000100`)},
		{"long-life", with("1900000300", "1900200000")}, {"very-long-life", with("1900000300", "1990000000")}, {"very-long-life", signed(goodHeader, `{"exp":1990000000}`)}, {"expired", signed(goodHeader, `{"exp":1800000000}`)},
		{"prototype", with(`"sid"`, `"__proto__":{},"sid"`)},
		{"refused", with("k1", strings.Repeat("k", 200))},
	}
	for _, member := range []string{
		`"password":"x"`, `"user":{"Password":"x"}`, `"list":[{"api_key":"x"}]`, `"clientSecret":"x"`, `"db_password":"x"`, `"note":"-----BEGIN RSA PRIVATE KEY-----\nx"`, `"k":"AKIAABCDEFGHIJKLMNOP"`,
		`"r":"jtr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`, `"h":"$2b$12$abc"`, `"t":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0."`, `"u":"postgres://u:p@h/x"`, `"h":"$argon2id$v=19"`,
	} {
		cases = append(cases, struct{ id, token string }{"secret-inside", with(`"sid"`, member+`,"sid"`)})
	}
	for _, member := range []string{
		`"email":"x"`, `"user":{"phone_number":"x"}`, `"givenName":"x"`, `"c":"alice@example.com"`, `"c":["+49 30 1234567"]`, `"c":"4111 1111 1111 1111"`, `"date-of-birth":"x"`, `"c":"078-05-1120"`,
	} {
		cases = append(cases, struct{ id, token string }{"personal-data", with(`"sid"`, member+`,"sid"`)})
	}
	broken := make(map[string]bool)
	for _, c := range cases {
		found := lint.Check(c.token, now)
		if !slices.Contains(ids(found), c.id) {
			t.Errorf("%s: %.200s has the findings %v", c.id, c.token, ids(found))
		}
		broken[c.id] = true
	}
	for _, rule := range lint.Rules() {
		if !broken[rule.ID] {
			t.Errorf("no token of the test breaks %s", rule.ID)
		}
	}
}

// What is common and harmless is left in peace.
func TestWhatIsNoFinding(t *testing.T) {
	for _, c := range []struct{ id, token string }{
		{"secret-inside", with(`"sid"`, `"password":false,"has_password":true,"secret":null,"token_type":"x","scope2":"read:secrets","sid"`)},
		{"personal-data", with(`"sid"`, `"email_verified":true,"username":"x","c":"4111 1111 1111 1112","n":"1900000000","sid"`)},
		{"kid-injection", with("k1", "2024-01-01--a")}, {"kid-injection", with("k1", "a.b_c-d")}, {"aud-any", with(`"orders"`, `["orders","billing"]`)},
		{"iss-clear-text", with("https://auth.example", "http://localhost:8080")}, {"long-life", with("1900000300", "1900086400")}, {"iat-future", with(`"iat":1900000000`, `"iat":1900000020`)},
		{"date-milliseconds", with("1900000300", "99999999999")}, {"weak-secret", hs256(goodHeader, goodClaims, "secret")}, {"signature-length", with("ES256", "PS256")},
	} {
		if found := lint.Check(c.token, now); slices.Contains(ids(found), c.id) {
			t.Errorf("%s: %.200s: %v", c.id, c.token, found)
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	found := lint.Check(hs256(`{"alg":"HS256"}`, `{"email":"x"}`, "secret"), now)
	if len(found) < 5 || !slices.IsSortedFunc(found, func(a, b lint.Finding) int {
		order := []lint.Severity{lint.Error, lint.Warning, lint.Note}
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	}) {
		t.Errorf("%v", ids(found))
	}
}

func TestADateInMillisecondsIsReadForTheWriter(t *testing.T) {
	for _, f := range lint.Check(with("1900000300", "1900000300000"), now) {
		if f.ID == "date-milliseconds" && f.Detail == "exp is meant to be 2030-03-17T17:51:40Z" {
			return
		}
	}
	t.Error("no such detail")
}

// FuzzCheck: whatever a verifier would refuse by itself is an error here, and no
// finding gives away what the token holds.
func FuzzCheck(f *testing.F) {
	f.Add(goodHeader, goodClaims, "sig")
	f.Add(`{"alg":"HS256","kid":"../x"}`, `{"password":"Zm9vYmFyYmF6","e":"alice@example.com","exp":"x"}`, "")
	f.Add(`{"alg":"none"}`, `[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]`, "x")
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		token := b64(header) + "." + b64(claims) + "." + b64(signature)
		found := lint.Check(token, now)
		seen, err := unverified.Decode(token)
		if refused := err != nil || len(seen.Problems) > 0; refused && !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Severity == lint.Error }) {
			t.Errorf("%q %q: refused, and no error in %v", header, claims, found)
		}
		for _, f := range found {
			if len(token) > 50 && strings.Contains(fmt.Sprint(f), token) {
				t.Errorf("the token is in %v", f)
			}
		}
	})
}

func TestFindingsHoldNoValue(t *testing.T) {
	token := signed(`{"alg":"VALUE1","kid":"../VALUE2","typ":"VALUE3","jku":"VALUE4"}`,
		`{"password":"VALUE5","email":"VALUE6@example.com","iss":"http://VALUE7","aud":["VALUE8*"],"sub":"VALUE9","exp":"VALUE10","x":{"y":"+49 30 1234567"}}`)
	if text := fmt.Sprintf("%+v", lint.Check(token, now)); strings.Contains(text, "VALUE") || strings.Contains(text, "1234567") || strings.Contains(text, token) {
		t.Error(text)
	}
}

// The page has every rule; the test writes its table if told to.
func TestThePageHasEveryRule(t *testing.T) {
	const page = "../../docs/lint.md"
	var table strings.Builder
	table.WriteString("\n| id | severity | why it matters | what to do |\n|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", r.ID, r.Severity, r.Why, r.Do)
	}
	table.WriteString("\n")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?s)^(.*<!-- rules: [^\n]*-->\n)(.*)(<!-- end of rules -->.*)$`).FindStringSubmatch(string(text))
	if parts == nil {
		t.Fatal("docs/lint.md has no marks around its table")
	}
	if parts[2] == table.String() {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatal("the table in docs/lint.md is not that of the rules: UPDATE_DOCS=1 go test ./internal/lint makes it")
	}
	if err := os.WriteFile(page, []byte(parts[1]+table.String()+parts[3]), 0o644); err != nil {
		t.Fatal(err)
	}
}
