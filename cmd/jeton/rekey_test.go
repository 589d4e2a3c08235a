package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/pgtest"
	"github.com/jeton-go/jeton/internal/testenv"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

// rekeySteps are the places where a rekey of a file can be killed, in order.
var rekeySteps = []string{"begin written", "begin renamed", "sealed", "finish written", "finish renamed"}

type rekeyStatus struct {
	Source     string
	MasterKeys []struct {
		ID   string
		Here bool
		Keys int
	} `json:"master_keys"`
}

func statusOf(t *testing.T, args ...string) rekeyStatus {
	t.Helper()
	var status rekeyStatus
	if err := json.Unmarshal([]byte(tool(t, "", append([]string{"keys", "rekey", "--status", "--json"}, args...)...)), &status); err != nil {
		t.Fatal(err)
	}
	return status
}

func linesOf(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// A rekey is killed between every two steps. The service that runs goes on, one
// that starts at that moment starts, as the documentation has it, and the command
// given again finishes.
func TestRekeyIsKilledAnywhere(t *testing.T) {
	for i, step := range rekeySteps {
		t.Run(step, func(t *testing.T) {
			data := t.TempDir()
			name := filepath.Join(data, masterKeyFile)
			running := serve(t, data, "--alg", "ES256", "--refresh-grace", "0")
			addUser(t, data)
			pair := running.login()
			old := linesOf(t, name)[0]

			t.Setenv("JETON_TEST_DIE_AT", step)
			refused(t, -1, "", "keys", "rekey", "--data", data)
			t.Setenv("JETON_TEST_DIE_AT", "")

			lines := linesOf(t, name)
			if begun, done := i >= 1, i >= 4; len(lines) != 1+b2i(begun && !done) {
				t.Fatalf("killed at %q, the file has %d lines", step, len(lines))
			}
			started := serve(t, data, "--alg", "ES256", "--issuer", running.url)
			started.want(200, "a token from before, where it was just started", started.do("GET", "/verify", "", "", pair.Access))
			for what, s := range map[string]*service{"the service that runs": running, "the one that was started": started} {
				pair = s.want(200, "refresh at "+what, s.refresh(pair.Refresh))
			}
			tool(t, "", "keys", "rotate", "--now", "--data", data) // keys can be made
			running.eventually("a node follows the rotation", func() bool {
				return strings.Contains(running.do("GET", "/.well-known/jwks.json", "", "", "").Body, listKeys(t, data, "access")["active"].ID)
			})
			started.stop()

			resume := []string{"keys", "rekey", "--data", data, "--resume"}
			if i == 0 {
				resume = resume[:4] // nothing is under way yet
			}
			tool(t, "", resume...)
			status := statusOf(t, "--data", data)
			if len(status.MasterKeys) != 1 || !status.MasterKeys[0].Here || status.MasterKeys[0].Keys != len(listKeys(t, data, "access"))+1 {
				t.Errorf("after it was given again: %+v", status)
			}
			if lines := linesOf(t, name); len(lines) != 1 || lines[0] == old {
				t.Errorf("the file has %d lines, and the old key is the first: %t", len(lines), lines[0] == old)
			}
			again := serve(t, data, "--alg", "ES256", "--issuer", running.url)
			pair = again.want(200, "refresh after a start with the new master key", again.refresh(pair.Refresh))
			running.want(200, "refresh at the service that ran throughout", running.refresh(pair.Refresh))
			if log := running.log() + again.log(); strings.Contains(log, old) || strings.Contains(log, linesOf(t, name)[0]) {
				t.Error("rule: no master key is in a log")
			}
			left, err := filepath.Glob(filepath.Join(data, ".master.key*"))
			if want := b2i(i == 0 || i == 3); err != nil || len(left) != want {
				t.Errorf("files left behind: %v, %v", left, err)
			}
			t.Setenv(masterKeyVariable, old)
			refused(t, 1, "is sealed under the master key with the id "+status.MasterKeys[0].ID, "keys", "rotate", "--data", data)
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The master key in the environment: the service is restarted with both, and with
// the new one alone when all is done.
func TestRekeyWithTheMasterKeyInTheEnvironment(t *testing.T) {
	data := t.TempDir()
	old, fresh := tool(t, "", "keys", "new-master-key"), tool(t, "", "keys", "new-master-key")
	t.Setenv(masterKeyVariable, old)
	s := serve(t, data, "--alg", "ES256", "--refresh-grace", "0")
	addUser(t, data)
	pair := s.login()
	refused(t, 1, "put a new one before it", "keys", "rekey", "--data", data)
	tool(t, "", "keys", "rekey", "--resume", "--data", data)

	t.Setenv(masterKeyVariable, fresh+" "+old)
	if status := statusOf(t, "--data", data); status.Source != masterKeyVariable || len(status.MasterKeys) != 2 || status.MasterKeys[0].Keys != 0 || status.MasterKeys[1].Keys != 2 {
		t.Errorf("before: %+v", status)
	}
	s.stop()
	s = serve(t, data, "--alg", "ES256", "--refresh-grace", "0", "--issuer", s.url)
	tool(t, "", "keys", "rekey", "--data", data)
	tool(t, "", "keys", "rotate", "--now", "--data", data)
	s.eventually("the rotation is followed", func() bool {
		return strings.Contains(s.do("GET", "/.well-known/jwks.json", "", "", "").Body, listKeys(t, data, "access")["active"].ID)
	})
	pair = s.want(200, "refresh", s.refresh(pair.Refresh))
	tool(t, "", "keys", "rekey", "--data", data)

	t.Setenv(masterKeyVariable, fresh)
	s2 := serve(t, data, "--alg", "ES256", "--issuer", s.url)
	s2.want(200, "refresh with the new master key alone", s2.refresh(pair.Refresh))
}

// Root may give the command beside a service with a user of its own, who is to
// read the file at the next start.
func TestRekeyKeepsTheOwnerOfTheFile(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() != 0 {
		testenv.Missing(t, "the right to give a file away", "run the tests as root")
	}
	data := t.TempDir()
	serve(t, data, "--alg", "ES256").stop()
	name := filepath.Join(data, masterKeyFile)
	const somebody = 12345
	if err := os.Chown(name, somebody, -1); err != nil {
		t.Fatal(err)
	}
	old := linesOf(t, name)[0]
	for _, step := range []string{"begin renamed", ""} {
		t.Setenv("JETON_TEST_DIE_AT", step)
		exec.Command("jeton", "keys", "rekey", "--data", data).Run()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if owner, _ := ownerOf(info); owner != somebody || info.Mode().Perm() != 0o600 {
			t.Errorf("after %q the file belongs to user %d, with mode %04o", step, owner, info.Mode().Perm())
		}
	}
	if lines := linesOf(t, name); len(lines) != 1 || lines[0] == old {
		t.Errorf("%d lines; the old key is the first: %t", len(lines), lines[0] == old)
	}
}

// noTransaction is a store in which nothing may wait.
type noTransaction struct {
	issuer.Store
	t *testing.T
}

func (s noTransaction) UpdateKeys(context.Context, func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error), ...func() []issuer.AuditRecord) error {
	s.t.Error("rule: a command, which may take half a minute, does not run in a transaction: everybody's logins would wait")
	return errors.New("refused")
}

func TestRekeyDoesNotLockTheStoreForACommand(t *testing.T) {
	key := issuer.GenerateMasterKey()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	store := memory.New(time.Now)
	cfg := issuer.Config{Issuer: "https://auth.example", Audiences: []string{"api"}, Algorithm: "ES256", Store: store, MasterKey: key, Now: time.Now}
	if _, err := issuer.New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	source := masterKeySource{name: "a command", command: []string{"jeton-cat", file}, warn: func(string) {}}
	r := rekey{noTransaction{store, t}, source, &streams{err: &said}, func(string) {}}
	if _, err := r.begin(t.Context(), false); err == nil || !strings.Contains(err.Error(), "put a new one before it") {
		t.Error(err)
	}
	if err := r.finish(t.Context()); err != nil || !strings.Contains(said.String(), "done: everything is sealed") {
		t.Error(err, said.String())
	}
}

// Two nodes, each with a file of its own. The new master key is copied before
// anything is sealed under it.
func TestRekeyOfTwoNodes(t *testing.T) {
	server := pgtest.Start(t)
	db := server.URL(server.Database(t))
	dirs := []string{t.TempDir(), t.TempDir()}
	file := func(i int) string { return filepath.Join(dirs[i], masterKeyFile) }
	copyFile := func() {
		t.Helper()
		b, err := os.ReadFile(file(0))
		if err != nil {
			t.Fatal(err)
		}
		if err := replaceSecret(file(1), string(b), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	flags := []string{"--db", db, "--issuer", "https://auth.example", "--alg", "ES256", "--refresh-grace", "0"}
	tool(t, testPassword+"\n", "user", "add", testUser, "--password-stdin", "--db", db)
	nodes := []*service{serve(t, dirs[0], flags...), nil}
	copyFile()
	nodes[1] = serve(t, dirs[1], flags...)
	pair := nodes[0].login()
	everywhere := func(what string) {
		t.Helper()
		for _, node := range nodes {
			pair = node.want(200, what, node.refresh(pair.Refresh))
		}
	}
	rekey := func(i int, more ...string) {
		t.Helper()
		tool(t, "", append([]string{"keys", "rekey", "--db", db, "--data", dirs[i]}, more...)...)
	}

	rekey(0)
	if status := statusOf(t, "--db", db, "--data", dirs[0]); len(status.MasterKeys) != 2 || status.MasterKeys[0].Keys != 0 {
		t.Errorf("rule: nothing is sealed under a master key that only one node has: %+v", status)
	}
	everywhere("after the first step")
	copyFile()
	rekey(0)
	everywhere("after everything is sealed under the new one")
	tool(t, "", "keys", "rotate", "--now", "--db", db, "--data", dirs[0])
	active := listKeysOf(t, "access", "--db", db)["active"].ID
	for _, node := range nodes {
		node.eventually("a node follows the rotation", func() bool {
			return strings.Contains(node.do("GET", "/.well-known/jwks.json", "", "", "").Body, active)
		})
	}
	everywhere("after the rotation")
	rekey(1, "--resume")
	for i := range dirs {
		if n := len(linesOf(t, file(i))); n != 1 {
			t.Errorf("node %d has %d master keys", i, n)
		}
	}
	if linesOf(t, file(0))[0] != linesOf(t, file(1))[0] {
		t.Error("the nodes have different master keys")
	}
	nodes[1].stop()
	nodes[1] = serve(t, dirs[1], flags...)
	everywhere("after a restart")
}
