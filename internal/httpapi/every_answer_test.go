package httpapi_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/internal/strictjson"
)

// What holds for every answer is checked on every answer that any test gets.

var (
	// description is the character set of RFC 6749 section 5.2.
	description = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)
	requestID   = regexp.MustCompile(`^[\w.-]{1,64}$`)
	errorCode   = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	// secrets are passwords, refresh tokens, and JWTs.
	secrets = regexp.MustCompile(marker + `|jtr_[\w-]{8}|eyJ[\w-]{8}`)
)

// noSecret fails the test if a text that leaves the service has a secret in it.
func noSecret(t testing.TB, what, text string) {
	if found := secrets.FindString(text); found != "" {
		t.Errorf("%s has a secret in it (%q): %s", what, found, text)
	}
}

func checkAnswer(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s: %s\n%s", r.Method, r.URL, fmt.Sprintf(format, args...), a.raw())
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		bad("without nosniff")
	}
	if id := a.header.Values("X-Request-Id"); len(id) != 1 || !requestID.MatchString(id[0]) {
		bad("with X-Request-Id %q", id)
	}
	for name := range a.header {
		if name == "Set-Cookie" || name == "Location" || strings.HasPrefix(name, "Access-Control-") {
			bad("with %s", name)
		}
	}
	if a.header.Get("Cache-Control") == "" {
		bad("without Cache-Control")
	}
	recordAnswer(t, r, a)
	if a.status < 400 {
		return
	}
	if got := a.header.Values("Content-Type"); !slices.Equal(got, []string{"application/json"}) {
		bad("an error with Content-Type %q", got)
	}
	if got := a.header.Values("Cache-Control"); !slices.Equal(got, []string{"no-store"}) {
		bad("an error with Cache-Control %q", got)
	}
	for status, name := range map[int]string{401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"} {
		if a.status == status && a.header.Get(name) == "" {
			bad("%d without %s", status, name)
		}
	}
	for name, values := range a.header {
		noSecret(t, "the header "+name, strings.Join(values, "\n"))
	}
	if r.Method == "HEAD" {
		return
	}
	var body struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	var members map[string]any
	if err := strictjson.Unmarshal([]byte(a.body), &body, strictjson.Limits{}); err != nil {
		bad("an error whose body is no JSON object: %v", err)
	}
	if json.Unmarshal([]byte(a.body), &members) != nil || len(members) != 2 {
		bad("an error with other members than error and error_description")
	}
	if !errorCode.MatchString(body.Code) {
		bad("error is %q", body.Code)
	}
	if !description.MatchString(body.Description) {
		bad("error_description is %q", body.Description)
	}
	noSecret(t, "an error", a.body)
	if strings.Contains(a.body, "disk") {
		bad("an error that tells what is wrong inside")
	}
}

// report is one call of OnError.
type report struct {
	status int
	text   string // the error
	err    error
}

func (s *service) report(r *http.Request, status int, err error) {
	noSecret(s.t, "OnError's error", err.Error())
	noSecret(s.t, "OnError's request", fmt.Sprintf("%+v %+v %s %s", r, r.Header, r.URL, r.RequestURI))
	s.mu.Lock()
	defer s.mu.Unlock()
	number := r.Header.Get("X-Request-Number")
	s.reports[number] = append(s.reports[number], report{status, err.Error(), err})
}

// checkReports checks that OnError was told of an error once, and of nothing
// else.
func (s *service) checkReports(r *http.Request, a answer) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.reports[r.Header.Get("X-Request-Number")]
	switch {
	case a.status < 400 && len(got) > 0:
		s.t.Errorf("%s %s: %d, and OnError was told %v", r.Method, r.URL, a.status, got)
	case a.status >= 400 && (len(got) != 1 || got[0].status != a.status):
		s.t.Errorf("%s %s: %d, and OnError was told %v", r.Method, r.URL, a.status, got)
	}
}

// outcome is one line of the tables in docs/http-api.md.
type outcome struct {
	route  string // "GET /verify"; "" if it is none
	status int
	code   string // "" if it is no error
}

func (o outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", o.route, o.status, o.code))
}

// seen are the outcomes of all tests.
var seen struct {
	sync.Mutex
	outcomes map[outcome]bool
}

// routes finds the route of a request, as a client sees it.
var routes = sync.OnceValue(func() *http.ServeMux {
	mux := http.NewServeMux()
	for _, pattern := range slices.Concat(httpapi.PublicRoutes(), httpapi.AdminRoutes()) {
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	return mux
})

// recordAnswer notes an answer, and fails the test if the reference does not
// have it.
func recordAnswer(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	code := a.code()
	if r.Method == "HEAD" {
		return // its body, and so its code, is not to be seen
	}
	probe := httptest.NewRequest(r.Method, "/", nil)
	probe.URL.Path, probe.URL.RawPath = r.URL.Path, r.URL.RawPath
	_, pattern := routes().Handler(probe)
	o := outcome{pattern, a.status, code}
	seen.Lock()
	defer seen.Unlock()
	if seen.outcomes == nil {
		seen.outcomes = map[outcome]bool{}
	}
	seen.outcomes[o] = true
	if !reference(t).has(o) {
		t.Errorf("docs/http-api.md does not tell of this answer: %s\n%s", o, a.raw())
	}
}

// TestMain looks, after all tests, for answers in the reference that none of them
// got.
func TestMain(m *testing.M) {
	status := m.Run()
	if status == 0 && wholeRun() {
		if missing := unseen(); len(missing) > 0 {
			fmt.Printf("FAIL: docs/http-api.md tells of answers that no test got:\n%s\n", strings.Join(missing, "\n"))
			status = 1
		}
	}
	os.Exit(status)
}

func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}
