package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// FuzzAFormIsReadAsNetURLReadsIt holds the reader of forms against the standard
// library's.
func FuzzAFormIsReadAsNetURLReadsIt(f *testing.F) {
	for _, text := range []string{
		"", "a=b", "a=b&c=d", "a", "a=", "=b", "&&a=b&", "a=b&a=c", "a=b&a", "a=%41+b%2B", "a=%", "%zz=b", "a;b=c", "a=b;c", "a=b&a=c&d=%", "a=b=c", "%61=b&a=c", "é=ü",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxBody {
			return
		}
		r := httptest.NewRequest("POST", "/oauth/token", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := form(httptest.NewRecorder(), r)
		values, bad := url.ParseQuery(text)
		want := make(map[string]string)
		for name, v := range values {
			want[name] = v[0]
			if len(v) > 1 && bad == nil {
				bad = errors.New("repeated")
			}
		}
		switch {
		case (err != nil) != (bad != nil):
			t.Errorf("%q: %v, and net/url says %v", text, err, bad)
		case err == nil && !maps.Equal(got, want):
			t.Errorf("%q was read as %q, not %q", text, got, want)
		}
	})
}

func TestATokenAnswerIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	for _, text := range []string{"", "orders:read orders:write", `"quoted"`, `back\slash`, "<&>", "é\u2028", "a\x00\n\xff", "\x7f"} {
		for _, device := range []string{"", "jtd_x" + text} {
			w := httptest.NewRecorder()
			tokens(w, &issuer.TokenPair{AccessToken: "a" + text, RefreshToken: "r" + text, Scope: text, DeviceToken: device, ExpiresIn: 300*time.Second + time.Millisecond})
			want, err := json.Marshal(struct {
				AccessToken  string `json:"access_token"`
				TokenType    string `json:"token_type"`
				ExpiresIn    int64  `json:"expires_in"`
				RefreshToken string `json:"refresh_token"`
				Scope        string `json:"scope"`
				DeviceToken  string `json:"device_token,omitempty"`
			}{"a" + text, "Bearer", 300, "r" + text, text, device})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(w.Body.String(), "\n"); got != string(want) {
				t.Errorf("got %s, want %s", got, want)
			}
			h := w.Header()
			if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
				t.Errorf("the header is %v", h)
			}
		}
	}
}

func TestABodyIsReadWholeWhateverWasAnnounced(t *testing.T) {
	text := []byte(strings.Repeat("0123456789", 300))
	for _, announced := range []int64{-1, 0, 1, 511, 512, int64(len(text)) - 1, int64(len(text)), int64(len(text)) + 1, 1 << 40} {
		for name, r := range map[string]io.Reader{
			"at once":         bytes.NewReader(text),
			"byte by byte":    iotest.OneByteReader(bytes.NewReader(text)),
			"with the end":    iotest.DataErrReader(bytes.NewReader(text)),
			"in halves":       iotest.HalfReader(bytes.NewReader(text)),
			"with many a nil": io.MultiReader(bytes.NewReader(nil), bytes.NewReader(text)),
		} {
			if got, err := readAll(r, announced); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, announced as %d: %d bytes, %v", name, announced, len(got), err)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := readAll(io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken)), -1); !errors.Is(err, broken) {
		t.Errorf("a body that breaks: %v", err)
	}
}

// A route that is looked up is answered as the mux would: it takes no other
// spelling and no other method.
func TestALookedUpRouteIsTheOneThatTheMuxFinds(t *testing.T) {
	a := &api{}
	var took string
	routes := []route{
		{"GET /plain", func(_ http.ResponseWriter, r *http.Request) { took = r.Pattern }},
		{"GET /with/{wildcard}", func(_ http.ResponseWriter, r *http.Request) { took = r.Pattern + " " + r.PathValue("wildcard") }},
	}
	h := a.frame(routes)
	for _, c := range []struct {
		method, target, took string
		status               int
	}{
		{"GET", "/plain", "GET /plain", 200},
		{"HEAD", "/plain", "GET /plain", 200},
		{"POST", "/plain", "", 405},
		{"GET", "/plain/", "", 404},
		{"GET", "/PLAIN", "", 404},
		{"GET", "//plain", "", 404},
		{"GET", "/x/../plain", "", 404},
		{"GET", "/%70lain", "GET /plain", 200}, // the same to every reader of URLs
		{"GET", "/with/it", "GET /with/{wildcard} it", 200},
		{"GET", "/with/{wildcard}", "GET /with/{wildcard} {wildcard}", 200},
	} {
		took = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if w.Code != c.status || took != c.took {
			t.Errorf("%s %s: %d by %q, not %d by %q", c.method, c.target, w.Code, took, c.status, c.took)
		}
	}
}
