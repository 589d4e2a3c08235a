package archtest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/archtest"
)

const root = "../.."

func TestTheTreeKeepsTheRules(t *testing.T) {
	if module := read(t, "go.mod"); !strings.HasPrefix(module, "module "+archtest.Module+"\n") {
		t.Fatalf("%s is not the root of module %s", root, archtest.Module)
	}
	tree, err := archtest.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range tree.Check() {
		t.Error(finding)
	}
}

func TestEveryDependencyIsExplained(t *testing.T) {
	for _, finding := range archtest.CheckDependencies(read(t, "go.mod"), read(t, "docs/dependencies.md")) {
		t.Error(finding)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(root + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
