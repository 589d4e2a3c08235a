// Package migrate runs what docs/migrate.md says of other libraries: the code
// from before a migration, and what each of them accepts.
package migrate

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/migrate.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/migrate.md shows the regions of this folder as they stand, and leaves
// none out.
func TestMigrationGuideShowsThisCode(t *testing.T) {
	fence := regexp.MustCompile("(?ms)^<!-- snippet: (\\S+) -->\n```go\n(.*?)^```$")
	shown := make(map[string]string)
	for _, block := range fence.FindAllStringSubmatch(guide(t), -1) {
		if !strings.HasPrefix(block[1], "jeton-") { // those are in migrate_test.go
			shown[block[1]] = strings.TrimSpace(block[2])
		}
	}
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	region := regexp.MustCompile(`(?ms)^// docs:start (\S+)\n(.*?)^// docs:end$`)
	regions := make(map[string]string)
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range region.FindAllSubmatch(source, -1) {
			regions[string(found[1])] = strings.TrimSpace(string(found[2]))
		}
	}
	if len(regions) != 15 {
		t.Errorf("%d regions, want one for each of five tasks and three libraries", len(regions))
	}
	for name, code := range regions {
		if shown[name] != code {
			t.Errorf("docs/migrate.md shows another %s:\n%s\nthe file has:\n%s", name, shown[name], code)
		}
	}
	for name := range shown {
		if regions[name] == "" {
			t.Errorf("docs/migrate.md shows %s, which has no region", name)
		}
	}
}

// Every name in the tables from old to new exists.
func TestMigrationGuideNamesWhatExists(t *testing.T) {
	const own = "github.com/jeton-go/jeton"
	ours := map[string]string{"jeton": own, "jwk": own + "/jwk", "jwks": own + "/jwks", "httpauth": own + "/httpauth", "unverified": own + "/unverified"}
	golang, jwx, jose := "github.com/golang-jwt/jwt/v5", "github.com/lestrrat-go/jwx/v3", "github.com/go-jose/go-jose/v4"
	for section, theirs := range map[string]map[string]string{
		"From golang-jwt v5": {"jwt": golang, "request": golang + "/request"},
		"From jwx v3":        {"jwt": jwx + "/jwt", "jwk": jwx + "/jwk", "jws": jwx + "/jws", "jwa": jwx + "/jwa"},
		"From go-jose v4":    {"jwt": jose + "/jwt", "jose": jose},
	} {
		rows := 0
		for old, cells := range tableOf(t, section) {
			rows++
			checkNames(t, theirs, old)
			checkNames(t, ours, cells[0])
		}
		if rows < 10 {
			t.Errorf("%s: %d rows", section, rows)
		}
	}
}

// checkNames looks for each pkg.Name in code of a table's cell, and for the
// field or method after it, in what go doc says of the package.
func checkNames(t *testing.T, packages map[string]string, cell string) {
	t.Helper()
	name := regexp.MustCompile(`\b(\w+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(cell, -1) {
		for _, found := range name.FindAllStringSubmatch(code, -1) {
			path, ok := packages[found[1]]
			if !ok {
				continue // a variable
			}
			doc := documentation(t, path)
			for _, word := range found[2:] {
				declared := regexp.MustCompile(`(?m)^(?:func (?:\(.*?\) )?|type |var |const |\t| {4}func )` + word + `\b`)
				if word != "" && !declared.MatchString(doc) {
					t.Errorf("%s has no %s, of which the guide tells in %s", path, word, code)
				}
			}
		}
	}
}

var documented = make(map[string]string)

func documentation(t *testing.T, path string) string {
	t.Helper()
	if documented[path] == "" {
		text, err := exec.Command("go", "doc", "-all", path).CombinedOutput()
		if err != nil {
			t.Fatalf("go doc %s: %v\n%s", path, err, text)
		}
		documented[path] = string(text)
	}
	return documented[path]
}

// tableOf returns the table below a heading: the other cells of each row, by
// the first one.
func tableOf(t *testing.T, heading string) map[string][]string {
	t.Helper()
	_, section, ok := strings.Cut(guide(t), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/migrate.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := make(map[string][]string)
	var head bool
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if strings.HasPrefix(line, "|---") {
			head = true
			continue
		}
		if !head {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if rows[cells[0]] != nil {
			t.Errorf("%s: two rows of %s", heading, cells[0])
		}
		rows[cells[0]] = cells[1:]
	}
	if len(rows) == 0 {
		t.Fatalf("docs/migrate.md has no table below %q", heading)
	}
	return rows
}
