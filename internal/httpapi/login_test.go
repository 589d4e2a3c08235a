package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/jwk"
)

// RFC 6749 section 5.1.
func TestLoginAnswersWithAPairOfTokens(t *testing.T) {
	s := newService(t)
	a := s.login("alice", alicesWord).want(200, "")
	for name, want := range map[string]string{
		"Content-Type":  "application/json",
		"Cache-Control": "no-store",
		"Pragma":        "no-cache",
	} {
		if got := a.header.Values(name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var members map[string]any
	must(t, json.Unmarshal([]byte(a.body), &members))
	access, _ := members["access_token"].(string)
	refresh, _ := members["refresh_token"].(string)
	if strings.Count(access, ".") != 2 {
		t.Error("access_token is no JWT")
	}
	if !strings.HasPrefix(refresh, "jtr_") || len(refresh) != 76 {
		t.Error("refresh_token is not of the form that secret scanners know")
	}
	delete(members, "access_token")
	delete(members, "refresh_token")
	device, _ := members["device_token"].(string)
	if !strings.HasPrefix(device, "jtd_") || len(device) != 80 {
		t.Errorf("device_token is not of its form: %d characters", len(device))
	}
	delete(members, "device_token")
	if got := fmt.Sprint(members); got != "map[expires_in:300 scope:orders:read orders:write token_type:Bearer]" {
		t.Errorf("the rest is %s", got)
	}
}

// An API knows the issuer's URL and its own name, and no more.
func TestAnAPIVerifiesTheAccessTokenWithThePublishedKeys(t *testing.T) {
	s := newService(t)
	p := s.alice("audience", "billing", "scope", "orders:read")
	keys, err := jwk.ParseSet([]byte(s.do("GET", "/.well-known/jwks.json", "").want(200, "").body))
	must(t, err)
	v, err := jeton.NewVerifier(keys[0], jeton.Policy{Issuer: publicURL, Audience: "billing", Type: "at+jwt", Now: s.clock.Now})
	must(t, err)
	claims, err := jeton.VerifyAs[jeton.AccessClaims](t.Context(), v, p.Access)
	must(t, err)
	user, err := s.User(t.Context(), "alice")
	must(t, err)
	if claims.Subject != user.ID || claims.ClientID != "jeton-login" || claims.Scope != "orders:read" ||
		!slices.Equal(claims.Roles, []string{"clerk", "auditor"}) || claims.ID == "" || claims.SessionID == "" {
		t.Errorf("claims of RFC 9068: %+v", claims)
	}
	if got := claims.ExpiresAt.Time().Sub(s.clock.Now()).Seconds(); got != float64(p.ExpiresIn) {
		t.Errorf("exp is in %v s and expires_in says %d", got, p.ExpiresIn)
	}
}

func TestLoginGrantsWhatTheUserMayHave(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name            string
		user, word      string
		members         []string
		scope, audience string
	}{
		{"nothing asked: all scopes, the first audience", "alice", alicesWord, nil, "orders:read orders:write", "orders"},
		{"empty members are as absent", "alice", alicesWord, []string{"scope", "", "audience", "", "device", ""}, "orders:read orders:write", "orders"},
		{"one scope", "alice", alicesWord, []string{"scope", "orders:write"}, "orders:write", "orders"},
		{"a scope twice", "alice", alicesWord, []string{"scope", "orders:write orders:write"}, "orders:write", "orders"},
		{"a scope that she may not have", "alice", alicesWord, []string{"scope", "orders:read admin"}, "orders:read", "orders"},
		{"only scopes that she may not have", "alice", alicesWord, []string{"scope", "admin"}, "", "orders"},
		{"a user without scopes", "bob", bobsWord, []string{"scope", "orders:read"}, "", "orders"},
		{"another audience", "alice", alicesWord, []string{"audience", "billing"}, "orders:read orders:write", "billing"},
		{"another case of the name", "ALICE", alicesWord, nil, "orders:read orders:write", "orders"},
		{"members that nobody knows", "alice", alicesWord, []string{"otp", "123456", "Scope", "x"}, "orders:read orders:write", "orders"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.login(c.user, c.word, c.members...)
			p := a.pair()
			claims := s.claims(p.Access)
			if p.Scope != c.scope || fmt.Sprint(claims["aud"]) != c.audience {
				t.Errorf("scope %q for %v, want %q for %q", p.Scope, claims["aud"], c.scope, c.audience)
			}
			// The answer always says what was granted (RFC 6749 section 3.3).
			if !strings.Contains(a.body, `"scope":`) {
				t.Errorf("no scope in %s", a.body)
			}
			if got, _ := claims["scope"].(string); got != c.scope {
				t.Errorf("the token has the scope %q, want %q", got, c.scope)
			}
		})
	}
}

func TestLoginRefusesWhatIsMalformed(t *testing.T) {
	s := newService(t)
	good := `{"username":"alice","password":"` + alicesWord + `"}`
	with := func(member string) string { return strings.TrimSuffix(good, "}") + "," + member + "}" }
	pad := func(n int) string { return good + strings.Repeat(" ", n-len(good)) }
	for _, c := range []struct {
		name        string
		contentType string
		body        string
		status      int
		code        string
		says        string // a part of the description
	}{
		{"as it should be", "application/json", good, 200, "", ""},
		{"a parameter of the media type", "application/json; charset=utf-8", good, 200, "", ""},
		{"the media type in capitals", "Application/JSON", good, 200, "", ""},
		{"spaces around", "application/json", " \r\n\t" + good + "\n", 200, "", ""},
		{"escapes", "application/json", strings.Replace(good, "alice", `\u0061lice`, 1), 200, "", ""},
		{"16 KiB", "application/json", pad(16 << 10), 200, "", ""},

		{"more than 16 KiB", "application/json", pad(16<<10 + 1), 413, "invalid_request", "too large"},
		{"no media type", "", good, 415, "invalid_request", "application/json"},
		{"a form", "application/x-www-form-urlencoded", encode("username", "alice", "password", alicesWord), 415, "invalid_request", "application/json"},
		{"what a page of another site can send", "text/plain", good, 415, "invalid_request", "application/json"},
		{"another media type that is JSON", "application/problem+json", good, 415, "invalid_request", "application/json"},
		{"two media types", "application/json, text/plain", good, 415, "invalid_request", "application/json"},
		{"a media type and nonsense", "application/json; charset", good, 415, "invalid_request", "application/json"},

		{"no body", "application/json", "", 400, "invalid_request", "not one JSON object"},
		{"space", "application/json", "  ", 400, "invalid_request", "not one JSON object"},
		{"half of it", "application/json", good[:len(good)-1], 400, "invalid_request", "not one JSON object"},
		{"a second value", "application/json", good + good, 400, "invalid_request", "not one JSON object"},
		{"a comma too many", "application/json", strings.TrimSuffix(good, "}") + ",}", 400, "invalid_request", "not one JSON object"},
		{"a comment", "application/json", good + "// x", 400, "invalid_request", "not one JSON object"},
		{"a byte order mark", "application/json", "\uFEFF" + good, 400, "invalid_request", "not one JSON object"},
		{"null", "application/json", "null", 400, "invalid_request", "not one JSON object"},
		{"an array", "application/json", "[" + good + "]", 400, "invalid_request", "not one JSON object"},
		{"a string", "application/json", `"alice"`, 400, "invalid_request", "not one JSON object"},
		{"a form that claims to be JSON", "application/json", "username=alice", 400, "invalid_request", "not one JSON object"},
		{"invalid UTF-8", "application/json", strings.Replace(good, "alice", "al\xffice", 1), 400, "invalid_request", "not one JSON object"},
		{"half a surrogate pair", "application/json", strings.Replace(good, "alice", `\ud800`, 1), 400, "invalid_request", "not one JSON object"},
		{"deep nesting", "application/json", with(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)), 400, "invalid_request", ""},
		{"many members", "application/json", with(`"x":[` + strings.Repeat("1,", 1000) + "1]"), 400, "invalid_request", ""},

		{"a name twice", "application/json", with(`"username":"bob"`), 400, "invalid_request", "repeated"},
		{"a name twice, once escaped", "application/json", with(`"\u0075sername":"bob"`), 400, "invalid_request", "repeated"},
		{"a name twice, deep inside", "application/json", with(`"x":[{"a":1,"a":2}]`), 400, "invalid_request", "repeated"},
		{"a number for the user name", "application/json", `{"username":7,"password":"x"}`, 400, "invalid_request", "username"},
		{"null for the password", "application/json", `{"username":"alice","password":null}`, 400, "invalid_request", "password"},
		{"an array for the scope", "application/json", with(`"scope":["orders:read"]`), 400, "invalid_request", "scope"},
		{"an object for the device", "application/json", with(`"device":{}`), 400, "invalid_request", "device"},

		{"no user name", "application/json", `{"password":"` + alicesWord + `"}`, 400, "invalid_request", "username is missing"},
		{"no password", "application/json", `{"username":"alice"}`, 400, "invalid_request", "password is missing"},
		{"an empty object", "application/json", "{}", 400, "invalid_request", "username is missing"},
		{"an empty user name", "application/json", `{"username":"","password":"x"}`, 400, "invalid_request", "username is missing"},
		{"an empty password", "application/json", `{"username":"alice","password":""}`, 400, "invalid_request", "password is missing"},
		{"another case of a member", "application/json", `{"Username":"alice","password":"x"}`, 400, "invalid_request", "username is missing"},
		{"NUL in the user name", "application/json", `{"username":"alice\u0000","password":"` + alicesWord + `"}`, 400, "invalid_request", "NUL"},
		{"NUL in the password", "application/json", `{"username":"alice","password":"` + alicesWord + `\u0000x"}`, 400, "invalid_request", "NUL"},
		{"NUL as it is", "application/json", strings.Replace(good, "alice", "alice\x00", 1), 400, "invalid_request", "not one JSON object"},
		{"NUL in a member that nobody knows", "application/json", with(`"x":"\u0000"`), 400, "invalid_request", "NUL"},
		{"a space in the user name", "application/json", `{"username":"alice smith","password":"x"}`, 400, "invalid_request", "user name"},
		{"a long user name", "application/json", `{"username":"` + strings.Repeat("a", 129) + `","password":"x"}`, 400, "invalid_request", "user name"},
		{"a long password", "application/json", `{"username":"alice","password":"` + strings.Repeat("a", 1025) + `"}`, 400, "invalid_request", "password"},
		{"a long device", "application/json", with(`"device":"` + strings.Repeat("a", 129) + `"`), 400, "invalid_request", "device"},
		{"a line break in the device", "application/json", with(`"device":"a\nb"`), 400, "invalid_request", "device"},
		{"an unknown audience", "application/json", with(`"audience":"stock"`), 400, "invalid_target", ""},
		{"two audiences in one", "application/json", with(`"audience":"orders billing"`), 400, "invalid_target", ""},
		{"a scope that can't be one", "application/json", with(`"scope":"a\"b"`), 400, "invalid_scope", ""},
		{"a scope with a line break", "application/json", with(`"scope":"a\nb"`), 400, "invalid_scope", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.contentType != "" {
				header = []string{"Content-Type", c.contentType}
			}
			a := s.do("POST", "/v1/login", c.body, header...)
			if !a.is(c.status, c.code) || !strings.Contains(a.member("error_description"), c.says) {
				t.Errorf("got %d %s, want %d %s %q", a.status, a.body, c.status, c.code, c.says)
			}
		})
	}
}

// Nothing in the answer tells which accounts there are.
func TestLoginDoesNotTellWhyItRefused(t *testing.T) {
	s := newService(t)
	_, err := s.AddUser(t.Context(), issuer.NewUser{Name: "carol", Password: alicesWord})
	must(t, err)
	must(t, s.SetDisabled(t.Context(), "carol", true))
	want := s.login("alice", bobsWord).want(400, "invalid_grant").raw()
	for _, c := range []struct{ name, user, word string }{
		{"a user that there is not", "mallory", alicesWord},
		{"a user that there can't be for the store", strings.Repeat("m", 128), alicesWord},
		{"a disabled user with the right password", "carol", alicesWord},
		{"a disabled user with a wrong one", "carol", bobsWord},
		{"a wrong password that is almost right", "alice", alicesWord + "x"},
		{"another user's password", "bob", alicesWord},
		{"a short password", "alice", "x"},
	} {
		if got := s.login(c.user, c.word).raw(); got != want {
			t.Errorf("%s: got\n%s\nwant, as for a wrong password,\n%s", c.name, got, want)
		}
	}
}

// A session can't be fixated: nothing that a client sends becomes one.
func TestEachLoginOpensASessionOfItsOwn(t *testing.T) {
	s := newService(t)
	first := s.alice()
	body := fmt.Sprintf(`{"username":"alice","password":%q,"sid":%[2]q,"session_id":%[2]q,"id":%[2]q}`, alicesWord, s.sid(first.Access))
	second := s.json("/v1/login", body,
		"Cookie", "sid="+s.sid(first.Access),
		"Authorization", "Bearer "+first.Access,
		"X-Auth-Session-Id", s.sid(first.Access)).pair()
	if s.sid(first.Access) == s.sid(second.Access) || first.Refresh == second.Refresh {
		t.Error("the second login got the first one's session")
	}
	s.with(first.Access, "POST", "/v1/logout").want(204, "")
	s.alive(second)
}

func TestLoginIsNotInTheURL(t *testing.T) {
	s := newService(t)
	query := "?" + encode("username", "alice", "password", "x")
	s.do("POST", "/v1/login"+query, "", "Content-Type", "application/json").want(400, "invalid_request")
	s.json("/v1/login?x", `{"username":"alice","password":"`+alicesWord+`"}`).want(400, "invalid_request")
}

// All slots for hashing are taken, and the queue is one login long.
func TestLoginsBeyondWhatTheServiceCanHashAreTurnedAway(t *testing.T) {
	s := newService(t, setup{config: func(c *issuer.Config) {
		c.HashSlots, c.HashQueue, c.HashWait = 1, 1, 1
	}})
	// A hash that takes many times as long as all the requests do.
	_, err := s.store.CreateUser(t.Context(), issuer.User{ID: "slow", Name: "slow",
		PasswordHash: "$argon2id$v=19$m=65536,t=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"})
	must(t, err)
	answers := make([]answer, 8)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() { answers[i] = s.login("slow", alicesWord) })
	}
	wait.Wait()
	busy := 0
	for _, a := range answers {
		switch {
		case a.is(503, "temporarily_unavailable") && a.header.Get("Retry-After") != "":
			busy++
		case !a.is(400, "invalid_grant"):
			t.Errorf("got %s", a.raw())
		}
	}
	if busy == 0 || busy == len(answers) {
		t.Errorf("%d of %d logins were turned away", busy, len(answers))
	}
}

func TestARefusedLoginOpensNothing(t *testing.T) {
	s := newService(t)
	p := s.alice()
	s.login("alice", bobsWord).want(400, "invalid_grant")
	s.login("alice", alicesWord, "audience", "stock").want(400, "invalid_target")
	var list struct{ Sessions []any }
	must(t, json.Unmarshal([]byte(s.with(p.Access, http.MethodGet, "/v1/sessions").want(200, "").body), &list))
	if len(list.Sessions) != 1 {
		t.Errorf("%d sessions, want the first login's", len(list.Sessions))
	}
}
