package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/testenv"
	"github.com/jeton-go/jeton/issuer"
)

// example is a command of docs/http-api.md and the answer that follows it.
type example struct {
	line    int
	command string
	kind    string // json or http
	answer  string
}

func examples(text string) []example {
	var out []example
	var block []string
	kind := ""
	for i, line := range strings.Split(text, "\n") {
		switch {
		case kind == "" && strings.HasPrefix(line, "```"):
			kind, block = strings.TrimPrefix(line, "```"), nil
		case line == "```":
			switch text := strings.Join(block, "\n"); {
			case kind == "sh":
				out = append(out, example{line: i - len(block), command: text})
			case len(out) > 0 && out[len(out)-1].answer == "" && (kind == "json" || kind == "http"):
				out[len(out)-1].kind, out[len(out)-1].answer = kind, text
			}
			kind = ""
		case kind != "":
			block = append(block, line)
		}
	}
	return out
}

// What the reference shows is what a reader gets who types it in.
func TestTheReferencesExamplesAreTrue(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		testenv.Missing(t, "curl", "apt-get install curl")
	}
	shell := testenv.Shell(t)
	text, err := os.ReadFile(referenceFile)
	must(t, err)
	all := examples(string(text))
	if len(all) < 10 {
		t.Fatalf("%d examples", len(all))
	}

	audiences := func(c *issuer.Config) {
		c.Audiences, c.StatusListTTL, c.EventReceivers = []string{"orders"}, 15*time.Second, []string{"https://crm.example"}
	}
	s, admin := newService(t, setup{config: audiences}), newService(t, setup{admin: true})
	const user, word = "alice", "correct horse battery staple"
	must(t, s.SetPassword(t.Context(), user, word))
	tokens := s.login(user, word, "device", "my laptop").pair()
	for _, e := range all {
		// Each example stands for itself: what it ended is there again.
		if s.with(tokens.Access, "GET", "/verify").status != 200 {
			tokens = s.login(user, word, "device", "my laptop").pair()
		}
		command := strings.NewReplacer("http://127.0.0.1:8080", s.URL, "http://127.0.0.1:8081", admin.URL).Replace(e.command)
		cmd := exec.Command(shell, "-euc", command)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "no_proxy=*",
			"ADMIN_TOKEN=" + introspector, "RECEIVER_TOKEN=" + receiverToken("https://crm.example"),
			"JTI=" + s.jti(user, word), "ACCESS=" + tokens.Access, "REFRESH=" + tokens.Refresh, "SID=" + s.sid(tokens.Access),
			"STATUS_LIST=" + path.Base(s.statusURI(tokens.Access))}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("line %d: %s with %s: %v", e.line, command, curl, err)
		}
		switch e.kind {
		case "json":
			var want, got any
			must(t, json.Unmarshal([]byte(e.answer), &want))
			if err := json.Unmarshal(out, &got); err != nil || !alike(want, got) {
				t.Errorf("line %d: the example shows\n%s\nand the service answers\n%s", e.line, e.answer, out)
			}
		case "http":
			for _, line := range strings.Split(e.answer, "\n") {
				if !pattern(line, `(?m)^`, `\r?$`).Match(out) {
					t.Errorf("line %d: the example shows %q and the service answers\n%s", e.line, line, out)
				}
			}
			// Nothing of what matters is left out.
			for _, line := range bytes.Split(out, []byte("\r\n")) {
				name, _, _ := strings.Cut(string(line), ":")
				if strings.HasPrefix(name, "X-Auth") && !strings.Contains(e.answer, name) {
					t.Errorf("line %d: the example does not show %s", e.line, name)
				}
			}
		default:
			t.Errorf("line %d: a command without an answer", e.line)
		}
		if strings.Contains(e.command, "/v1/login") {
			var p pair
			must(t, json.Unmarshal(out, &p))
			s.form("/oauth/revoke", "token", tokens.Refresh).want(200, "")
			tokens = p
		}
	}
}

// pattern matches a text in which "..." stands for anything.
func pattern(text, before, after string) *regexp.Regexp {
	return regexp.MustCompile(before + strings.ReplaceAll(regexp.QuoteMeta(text), `\.\.\.`, `.+`) + after)
}

// alike compares two JSON values, of which the first may have "..." in strings.
func alike(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		other, ok := got.(map[string]any)
		if each, any := want["..."]; any && len(want) == 1 { // of whatever name
			for _, value := range other {
				ok = ok && alike(each, value)
			}
			return ok && len(other) > 0
		}
		if !ok || len(other) != len(want) {
			return false
		}
		for name, value := range want {
			if v, there := other[name]; !there || !alike(value, v) {
				return false
			}
		}
		return true
	case []any:
		other, ok := got.([]any)
		if !ok || len(other) != len(want) {
			return false
		}
		for i, value := range want {
			if !alike(value, other[i]) {
				return false
			}
		}
		return true
	case string:
		other, ok := got.(string)
		return ok && pattern(want, "^", "$").MatchString(other)
	}
	return fmt.Sprint(want) == fmt.Sprint(got)
}
