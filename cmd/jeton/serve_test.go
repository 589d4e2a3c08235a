package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestASessionOverARealService(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data, "--scope", "orders:read") // beside the running service

	first := s.login()
	s.want(200, "verify", s.do("GET", "/verify", "", "", first.Access))
	second := s.want(200, "refresh", s.refresh(first.Refresh))
	again := s.want(200, "retry", s.refresh(first.Refresh))
	if again.Refresh != second.Refresh || second.Refresh == first.Refresh {
		t.Error("rule: within the grace window a retry gets the token that the first try got")
	}
	s.want(204, "logout", s.do("POST", "/v1/logout", "", "", second.Access))
	if a := s.want(400, "refresh after logout", s.refresh(second.Refresh)); a.Error != "invalid_grant" {
		t.Errorf("error %q, want invalid_grant", a.Error)
	}
	s.want(401, "verify after logout", s.do("GET", "/verify", "", "", second.Access))
}

func TestACommandBesideTheServiceRevokesAtOnce(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data)
	for _, c := range []struct {
		name string
		run  func(sid string)
	}{
		{"session revoke SID", func(sid string) { tool(t, "", "session", "revoke", sid, "--data", data) }},
		{"session revoke --user", func(string) { tool(t, "", "session", "revoke", "--user", testUser, "--data", data) }},
		{"user passwd", func(string) { tool(t, testPassword, "user", "passwd", testUser, "--password-stdin", "--data", data) }},
		{"user disable", func(string) { tool(t, "", "user", "disable", testUser, "--data", data) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.login()
			sid := s.do("GET", "/verify", "", "", a.Access).Header.Get("X-Auth-Session-Id")
			c.run(sid)
			s.want(400, "refresh", s.refresh(a.Refresh))
			s.want(401, "verify", s.do("GET", "/verify", "", "", a.Access))
		})
	}
	a := s.do("POST", "/v1/login", "application/json", `{"username":"alice","password":"`+testPassword+`"}`, "")
	s.want(400, "login of a disabled user", a)
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data)
	kept, gone := s.login(), s.login()
	rotated := s.want(200, "refresh", s.refresh(kept.Refresh))
	s.want(204, "logout", s.do("POST", "/v1/logout", "", "", gone.Access))
	s.kill()

	s = serve(t, data, "--issuer", s.url)
	s.want(200, "verify", s.do("GET", "/verify", "", "", rotated.Access))
	s.want(200, "refresh", s.refresh(rotated.Refresh))
	s.want(400, "refresh of a session that was logged out", s.refresh(gone.Refresh))
	s.want(401, "access token of a session that was logged out", s.do("GET", "/verify", "", "", gone.Access))
}

func TestAnotherAlgorithmIsARotation(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data)
	rs := s.login()
	issuer := s.url
	if code := s.stop(); code != 0 {
		t.Fatalf("exit status %d after SIGTERM", code)
	}

	s = serve(t, data, "--issuer", issuer, "--alg", "HS256")
	s.want(200, "a token of before", s.do("GET", "/verify", "", "", rs.Access))
	if list := tool(t, "", "keys", "list", "--data", data); !strings.Contains(list, "next") || !strings.Contains(list, "signs from") {
		t.Errorf("keys: %s", list)
	}
	// Beside the running service, which takes it over.
	tool(t, "", "keys", "rotate", "--alg", "HS256", "--now", "--data", data)
	s.eventually("the service signs with the new key", func() bool {
		return strings.Contains(s.do("GET", "/.well-known/oauth-authorization-server", "", "", "").Body, `"HS256"`)
	})
	hs := s.want(200, "refresh", s.refresh(rs.Refresh))
	if alg := tool(t, hs.Access, "decode", "--json", "-"); !strings.Contains(alg, `"alg": "HS256"`) {
		t.Errorf("the new token is not HS256: %s", alg)
	}
	s.want(200, "a token of now", s.do("GET", "/verify", "", "", hs.Access))
	// The verifier that has to have the secret gets it out of band.
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(tool(t, "", "keys", "export", "--data", data)), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, hs.Access, "verify", "--key", secret, "--iss", issuer, "--aud", "api", "--typ", "at+jwt", "-")
	if list := tool(t, "", "keys", "list", "--data", data); !strings.Contains(list, "retiring") || !strings.Contains(list, "active") || !strings.Contains(list, "is gone from") {
		t.Errorf("keys: %s", list)
	}
}

func TestSIGTERMDrains(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM on Windows")
	}
	s := serve(t, t.TempDir())
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/nothing": 404} {
		res, err := http.Get(s.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(s.log(), `"msg":"draining"`) || !strings.Contains(s.log(), `"msg":"stopped"`) {
		t.Errorf("it did not drain: %s", s.log())
	}
}

func TestLogsHoldNoSecret(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data, "--refresh-grace", "0")
	addUser(t, data)
	a := s.login()
	b := s.want(200, "refresh", s.refresh(a.Refresh))
	s.want(400, "reuse", s.refresh(a.Refresh))
	s.want(400, "forged", s.refresh(a.Refresh[:len(a.Refresh)-4]+"AAAA"))
	s.want(401, "verify", s.do("GET", "/verify", "", "", b.Access))
	s.want(400, "query", s.do("GET", "/verify?access_token="+b.Access, "", "", ""))
	s.want(400, "query", s.do("POST", "/oauth/token?refresh_token="+b.Refresh, "application/x-www-form-urlencoded", "", ""))
	s.want(400, "login", s.do("POST", "/v1/login", "application/json", `{"username":"alice","password":"wrong `+testPassword+`"}`, ""))
	s.stop()
	master, err := os.ReadFile(filepath.Join(data, masterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	log := s.log()
	for name, secret := range map[string]string{
		"password": testPassword, "access token": a.Access, "second access token": b.Access, "its signature": b.Access[strings.LastIndex(b.Access, ".")+1:],
		"refresh token": a.Refresh, "second refresh token": b.Refresh, "master key": strings.TrimSpace(string(master)),
	} {
		if strings.Contains(log, secret) {
			t.Errorf("rule: no log line holds a secret; this one holds the %s:\n%s", name, log)
		}
	}
	for _, event := range []string{"login", "reuse", "revoked"} {
		if !strings.Contains(log, `"msg":"`+event+`"`) {
			t.Errorf("no event %q in the log:\n%s", event, log)
		}
	}
}

// TestTheMasterKeyIsGuarded: what the message says is what an operator has to
// do.
func TestTheMasterKeyIsGuarded(t *testing.T) {
	data := t.TempDir()
	serve(t, data).stop()
	name := filepath.Join(data, masterKeyFile)
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("the master key: %v, %v", info, err)
	}
	fails := func(what, message string) {
		t.Helper()
		out, err := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), message) {
			t.Errorf("%s: %v, %s\nwant the message %q", what, err, out, message)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
		fails("a key that others can read", "chmod 600")
		os.Chmod(name, 0o600)
	}
	key, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("a damaged key", "32 bytes in base64")
	other := strings.Repeat("QUFB", 10) + "QUE=" // another key, well formed
	if err := os.WriteFile(name, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("another key", "does not open the keys")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	fails("a missing key", "restore it from a backup")
	if _, err := os.Stat(name); err == nil {
		t.Error("rule: a missing master key is not made anew while the store has keys")
	}
	if err := os.WriteFile(name, key, 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, data)
}

func TestServeRefusesBadSettings(t *testing.T) {
	for _, c := range []struct {
		args    []string
		message string
	}{
		{[]string{"--alg", "none"}, "no algorithm"},
		{[]string{"--issuer", "auth.example"}, "http or https URL"},
		{[]string{"--issuer", "https://auth.example/?x=1"}, "without user, query"},
		{[]string{"--access-ttl", "48h"}, "access TTL"},
		{[]string{"--refresh-grace", "1h"}, "refresh grace"},
		{[]string{"--audience", ""}, "audience"},
		{[]string{"--addr", "nonsense"}, "nonsense"},
	} {
		args := append([]string{"serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, c.args...)
		out, err := exec.Command("jeton", args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.message) {
			t.Errorf("%v: %v, %s\nwant the message %q", c.args, err, out, c.message)
		}
	}
}
