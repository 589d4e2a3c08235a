package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton/internal/pgtest"
)

// Two nodes on one database are one service: what one of them did holds for the
// other at once.
func TestTwoNodesOnOneDatabase(t *testing.T) {
	server := pgtest.Start(t)
	db := server.URL(server.Database(t))
	refused(t, 1, "there is no store in postgres://", "user", "list", "--db", db)
	refused(t, 2, "--db takes a URL", "user", "list", "--db", "mysql://somewhere/x")

	first, second := t.TempDir(), t.TempDir()
	tool(t, testPassword+"\n", "user", "add", testUser, "--password-stdin", "--db", db)
	const name = "https://auth.example"
	a := serve(t, first, "--db", db, "--issuer", name)
	// The master key is not in the database: a node that lacks it says so.
	refused(t, 1, "copy it from another node", "serve", "--db", db, "--data", second, "--issuer", name, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0")
	b := serve(t, second, "--db", db, "--issuer", name, "--master-key-file", filepath.Join(first, "master.key"))

	login := a.login()
	b.want(200, "verify at the other node", b.do("GET", "/verify", "", "", login.Access))
	next := b.want(200, "refresh at the other node", b.refresh(login.Refresh))
	again := a.want(200, "a retry at the first node", a.refresh(login.Refresh))
	if again.Refresh != next.Refresh {
		t.Error("rule: within the grace window a retry gets the token that the first try got, at whichever node")
	}

	// Many tabs over both nodes.
	tokens := make([]string, 20)
	other := b.login()
	var tabs sync.WaitGroup
	for i := range tokens {
		tabs.Go(func() {
			node := []*service{a, b}[i%2]
			tokens[i] = node.want(200, "one of many tabs", node.refresh(other.Refresh)).Refresh
		})
	}
	tabs.Wait()
	for _, token := range tokens {
		if token != tokens[0] {
			t.Fatal("rule: all that present one token at once get the same one")
		}
	}

	list := tool(t, "", "session", "list", "--db", db)
	if n := strings.Count(list, testUser); n != 2 {
		t.Errorf("%d sessions of %s in\n%s", n, testUser, list)
	}
	a.want(204, "logout", a.do("POST", "/v1/logout", "", "", next.Access))
	b.want(401, "verify at the other node after logout", b.do("GET", "/verify", "", "", next.Access))
	b.want(400, "refresh at the other node after logout", b.refresh(next.Refresh))
	tool(t, "", "session", "revoke", "--user", testUser, "--db", db)
	for _, node := range []*service{a, b} {
		node.want(400, "refresh after a command revoked", node.refresh(tokens[0]))
	}
	if keys := tool(t, "", "keys", "list", "--db", db); !strings.Contains(keys, "RS256") {
		t.Errorf("keys list: %s", keys)
	}

	// The database restarts under them, as for an upgrade.
	third := a.login()
	server.Stop()
	b.want(500, "refresh without a database", b.refresh(third.Refresh))
	server.Run(t)
	for _, node := range []*service{a, b} {
		node.want(200, "refresh after the database came back", node.refresh(third.Refresh))
	}
	if log := a.log() + b.log(); strings.Contains(log, testPassword) || strings.Contains(log, third.Refresh) {
		t.Error("a secret is in the log")
	}
}
