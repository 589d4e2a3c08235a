package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// One master key, from each place where it can be: the service starts with it,
// commands work with it, and nothing shows it.
func TestTheMasterKeyFromEachSource(t *testing.T) {
	key := tool(t, "", "keys", "new-master-key")
	file := filepath.Join(t.TempDir(), "a master key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags []string
		env   string
	}{
		"the environment": {nil, key},
		"a file":          {[]string{"--master-key-file", file}, ""},
		"a command":       {[]string{"--master-key-command", "jeton-cat '" + file + "'"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv(masterKeyVariable, c.env)
			}
			data := t.TempDir()
			s := serve(t, data, append([]string{"--alg", "ES256"}, c.flags...)...)
			addUser(t, data)
			pair := s.login()
			tool(t, "", append([]string{"keys", "rotate", "--now", "--data", data}, c.flags...)...)
			s.stop()
			if _, err := os.Stat(filepath.Join(data, masterKeyFile)); err == nil {
				t.Error("a second master key was made")
			}
			s2 := serve(t, data, append([]string{"--alg", "ES256", "--issuer", s.url}, c.flags...)...)
			s2.want(200, "a token from before the restart", s2.do("GET", "/verify", "", "", pair.Access))
			if strings.Contains(s.log()+s2.log(), key) {
				t.Error("rule: the master key is in no log")
			}
			if runtime.GOOS == "linux" {
				args, err := os.ReadFile("/proc/self/cmdline")
				if err != nil || strings.Contains(string(args), key) {
					t.Errorf("the arguments: %v", err)
				}
			}
		})
	}
}

// What the message says is what an operator has to do, and nothing of what the
// command printed.
func TestAMasterKeyCommandThatFails(t *testing.T) {
	data := t.TempDir()
	const printed = "VGhpcyBpcyBub3Qgd2hhdCBpdCBzaG91bGQgYmU="
	file := filepath.Join(t.TempDir(), "printed")
	if err := os.WriteFile(file, []byte(printed+"x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, []byte(strings.Repeat(printed+"\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		command, why string
		status       int
	}{
		"is not there":        {"jeton-no-such-program", "executable file not found", 1},
		"refuses":             {"jeton-cat " + file + " 3", "jeton-cat ended with exit status 3: it is refused, and [redacted] is left out", 1},
		"prints nothing":      {"jeton-cat " + os.DevNull, "jeton-cat printed nothing", 1},
		"prints something":    {"jeton-cat " + file, "the output of jeton-cat: issuer: refused configuration: a master key is 32 bytes in base64", 1},
		"prints too much":     {"jeton-cat " + long, "jeton-cat printed more than 4096 bytes", 1},
		"is no command":       {" ", "there is no command", 2},
		"has an open quote":   {"jeton-cat 'x", "the quote ' is not closed", 2},
		"is for a shell only": {"jeton-cat " + file + " | tail", "", 1},
	} {
		refused(t, c.status, c.why, "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--master-key-command", c.command)
		_, said, err := outputOf(t.Context(), strings.Fields(c.command+" x"))
		if strings.Contains(said, printed) && err == nil || err != nil && strings.Contains(err.Error(), printed) {
			t.Errorf("%s: rule: what a command printed is in no message: %v", name, err)
		}
	}
}

// What is in the environment for jeton is not for the programs that it starts.
func TestACommandDoesNotSeeTheSettings(t *testing.T) {
	t.Setenv("JETON_DB", "postgres://jeton:HIDDEN@db/jeton")
	t.Setenv("VAULT_ADDR", "https://vault.example")
	out, _, err := outputOf(t.Context(), []string{"jeton-env"})
	if err != nil || strings.Contains(out, "HIDDEN") || strings.Contains(out, "JETON_DB") {
		t.Errorf("rule: a command sees no setting: %v", err) // the rest of the environment is nobody's business
	}
	if !strings.Contains(out, "VAULT_ADDR=https://vault.example\n") || !strings.Contains(out, "PATH=") {
		t.Error("the rest of the environment is missing")
	}
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"vault kv get -field=key secret/jeton": {"vault", "kv", "get", "-field=key", "secret/jeton"},
		"  a\tb \n c ":                         {"a", "b", "c"},
		`sh -c 'a | b "c"'`:                    {"sh", "-c", `a | b "c"`},
		`a "b c"d 'e'f`:                        {"a", "b cd", "ef"},
		`a "it's" '"'`:                         {"a", "it's", `"`},
		`a b\ c "\"" \' \\`:                    {"a", "b c", `"`, "'", `\`},
		`C:\bin\key.exe 'C:\Program Files\x'`:  {`C:\bin\key.exe`, `C:\Program Files\x`},
		`a "" ''`:                              {"a", "", ""},
		"a $HOME `b` $(c) ; d & e > f * ~ #":   {"a", "$HOME", "`b`", "$(c)", ";", "d", "&", "e", ">", "f", "*", "~", "#"},
		`clé 'à la'`:                           {"clé", "à la"},
		"":                                     nil, " ": nil, "'": nil, `a "b`: nil, "'' a": nil,
	} {
		got, err := splitWords(line)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v; want %q", line, got, err, want)
		}
	}
}

// A service tells on SIGHUP which master keys it has.
func TestHangupReadsTheMasterKeyAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such signal")
	}
	data := t.TempDir()
	s := serve(t, data, "--alg", "ES256")
	name := filepath.Join(data, masterKeyFile)
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fresh := tool(t, "", "keys", "new-master-key")
	hangUp := func(text, message string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.eventually(message, func() bool { return strings.Contains(s.log(), message) })
	}
	hangUp(fresh, "the master key stays as it was")
	hangUp(fresh+"\n"+string(old), `"msg":"the master key was read again"`)
	if log := s.log(); strings.Contains(log, fresh) || strings.Contains(log, strings.TrimSpace(string(old))) {
		t.Error("rule: the master key is in no log")
	}
}
