package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logLine is what tests look at in a line of the log.
type logLine struct {
	Level, Msg, Route, Method, Client, Error, Path string
	RequestID                                      string `json:"request_id"`
	Status                                         int
	Bytes                                          int64
	Seconds                                        float64
}

// lines are the lines of the log that are about a request.
func (s *service) lines(requestID string) []logLine {
	s.t.Helper()
	var all []logLine
	for line := range strings.Lines(s.log()) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			s.t.Errorf("a line that is no JSON: %s", line)
		}
		if l.RequestID == requestID {
			all = append(all, l)
		}
	}
	return all
}

// ask sends a request with a name and returns the one that the answer has.
func (s *service) ask(method, target, id, body string) string {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if id != "" {
		r.Header.Set("X-Request-Id", id)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return res.Header.Get("X-Request-Id")
}

func TestTheLogTellsOfARequestByItsName(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data, "--log-level", "debug")
	addUser(t, data)
	const good, bad = "good-login", "bad-login"
	s.ask("POST", "/v1/login", good, `{"username":"alice","password":"`+testPassword+`"}`)
	s.ask("POST", "/v1/login", bad, `{"username":"alice","password":"wrong"}`)
	own := s.ask("GET", "/no/such/route?x=y", "a name that no log should have", "")
	s.stop()
	for id, want := range map[string][]logLine{
		good: {
			{Level: "INFO", Msg: "login"},
			{Level: "DEBUG", Msg: "request", Method: "POST", Route: "/v1/login", Status: 200},
		},
		bad: {
			{Level: "INFO", Msg: "login_refused"},
			{Level: "INFO", Msg: "refused", Method: "POST", Path: "/v1/login", Status: 400},
			{Level: "DEBUG", Msg: "request", Method: "POST", Route: "/v1/login", Status: 400},
		},
		own: {
			{Level: "INFO", Msg: "refused", Method: "GET", Path: "/no/such/route", Status: 404},
			{Level: "DEBUG", Msg: "request", Method: "GET", Route: "other", Status: 404},
		},
	} {
		got := s.lines(id)
		if len(got) != len(want) {
			t.Errorf("%s: %d lines, want %d: %+v", id, len(got), len(want), got)
			continue
		}
		for i, l := range got {
			if l.Msg != "refused" && l.Client != "127.0.0.1" {
				t.Errorf("%s: %s from %q", id, l.Msg, l.Client)
			}
			if l.Msg == "request" && (l.Bytes == 0 || l.Seconds <= 0) {
				t.Errorf("%s: %d bytes in %v s", id, l.Bytes, l.Seconds)
			}
			l.Client, l.Error, l.RequestID, l.Bytes, l.Seconds = "", "", "", 0, 0
			if l != want[i] {
				t.Errorf("%s: line %d is %+v, want %+v", id, i, l, want[i])
			}
		}
	}
	if strings.Contains(s.log(), "x=y") || strings.Contains(s.log(), "no log should have") {
		t.Errorf("the log has a query or a name that is no good: %s", s.log())
	}
}

func TestTheLogHasWhatItsLevelSays(t *testing.T) {
	for level, want := range map[string]string{"debug": "request refused serving", "info": "refused serving", "error": ""} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			if level == "error" {
				// Nothing says when it serves.
				refused(t, exitUsage, "must be one of", "serve", "--log-level", "loud")
				return
			}
			s := serve(t, t.TempDir(), "--log-level", level)
			s.ask("GET", "/verify", "", "")
			s.stop()
			for _, msg := range []string{"request", "refused", "serving"} {
				if got := strings.Contains(s.log(), `"msg":"`+msg+`"`); got != strings.Contains(" "+want, " "+msg) {
					t.Errorf("at %s, is there a line %q: %v", level, msg, got)
				}
			}
		})
	}
}

func TestProfilesAreForTheAdminAndOnlyIfAskedFor(t *testing.T) {
	data := t.TempDir()
	get := func(s *service, name, token string) (int, string) {
		r, err := http.NewRequest("GET", s.admin+"/debug/pprof/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	s := serve(t, data)
	token := s.secret(adminTokenFile)
	if status, _ := get(s, "heap", token); status != 404 {
		t.Errorf("without --pprof: %d", status)
	}
	s.stop()
	s = serve(t, data, "--pprof")
	for _, c := range []struct {
		name, token string
		status      int
		has         string
	}{
		{"heap", "", 401, "invalid_token"},
		{"heap", "wrong", 401, "invalid_token"},
		{"heap", token, 200, "\x1f\x8b"},
		{"goroutine?debug=1", token, 200, "goroutine profile"},
		{"profile?seconds=1", token, 200, "\x1f\x8b"},
		{"cmdline", token, 404, "no such profile"},
		{"symbol", token, 404, "no such profile"},
	} {
		if status, body := get(s, c.name, c.token); status != c.status || c.token == token && !strings.Contains(body, c.has) {
			t.Errorf("%s: %d %.80q", c.name, status, body)
		}
	}
	if res, err := http.Get(s.url + "/debug/pprof/heap"); err != nil || res.StatusCode != 404 {
		t.Errorf("on the public listener: %v, %v", res, err)
	} else {
		res.Body.Close()
	}
}

// secret reads a file of the data directory.
func (s *service) secret(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.data, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
