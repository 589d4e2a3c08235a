package httpauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/verify-in-go.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The document shows the example's code as it stands: every block that is marked
// FILE#REGION is that region, and no region is left out.
func TestDocumentShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_verify_test.go")
	if err != nil {
		t.Fatal(err)
	}
	regions := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?ms)^// docs:start (\S+)\n(.*?)^// docs:end$`).FindAllStringSubmatch(string(source), -1) {
		regions[m[1]] = strings.TrimSpace(m[2])
	}
	shown := make(map[string]string)
	for _, m := range regexp.MustCompile("(?ms)^```go example_verify_test\\.go#(\\S+)\n(.*?)^```$").FindAllStringSubmatch(document(t), -1) {
		shown[m[1]] = strings.TrimSpace(m[2])
	}
	if len(regions) == 0 || len(regions) != len(shown) {
		t.Errorf("%d regions, %d of them in the document", len(regions), len(shown))
	}
	for name, code := range regions {
		if shown[name] != code {
			t.Errorf("the document shows another %s:\n%s\nthe example has:\n%s", name, shown[name], code)
		}
	}
}

// The document's table and its log lines are what the code says.
func TestDocumentTellsTheAnswers(t *testing.T) {
	k := newKeys(t)
	auth := newAuth(t, k.public, policy(), httpauth.Options{})
	down := newAuth(t, keySet{jeton.ErrKeysUnavailable}, policy(), httpauth.Options{})
	token := "Bearer " + k.sign(t, good().without("scope").without("roles"))
	text := document(t)
	for _, c := range []struct {
		auth   *httpauth.Auth
		r      *http.Request
		logged bool
	}{
		{auth, request(), true},
		{auth, request(token, token), true},
		{auth, request("Bearer " + k.sign(t, good().with("iat", 1).with("exp", 2))), false},
		{auth, request("Bearer " + k.sign(t, good().with("aud", "invoices"))), true},
		{auth.Require(httpauth.Scope("orders:read")), request("Bearer " + k.sign(t, good().with("scope", "profile"))), true},
		{auth.Require(httpauth.Role("admin")), request(token), false},
		{down, request(token), false},
	} {
		_, err := c.auth.Check(c.r)
		if err == nil {
			t.Fatal("accepted")
		}
		row := fmt.Sprintf("| %d | `%s` |", httpauth.Status(err), c.auth.Challenge(err))
		if errors.Is(err, httpauth.ErrUnavailable) {
			w := httptest.NewRecorder()
			c.auth.WriteError(w, err)
			row = fmt.Sprintf("| %d | none; `Retry-After: %s` |", w.Code, w.Header().Get("Retry-After"))
		}
		if !strings.Contains(text, row) {
			t.Errorf("no row ends with %s", row)
		}
		if line := "\n    " + err.Error() + "\n"; c.logged && !strings.Contains(text, line) {
			t.Errorf("no log line %s", line)
		}
	}
}

// The example's handler, behind an Auth that lets a token through.
func TestExampleHandler(t *testing.T) {
	k := newKeys(t)
	h := newAuth(t, k.public, policy(), httpauth.Options{}).Handler(http.HandlerFunc(listOrders))
	for _, c := range []struct {
		claims claims
		want   string
	}{
		{good().with("tenant", "acme"), "200 orders of alice at acme\n"},
		{good().with("tenant", 7), "403 claims of another shape\n"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("Bearer "+k.sign(t, c.claims)))
		if got := fmt.Sprint(w.Code, " ", w.Body); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	w := httptest.NewRecorder()
	listOrders(w, request())
	if w.Code != http.StatusInternalServerError {
		t.Errorf("without httpauth: %d", w.Code)
	}
}
