package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SoftHSM is a token of PKCS#11 for one test: SoftHSM keeps it in a directory.
type SoftHSM struct {
	Module, Label, PIN string
	tokens, away       string
}

// NewSoftHSM makes a token and points the environment of the test, and of the
// programs that it starts, to it. If SoftHSM is not installed, it ends the test as
// [Missing] does.
func NewSoftHSM(t testing.TB) *SoftHSM {
	t.Helper()
	util, err := exec.LookPath("softhsm2-util")
	module := ""
	for _, name := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(name); err == nil && module == "" {
			module = name
		}
	}
	if err != nil || module == "" {
		Missing(t, "SoftHSM", "apt-get install softhsm2")
	}
	dir := t.TempDir()
	s := &SoftHSM{Module: module, Label: "jeton test", PIN: "1234", tokens: filepath.Join(dir, "tokens"), away: filepath.Join(dir, "away")}
	if err := os.Mkdir(s.tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", s.tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	if out, err := exec.Command(util, "--init-token", "--free", "--label", s.Label, "--pin", s.PIN, "--so-pin", "87654321").CombinedOutput(); err != nil {
		t.Fatalf("softhsm2-util: %v\n%s", err, out)
	}
	return s
}

// TakeOut takes the token out of its slot.
func (s *SoftHSM) TakeOut(t testing.TB) {
	t.Helper()
	if err := os.Rename(s.tokens, s.away); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.tokens, 0o700); err != nil {
		t.Fatal(err)
	}
}

// PutBack puts it back.
func (s *SoftHSM) PutBack(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(s.tokens); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.away, s.tokens); err != nil {
		t.Fatal(err)
	}
}
