package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/jeton-go/jeton/internal/loadgen"
	"github.com/jeton-go/jeton/internal/testenv"
)

const packaging = "../../packaging"

// Every setting that a package names is a flag of jeton serve: a mistyped one
// would be ignored without a word.
func TestPackagesNameSettingsThatExist(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.PostBuild(finish), kong.Vars{"mix": loadgen.DefaultMix}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, command := range parser.Model.Children {
		if command.Name == "serve" {
			for _, flag := range command.Flags {
				known = append(known, flag.Envs...)
			}
		}
	}
	if !slices.Contains(known, "JETON_ADMIN_ADDR") {
		t.Fatalf("serve has the settings %v", known)
	}
	named := 0
	err = filepath.WalkDir(packaging, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, setting := range regexp.MustCompile(`\bJETON_[A-Z_]+`).FindAllString(string(text), -1) {
			named++
			if !slices.Contains(known, setting) {
				t.Errorf("%s: jeton serve has no setting %s", name, setting)
			}
		}
		return nil
	})
	if err != nil || named == 0 {
		t.Errorf("%d settings, %v", named, err)
	}
}

// The unit is one that systemd takes as it is, and keeps away from the rest of
// the machine.
func TestSystemdUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		testenv.Missing(t, "systemd-analyze", "apt-get install systemd")
	}
	program, err := exec.LookPath("jeton")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile(packaging + "/systemd/jeton.service")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "jeton.service")
	text := strings.Replace(string(unit), "/usr/bin/jeton", program, 1)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := os.ReadFile(packaging + "/systemd/jeton.socket")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "jeton.socket"), socket, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", name, filepath.Join(filepath.Dir(name), "jeton.socket")).CombinedOutput(); err != nil || strings.Contains(string(out), "jeton.s") {
		t.Errorf("%v\n%s", err, out)
	}
	// 10 is a service without any protection; 2.0 leaves room for an older
	// systemd that does not know each setting.
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
