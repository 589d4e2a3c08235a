//go:build pkcs11 && cgo

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/testenv"
)

// hsmFlags are the flags for a token, with its PIN in a file.
func hsmFlags(t *testing.T, hsm *testenv.SoftHSM, pin string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(file, []byte(pin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--pkcs11-module", hsm.Module, "--pkcs11-token", hsm.Label, "--pkcs11-pin-file", file}
}

// activeKey is the key that signs; several may be retiring.
func activeKey(t *testing.T, data string) listedKey {
	t.Helper()
	var keys []listedKey
	if err := json.Unmarshal([]byte(tool(t, "", "keys", "list", "--json", "--data", data)), &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Use == "access" && k.State == "active" {
			return k
		}
	}
	t.Fatal("no key signs")
	return listedKey{}
}

func readiness(t *testing.T, s *service) int {
	t.Helper()
	res, err := http.Get(s.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// The service with its signing keys in a token: restarts, rotations, and the token
// taken out and put back while it serves.
func TestServeWithKeysInAToken(t *testing.T) {
	hsm := testenv.NewSoftHSM(t)
	flags := hsmFlags(t, hsm, hsm.PIN)
	data := t.TempDir()
	start := func(more ...string) *service {
		t.Helper()
		return serve(t, data, append(append([]string{"--issuer", "https://auth.example", "--refresh-grace", "0"}, flags...), more...)...)
	}
	s := start()
	addUser(t, data)
	pair := s.login()
	first := listKeys(t, data, "access")["active"]
	if !strings.Contains(first.Then, "in pkcs11:token=jeton%20test;") {
		t.Errorf("the active key %s", first.Then)
	}
	s.stop()
	s = start()
	s.want(200, "a token from before the restart", s.do("GET", "/verify", "", "", pair.Access))
	pair = s.want(200, "refresh after a restart", s.refresh(pair.Refresh))

	// A rotation on command, in the token, and another algorithm.
	refused(t, 2, "name the token with --pkcs11-module", "keys", "rotate", "--now", "--data", data)
	tool(t, "", append([]string{"keys", "rotate", "--now", "--alg", "ES256", "--data", data}, flags...)...)
	second := listKeys(t, data, "access")["active"]
	if second.ID == first.ID || !strings.Contains(second.Then, "in pkcs11:") {
		t.Errorf("the active key is %+v", second)
	}
	s.eventually("the rotation is followed", func() bool {
		return strings.Contains(s.do("GET", "/.well-known/jwks.json", "", "", "").Body, second.ID)
	})
	s.want(200, "a token of the key before", s.do("GET", "/verify", "", "", pair.Access))
	pair = s.want(200, "refresh with the new key", s.refresh(pair.Refresh))

	doctor := append([]string{"--data", data, "--offline"}, flags...)
	expect(t, diagnose(t, doctor...), "token", healthy, `"jeton test" answers`)
	expect(t, diagnose(t, "--data", data, "--offline"), "token", failure, "none is named")
	expect(t, diagnose(t, "--data", data, "--offline"), "master key", healthy, "opens all")

	hsm.TakeOut(t)
	expect(t, diagnose(t, doctor...), "token", failure, "it is not there")
	for range 3 {
		s.want(503, "refresh without the token", s.refresh(pair.Refresh))
	}
	s.want(503, "login without the token", s.do("POST", "/v1/login", "application/json", `{"username":"`+testUser+`","password":"`+testPassword+`"}`, ""))
	s.want(200, "verifying without the token", s.do("GET", "/verify", "", "", pair.Access))
	if status := readiness(t, s); status != 503 {
		t.Errorf("readyz without the token: %d", status)
	}
	refused(t, 1, "it is not there", append([]string{"serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, flags...)...)
	hsm.PutBack(t)
	s.eventually("the service is ready again", func() bool { return readiness(t, s) == 200 })
	pair = s.want(200, "refresh with the token back", s.refresh(pair.Refresh)) // although nothing forgives a second use
	s.login()

	for pin, why := range map[string]string{"4321": "the PIN is wrong", "": "pin is empty"} {
		refused(t, 1, why, append([]string{"serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, hsmFlags(t, hsm, pin)...)...)
	}
	refused(t, 2, "no device is configured", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--issuer", "https://auth.example")
	if log := s.log(); strings.Contains(log, hsm.PIN+"\"") || strings.Contains(log, pair.Refresh) {
		t.Error("rule: no log holds a PIN or a token")
	}

	// And out of the token again.
	s.stop()
	s = start("--pkcs11-leave")
	if next := listKeys(t, data, "access")["next"]; next.ID == "" || strings.Contains(next.Then, "pkcs11:") {
		t.Errorf("the next key is %+v", next)
	}
	tool(t, "", append([]string{"keys", "retire", second.ID, "--now", "--data", data}, flags...)...)
	s.eventually("the key in the store signs", func() bool {
		return !strings.Contains(activeKey(t, data).Then, "pkcs11:")
	})
	s.want(200, "a token of the key that was in the token", s.do("GET", "/verify", "", "", pair.Access))
	s.want(200, "refresh", s.refresh(pair.Refresh))
}
