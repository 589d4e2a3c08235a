package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARevocationBesideTheServiceIsAnEventThatSurvivesAKill(t *testing.T) {
	data := t.TempDir()
	const secret = "0123456789abcdef0123456789abcdef"
	file := filepath.Join(t.TempDir(), "crm.token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	receiver := "--event-receiver=crm=" + file
	s := serve(t, data, receiver)
	addUser(t, data)
	sid := s.do("GET", "/verify", "", "", s.login().Access).Header.Get("X-Auth-Session-Id")
	tool(t, "", "session", "revoke", sid, "--data", data)
	poll := func(body string) string {
		t.Helper()
		a := s.do("POST", "/v1/events/poll", "application/json", body, secret)
		s.want(200, "poll", a)
		return a.Body
	}
	first := poll(`{"returnImmediately":true}`)
	if strings.Count(first, `"eyJ`) != 1 {
		t.Fatalf("got %s", first)
	}
	s.kill()
	s = serve(t, data, receiver, "--issuer", s.url)
	again := poll(`{"returnImmediately":true}`)
	id := strings.Split(again, `"`)[3]
	if !strings.Contains(first, id) {
		t.Errorf("after a kill: %s, before it: %s", again, first)
	}
	if left := strings.TrimSpace(poll(`{"returnImmediately":true,"ack":["` + id + `"]}`)); left != `{"sets":{}}` {
		t.Errorf("after it was acknowledged: %s", left)
	}
}
