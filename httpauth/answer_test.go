package httpauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

const refused = `Bearer realm="api", error="invalid_token", error_description="The access token is not accepted"`

// sentinels are what Check returns for each code of an answer.
var sentinels = map[string]error{
	"unauthorized":            httpauth.ErrNoToken,
	"invalid_request":         httpauth.ErrBadRequest,
	"invalid_token":           httpauth.ErrInvalidToken,
	"insufficient_scope":      httpauth.ErrInsufficientScope,
	"temporarily_unavailable": httpauth.ErrUnavailable,
}

// Status, challenge and body for every reason to refuse, through a real server.
func TestAnswers(t *testing.T) {
	k, others := newKeys(t), newKeys(t)
	revoked, stale, foreign := policy(), policy(), policy()
	revoked.Revocations = revocations{fmt.Errorf("session: %w", jeton.ErrRevoked)}
	stale.Revocations = revocations{errors.New("the feed is stale")}
	foreign.Revocations = revocations{fmt.Errorf("tenant: %w", jeton.ErrClaims)}

	scope := []httpauth.Requirement{httpauth.Scope("orders:read", "orders:delete")}
	role := []httpauth.Requirement{httpauth.Scope("orders:read"), httpauth.Role("admin", "owner")}
	const (
		malformed = `Bearer realm="api", error="invalid_request", error_description="Send exactly one token, as one Authorization header with Bearer, one space and the token"`
		forbidden = `Bearer realm="api", error="insufficient_scope", error_description="The access token does not grant this"`
	)
	// {"alg":"none","typ":"at+jwt"}, {"sub":"alice"} and a signature of nothing.
	const unsecured = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhbGljZSJ9.AA"
	bearer := func(keys keys, c claims) []string { return []string{"Bearer " + keys.sign(t, c)} }
	for _, c := range []struct {
		name      string
		headers   []string
		keys      jeton.KeySet
		policy    jeton.Policy
		require   []httpauth.Requirement
		status    int
		challenge string
		code      string
	}{
		{"no token", nil, k.public, policy(), nil, 401, `Bearer realm="api"`, "unauthorized"},
		{"no token where scope is needed", nil, k.public, policy(), scope, 401, `Bearer realm="api"`, "unauthorized"},
		{"another scheme", []string{"Basic YWxpY2U6c2VjcmV0"}, k.public, policy(), nil, 401, `Bearer realm="api"`, "unauthorized"},
		{"bad form", []string{"Bearer a b"}, k.public, policy(), nil, 400, malformed, "invalid_request"},
		{"no JWT", []string{"Bearer abc"}, k.public, policy(), nil, 401, refused, "invalid_token"},
		{"another's signature", bearer(others, good()), k.public, policy(), nil, 401, refused, "invalid_token"},
		{"another algorithm", bearer(newKeysFor(t, jeton.HS512), good()), k.public, policy(), nil, 401, refused, "invalid_token"},
		{"no algorithm", []string{"Bearer " + unsecured}, k.public, policy(), nil, 401, refused, "invalid_token"},
		{"another audience", bearer(k, good().with("aud", "invoices")), k.public, policy(), nil, 401, refused, "invalid_token"},
		{"another issuer", bearer(k, good().with("iss", "https://evil.example")), k.public, policy(), nil, 401, refused, "invalid_token"},
		{"not valid yet", bearer(k, good().with("nbf", now.Unix()+120)), k.public, policy(), nil, 401, refused, "invalid_token"},
		{"expired", bearer(k, good().with("iat", 1).with("exp", now.Unix()-60)), k.public, policy(), nil, 401,
			`Bearer realm="api", error="invalid_token", error_description="The access token expired"`, "invalid_token"},
		{"revoked", bearer(k, good()), k.public, revoked, nil, 401, refused, "invalid_token"},
		{"claims that don't fit", bearer(k, good()), k.public, foreign, nil, 401, refused, "invalid_token"},
		{"unknown key", bearer(k, good()), keySet{jeton.ErrUnknownKey}, policy(), nil, 401, refused, "invalid_token"},

		{"no scope", bearer(k, good()), k.public, policy(), scope, 403, forbidden + `, scope="orders:read orders:delete"`, "insufficient_scope"},
		{"no role", bearer(k, good()), k.public, policy(), role, 403, forbidden, "insufficient_scope"},
		{"a bad token where scope is needed", []string{"Bearer abc"}, k.public, policy(), scope, 401, refused, "invalid_token"},

		{"no keys", bearer(k, good()), keySet{jeton.ErrKeysUnavailable}, policy(), nil, 503, "", "temporarily_unavailable"},
		{"no keys, and so this one unknown", bearer(k, good()), keySet{errors.Join(jeton.ErrUnknownKey, jeton.ErrKeysUnavailable)}, policy(), nil, 503, "", "temporarily_unavailable"},
		{"another module's key set fails", bearer(k, good()), keySet{errDown}, policy(), nil, 503, "", "temporarily_unavailable"},
		{"a key of the set is refused", bearer(k, good()), keySet{jeton.ErrWeakKey}, policy(), nil, 503, "", "temporarily_unavailable"},
		{"revocations can't be told", bearer(k, good()), k.public, stale, nil, 503, "", "temporarily_unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var refusals []error
			auth := newAuth(t, c.keys, c.policy, httpauth.Options{
				OnRefuse: func(_ *http.Request, err error) { refusals = append(refusals, err) },
			}).Require(c.require...)
			server := httptest.NewServer(auth.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				t.Error("the handler ran")
			})))
			defer server.Close()
			req, err := http.NewRequest(http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header["Authorization"] = c.headers
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := strings.Join(resp.Header.Values("WWW-Authenticate"), " | "); got != c.challenge {
				t.Errorf("challenge %s\nwant      %s", got, c.challenge)
			}
			if got := resp.Header.Get("Retry-After"); (got != "") != (c.status == 503) {
				t.Errorf("Retry-After %q with status %d", got, c.status)
			}
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			var body map[string]string
			if err := json.Unmarshal(text, &body); err != nil {
				t.Fatalf("body %q: %v", text, err)
			}
			if len(body) != 2 || body["error"] != c.code || body["error_description"] == "" {
				t.Errorf("body %s, want the error %q and a description", text, c.code)
			}
			if len(refusals) != 1 {
				t.Fatalf("OnRefuse was called %d times", len(refusals))
			}
			if sentinel := sentinels[c.code]; !errors.Is(refusals[0], sentinel) || errors.Is(refusals[0], httpauth.ErrInvalidToken) != (sentinel == httpauth.ErrInvalidToken) {
				t.Errorf("error %v, want %v alone", refusals[0], sentinel)
			}
			parts := httpauth.AnswerTo(refusals[0])
			if parts.Status != c.status || parts.Code != c.code || parts.Description != body["error_description"] ||
				(parts.Scope != "") != strings.Contains(c.challenge, `scope="`+parts.Scope+`"`) {
				t.Errorf("parts %+v of the answer %s", parts, text)
			}
			checkSecrecy(t, c.headers, text, resp.Header, refusals[0])
		})
	}
}

// checkSecrecy fails if an answer or an error holds a part of a token or a
// claim's value.
func checkSecrecy(t *testing.T, headers []string, body []byte, h http.Header, err error) {
	t.Helper()
	said := fmt.Sprintf("%s %v %v %+v", body, h, err, err)
	secrets := []string{"alice", "invoices", "evil.example", "clerk", "YWxpY2U6c2VjcmV0"}
	for _, header := range headers {
		for _, part := range strings.FieldsFunc(header, func(r rune) bool { return r == '.' || r == ' ' }) {
			if len(part) > 10 {
				secrets = append(secrets, part)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			t.Errorf("%q is in the answer or the error: %s", secret, said)
		}
	}
}

// The challenges of RFC 6750 section 3, to the letter.
func TestExamplesOfRFC6750(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{Realm: "example"})
	_, none := auth.Check(request())
	_, expired := auth.Check(request("Bearer " + k.sign(t, good().with("iat", 1).with("exp", 2))))
	for _, c := range []struct {
		err  error
		want string
	}{
		{none, `Bearer realm="example"`},
		{expired, `Bearer realm="example", error="invalid_token", error_description="The access token expired"`},
	} {
		if got := auth.Challenge(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// What is wrong with a token stays visible through the error of Check.
func TestErrorsTellTheReason(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	_, err := auth.Check(request("Bearer " + k.sign(t, good().with("aud", "invoices"))))
	if !errors.Is(err, httpauth.ErrInvalidToken) || !errors.Is(err, jeton.ErrAudience) || jeton.ReasonCode(err) != "audience" {
		t.Errorf("%v, reason %q", err, jeton.ReasonCode(err))
	}
	auth = newAuth(t, keySet{errDown}, policy(), httpauth.Options{})
	_, err = auth.Check(request("Bearer " + k.sign(t, good())))
	if !errors.Is(err, httpauth.ErrUnavailable) || !errors.Is(err, errDown) || errors.Is(err, httpauth.ErrInvalidToken) {
		t.Errorf("%v", err)
	}
}

// Who operates the API reads what a token lacks, and who sent it does not.
func TestErrorsTellWhatIsLacking(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	scope, role := auth.Require(httpauth.Scope("orders:delete")), auth.Require(httpauth.Role("owner"))
	for _, c := range []struct {
		auth   *httpauth.Auth
		claims claims
		want   string
	}{
		{scope, good(), "no such scope"},
		{scope, good().without("scope"), "no scope claim that is a string"},
		{scope, good().with("scope", []string{"orders:delete"}), "no scope claim that is a string"},
		{role, good(), "no such role"},
		{role, good().without("roles"), "no roles claim that is an array of strings"},
		{role, good().with("roles", "owner"), "no roles claim that is an array of strings"},
	} {
		_, err := c.auth.Check(request("Bearer " + k.sign(t, c.claims)))
		if want := "httpauth: token grants too little: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// An error needs not come from Check: a program that verifies by itself, or has a
// finer requirement, answers with the same table.
func TestAnswersToOtherErrors(t *testing.T) {
	auth := newAuth(t, newKeys(t).public, policy(), httpauth.Options{})
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("verify: %w", jeton.ErrExpired), 401},
		{jeton.ErrSignature, 401},
		{jeton.ErrTokenTooLarge, 401},
		{jeton.ErrClaims, 401},
		{httpauth.ErrInvalidToken, 401},
		{fmt.Errorf("%w: another's order", httpauth.ErrInsufficientScope), 403},
		{jeton.ErrKeysUnavailable, 503},
		{errors.Join(jeton.ErrExpired, jeton.ErrKeysUnavailable), 503},
		{errors.Join(jeton.ErrExpired, httpauth.ErrUnavailable), 503},
		{jeton.ErrInvalidPolicy, 503},
		{context.Canceled, 503},
		{errors.New("disk full"), 503},
		{nil, 503},
	} {
		w := httptest.NewRecorder()
		auth.WriteError(w, c.err)
		if w.Code != c.want || httpauth.Status(c.err) != c.want {
			t.Errorf("%v: answer %d, status %d, want %d", c.err, w.Code, httpauth.Status(c.err), c.want)
		}
		if (w.Header().Get("WWW-Authenticate") == "") != (c.want == 503) {
			t.Errorf("%v: challenge %q", c.err, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// The wait for keys ends with the request, and that is not the token's fault.
func TestCheckHonoursTheContext(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, waiting{}, policy(), httpauth.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := auth.Check(request("Bearer " + k.sign(t, good())).WithContext(ctx))
	if !errors.Is(err, httpauth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// waiting is a key set that never has a key.
type waiting struct{}

func (waiting) FindKey(ctx context.Context, _ jeton.Header) (*jeton.VerifyingKey, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
