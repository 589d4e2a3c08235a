package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type listedKey struct{ ID, Use, State, Then string }

// listKeys returns the keys of a use as jeton keys list shows them, by state.
func listKeys(t *testing.T, data, use string) map[string]listedKey {
	t.Helper()
	return listKeysOf(t, use, "--data", data)
}

func listKeysOf(t *testing.T, use string, place ...string) map[string]listedKey {
	t.Helper()
	var keys []listedKey
	if err := json.Unmarshal([]byte(tool(t, "", append([]string{"keys", "list", "--json"}, place...)...)), &keys); err != nil {
		t.Fatal(err)
	}
	byState := map[string]listedKey{}
	for _, k := range slices.DeleteFunc(keys, func(k listedKey) bool { return k.Use != use }) {
		if _, twice := byState[k.State]; twice {
			t.Errorf("two keys are %s", k.State)
		}
		byState[k.State] = k
	}
	return byState
}

// An operator works on the keys of a running service.
func TestKeysOnCommand(t *testing.T) {
	data := t.TempDir()
	refused(t, 1, "jeton serve", "keys", "rotate", "--data", data)
	s := serve(t, data, "--alg", "ES256")
	addUser(t, data)
	pair := s.login()
	first := listKeys(t, data, "access")["active"]
	if !strings.Contains(first.Then, "signs until 2") {
		t.Errorf("the active key %s", first.Then)
	}

	tool(t, "", "keys", "rotate", "--data", data)
	next := listKeys(t, data, "access")["next"]
	if !strings.Contains(next.Then, "signs from 2") {
		t.Errorf("the next key %s", next.Then)
	}
	s.eventually("the next key is published", func() bool {
		return strings.Contains(s.do("GET", "/.well-known/jwks.json", "", "", "").Body, next.ID)
	})
	refused(t, 1, "wait, or do it at once", "keys", "retire", first.ID, "--data", data)
	tool(t, "", "keys", "retire", first.ID, "--now", "--data", data)
	if keys := listKeys(t, data, "access"); keys["active"].ID != next.ID || keys["retiring"].ID != first.ID {
		t.Errorf("the keys are %+v", keys)
	}
	s.want(200, "a token of the retiring key", s.do("GET", "/verify", "", "", pair.Access))

	refused(t, 2, "say --now", "keys", "revoke", first.ID, "--data", data)
	tool(t, "", "keys", "revoke", first.ID, "--now", "--data", data)
	s.eventually("a token of the revoked key is refused", func() bool {
		return s.do("GET", "/verify", "", "", pair.Access).Status == 401
	})
	pair = s.want(200, "the session goes on", s.refresh(pair.Refresh))
	s.want(200, "a fresh token", s.do("GET", "/verify", "", "", pair.Access))
	if strings.Contains(s.do("GET", "/.well-known/jwks.json", "", "", "").Body, first.ID) {
		t.Error("the revoked key is still published")
	}

	tool(t, "", "keys", "rotate", "--use", "refresh", "--data", data)
	if keys := listKeys(t, data, "refresh"); keys["active"].ID != "1" || keys["next"].ID != "2" {
		t.Errorf("the refresh keys are %+v", keys)
	}
	refused(t, 1, "no such key", "keys", "retire", "unknown", "--data", data)
	refused(t, 2, "no such use or algorithm", "keys", "rotate", "--alg", "none", "--data", data)
	refused(t, 2, "for access keys", "keys", "rotate", "--alg", "ES256", "--use", "refresh", "--data", data)
}
