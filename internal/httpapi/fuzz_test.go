package httpapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
)

// sane holds what a handler answers to a body against what every answer must
// be. No body is the service's fault.
func sane(t *testing.T, s *service, target, mediaType, body string) answer {
	t.Helper()
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{t, w.Code, w.Header(), w.Body.String()}
	checkAnswer(t, r, a)
	if a.status >= 500 {
		t.Errorf("got %s", a.raw())
	}
	return a
}

func FuzzLoginJSON(f *testing.F) {
	s := newService(f)
	for _, seed := range []string{
		`{"username":"alice","password":"` + alicesWord + `"}`,
		`{"username":"alice","password":"x","device":"phone","audience":"billing","scope":"orders:read"}`,
		`{"username":"\u0061","password":"\ud83d\ude00"}`,
		`{"username":null}`, `{"a":{"a":[{"a":1,"a":2}]}}`, `[]`, `"`, ``, "\x00", "{}{}", `{"username":"ſ","password":"\u0000"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if sane(t, s, "/v1/login", "application/json", body).status != 200 {
			return
		}
		// Another parser must read the same, up to what RFC 8265 makes equal.
		var sent map[string]any // a struct would take "Password" too
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatalf("logged in with %q: %v", body, err)
		}
		word, _ := sent["password"].(string)
		plain := strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return ' '
			}
			return r
		}, word)
		if plain != alicesWord {
			t.Errorf("logged in with %q", body)
		}
	})
}

func FuzzTokenForm(f *testing.F) {
	s := newService(f)
	p := s.alice()
	for _, seed := range []string{
		encode("grant_type", "refresh_token", "refresh_token", p.Refresh),
		encode("grant_type", "refresh_token", "refresh_token", p.Refresh, "scope", "orders:read", "client_id", "jeton-login"),
		encode("grant_type", "refresh_token", "refresh_token", "jtr_AQE"+strings.Repeat("A", 69), "token", "x"),
		"grant_type=refresh_token&grant_type=x", "a=%00&%zz", "token=" + p.Access, ";", "&&&", "=", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		sane(t, s, "/oauth/token", "application/x-www-form-urlencoded", body)
		// What was a token above may be revoked now: either way it must not fail.
		sane(t, s, "/oauth/revoke", "application/x-www-form-urlencoded", body)
	})
}
