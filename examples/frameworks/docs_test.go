package frameworks

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/frameworks.md shows the code of this folder as it stands: every block
// marked with a file's name is that file's region, and no region is left out.
func TestDocumentShowsThisCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?ms)^```go (\\S+)\n(.*?)^```$")
	shown := make(map[string]string)
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		shown[block[1]] = strings.TrimSpace(block[2])
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	region := regexp.MustCompile(`(?ms)^// docs:start .*?\n(.*?)^// docs:end$`)
	regions := make(map[string]string)
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := region.FindSubmatch(source); found != nil {
			regions[name] = strings.TrimSpace(string(found[1]))
		}
	}
	if len(regions) != 5 {
		t.Errorf("%d regions, want one for each of five frameworks", len(regions))
	}
	for name, code := range regions {
		if shown[name] != code {
			t.Errorf("docs/frameworks.md shows another %s:\n%s\nthe file has:\n%s", name, shown[name], code)
		}
	}
	for name := range shown {
		if regions[name] == "" {
			t.Errorf("docs/frameworks.md shows %s, which has no region", name)
		}
	}
}
