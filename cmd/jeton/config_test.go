package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// serveModel is jeton serve as kong sees it.
func serveModel(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.PostBuild(finish), kong.Vars{"mix": loadgen.DefaultMix}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		if command.Name == "serve" {
			return command
		}
	}
	t.Fatal("no jeton serve")
	return nil
}

// A new flag of jeton serve is a row of the page: the test writes it if told to.
func TestTheConfigurationPageHasEverySetting(t *testing.T) {
	const page = "../../docs/configuration.md"
	var table strings.Builder
	table.WriteString("\n| key, flag | default | |\n|---|---|---|\n")
	group := ""
	for _, flag := range serveModel(t).Flags {
		if flag.Target.Type() == reflect.TypeFor[configFile]() || flag.Name == "help" {
			continue
		}
		if flag.Group != nil && flag.Group.Key != group {
			group = flag.Group.Key
			fmt.Fprintf(&table, "| **%s** | | |\n", strings.TrimSuffix(group, ":"))
		}
		def := flag.Default
		if flag.IsBool() && def == "" {
			def = "false"
		}
		if def != "" {
			def = "`" + def + "`"
		}
		help := regexp.MustCompile(`Default: `+regexp.QuoteMeta(flag.Default)+`\.`).ReplaceAllString(flag.Help, "")
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", flag.Name, def, strings.ReplaceAll(strings.TrimSpace(help), "|", `\|`))
	}
	table.WriteString("\n")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?s)^(.*<!-- settings: [^\n]*-->\n)(.*)(<!-- end of settings -->.*)$`).FindSubmatch(text)
	if parts == nil {
		t.Fatal("docs/configuration.md has no marks around its table")
	}
	if string(parts[2]) == table.String() {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("the table in docs/configuration.md is not that of the flags. UPDATE_DOCS=1 go test ./cmd/jeton -run %s makes it\nwant:\n%s", t.Name(), table.String())
	}
	if err := os.WriteFile(page, bytes.Join([][]byte{parts[1], []byte(table.String()), parts[3]}, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheVariableOfASettingIsItsNameInCapitals(t *testing.T) {
	for _, flag := range serveModel(t).Flags {
		want := []string{"JETON_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))}
		if flag.Name == "help" {
			want = nil
		}
		if !slices.Equal(flag.Envs, want) {
			t.Errorf("--%s is set by %v, want %v", flag.Name, flag.Envs, want)
		}
	}
}

func TestTheFileOfTheConfigurationPageIsGood(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jeton.yaml")
	example := regexp.MustCompile("(?ms)^```yaml jeton.yaml\n(.*?)^```$").FindSubmatch(text)[1]
	if err := os.WriteFile(file, example, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "", "config", "check", "--config", file)
}

// Whatever is added to jeton serve can be set in a file, whatever its type.
func TestAnySettingWorksFromAFile(t *testing.T) {
	values := map[reflect.Type]string{
		reflect.TypeFor[string]():        "some text",
		reflect.TypeFor[[]string]():      "[one, two]",
		reflect.TypeFor[time.Duration](): "11m",
		reflect.TypeFor[bool]():          "true",
		reflect.TypeFor[int]():           "17",
		reflect.TypeFor[int64]():         "17",
		reflect.TypeFor[float64]():       "0.5",
	}
	dir := t.TempDir()
	for _, flag := range serveModel(t).Flags {
		if flag.Name == "help" || flag.Name == "config" {
			continue
		}
		value, ok := values[flag.Target.Type()]
		if flag.Tag.Has("secreturl") {
			value = "postgres://some/text" // anything else is masked
		}
		if flag.Enum != "" {
			value, ok = flag.EnumSlice()[len(flag.EnumSlice())-1], true
		}
		if !ok {
			t.Errorf("--%s has the type %v, which the test has no value for", flag.Name, flag.Target.Type())
			continue
		}
		file := filepath.Join(dir, flag.Name+".yaml")
		if err := os.WriteFile(file, []byte(flag.Name+": "+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		shown := tool(t, "", "config", "show", "--config", file)
		if want := fmt.Sprintf("%s: %s # %s:1", flag.Name, value, file); !strings.Contains(shown+"\n", want) {
			t.Errorf("%s: %s is not in what config show prints:\n%s", flag.Name, value, shown)
		}
	}
}

// What config show prints means the same as what it was made of.
func TestWhatConfigShowPrintsIsAFileAgain(t *testing.T) {
	dir := t.TempDir()
	file, again := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	text := "audience: ['true', '#1', 'a, b']\nissuer: https://x.example\nrefresh-idle: 0\nalg: ES256\nacme-domain: auth.example\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := tool(t, "", "config", "show", "--config", file)
	if err := os.WriteFile(again, []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	comments := regexp.MustCompile(` # .*`)
	if second := tool(t, "", "config", "show", "--config", again); comments.ReplaceAllString(second, "") != comments.ReplaceAllString(shown, "") {
		t.Errorf("first:\n%s\nsecond:\n%s", shown, second)
	}
}

func TestConfigShowMasksSecrets(t *testing.T) {
	for _, db := range []string{
		"postgres://jeton:HIDDEN@db/jeton",
		"postgres://jeton@db/jeton?password=HIDDEN&sslmode=disable",
		"postgres://jeton:HID%44EN@db/jeton?sslpassword=HIDDEN",
		"postgres://jeton:HIDDEN@db:port/jeton", // no URL, in the end
		"host=db user=jeton password=HIDDEN",    // no URL, and refused
		"postgres:jeton:HIDDEN@db/jeton",
		"jeton:HIDDEN@db/jeton",
	} {
		shown := tool(t, "", "config", "show", "--db", db)
		if strings.Contains(shown, "HID") || !strings.Contains(shown, "# flag, masked") {
			t.Errorf("%s: %s", db, shown)
		}
		// Nobody starts a service with stars for a password.
		file := filepath.Join(t.TempDir(), "masked.yaml")
		if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, exitUsage, file+":2: db: the secret is masked", "config", "check", "--config", file)
	}
}

// What serve refuses, check refuses.
func TestConfigCheckWantsAURLOfADatabase(t *testing.T) {
	refused(t, exitUsage, "--db takes a URL that begins with postgres://", "config", "check", "--db", "host=db user=jeton")
	tool(t, "", "config", "check", "--db", "postgres://jeton@db/jeton")
}

// A flag that is called like a secret is one, or says that it is none.
func TestSettingsThatLookSecretAreMarked(t *testing.T) {
	for _, flag := range serveModel(t).Flags {
		if flag.Name == "pkcs11-token" {
			continue // a label, of a thing that is called so
		}
		if looksSecret(flag.Name) && !strings.HasSuffix(flag.Name, "-file") && !flag.Tag.Has("secret") {
			t.Errorf(`--%s: does it hold a secret? Then it takes the tag secret:"", for jeton config show; if it names a file, its name ends in -file`, flag.Name)
		}
	}
}

func TestUnknownVariablesAreRefused(t *testing.T) {
	for _, c := range []struct {
		variable string
		message  string // "" if it is none of ours
	}{
		{"JETON_ADRESS=x", "the environment has JETON_ADRESS, which is no setting; did you mean JETON_ADDR?"},
		{"JETON_ACCESS-TTL=5m", "did you mean JETON_ACCESS_TTL?"},
		{"JETON_COMPLETELY_ELSEWHERE=1", "JETON_COMPLETELY_ELSEWHERE, which is no setting\n"},
		{"JETON_HOST=x", "JETON_HOST"},
		{"JETON_PORT=8080", "JETON_PORT"}, // which somebody thinks is the port
		{"JETON_SECRET=of another command", ""},
		{"JETON_MASTER_KEY=in place of a file", ""},
		// Beside a service that is called jeton, in Kubernetes.
		{"JETON_PORT=tcp://10.96.0.7:80", ""},
		{"JETON_PORT_80_TCP=tcp://10.96.0.7:80", ""},
		{"JETON_PORT_80_TCP_ADDR=10.96.0.7", ""},
		{"JETON_SERVICE_HOST=10.96.0.7", ""},
		{"JETON_SERVICE_PORT_HTTP=80", ""},
		{"JETON_DB_SERVICE_HOST=10.96.0.8", ""},
		{"JETONS=1", ""},
	} {
		for _, command := range [][]string{{"config", "check"}, {"user", "list", "--data", "nowhere"}} {
			cmd := exec.Command("jeton", command...)
			cmd.Env = append(os.Environ(), c.variable)
			out, err := cmd.CombinedOutput()
			switch {
			case c.message == "" && strings.Contains(string(out), "the environment has"):
				t.Errorf("%s: %v %s", c.variable, err, out)
			case c.message != "" && (cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), c.message)):
				t.Errorf("%s: %v %s, want %q", c.variable, err, out, c.message)
			}
		}
	}
	cmd := exec.Command("jeton", "version")
	cmd.Env = append(os.Environ(), "JETON_ADRESS=x")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("a command without settings: %v %s", err, out)
	}
}
