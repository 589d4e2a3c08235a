package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestTheAdminTokenIsMadeOnFirstStartAndStays(t *testing.T) {
	d := dataFlags{Data: t.TempDir()}
	first, err := d.adminToken("")
	if err != nil || !strings.HasPrefix(first, adminTokenPrefix) || len(first) < 40 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	name := filepath.Join(d.Data, adminTokenFile)
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := d.adminToken(""); err != nil || again != first {
		t.Errorf("another one the second time: %v", err)
	}
	if other, _ := (dataFlags{Data: t.TempDir()}).adminToken(""); other == first {
		t.Error("two services have the same")
	}
}

func TestABadAdminTokenFileIsRefused(t *testing.T) {
	d := dataFlags{Data: t.TempDir()}
	for name, text := range map[string]string{"empty": "", "short": "jta_short", "two lines": strings.Repeat("a", 40) + "\n" + strings.Repeat("b", 40)} {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.adminToken(file); err == nil || strings.Contains(err.Error(), "jta_short") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.adminToken(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a file that is named and missing is made")
	}
	file := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(file, []byte(strings.Repeat("a", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.adminToken(file); err == nil && runtime.GOOS != "windows" {
		t.Error("a file that others can read is accepted")
	}
}

func TestTheServiceIntrospectsForItsAdminToken(t *testing.T) {
	data := t.TempDir()
	addUser(t, data)
	s := serve(t, data, "--alg", "Ed25519")
	login := s.login()
	file := filepath.Join(data, adminTokenFile)
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(bearer string) answer {
		return s.do("POST", "/oauth/introspect", "application/x-www-form-urlencoded", url.Values{"token": {login.Access}}.Encode(), bearer)
	}
	var got struct {
		Active bool
		Sub    string
	}
	a := s.want(http.StatusOK, "with the admin token", ask(strings.TrimSpace(string(token))))
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || !got.Active || got.Sub == "" {
		t.Errorf("%s: %v", a.Body, err)
	}
	s.want(http.StatusUnauthorized, "with an access token", ask(login.Access))
	s.want(http.StatusUnauthorized, "without", ask(""))

	bench(t, s, "introspect", "--admin-token-file", file)
	cmd := exec.Command("jeton", "bench", "introspect", "--url", s.url, "--username", testUser, "--clients", "1", "--duration", "50ms")
	cmd.Env = append(os.Environ(), "JETON_PASSWORD="+testPassword)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitRefused || !strings.Contains(string(out), "401 unauthorized") {
		t.Errorf("without the admin token: exit status %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
	if strings.Contains(s.log(), strings.TrimSpace(string(token))) {
		t.Error("the admin token is in the log")
	}
}
