package grpcauth_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The document shows the example's code as it stands, and all of it.
func TestDocumentShowsTheExample(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	find := func(pattern, text string) map[string]string {
		found := make(map[string]string)
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[m[1]] = strings.TrimSpace(m[2])
		}
		return found
	}
	regions := find(`(?ms)^// docs:start (\S+)\n(.*?)^// docs:end$`, read("example_test.go"))
	shown := find("(?ms)^```go example_test\\.go#(\\S+)\n(.*?)^```$", read("../docs/grpc.md"))
	if len(regions) != 3 || len(shown) != len(regions) {
		t.Errorf("%d regions, %d of them in the document", len(regions), len(shown))
	}
	for name, code := range regions {
		if shown[name] != code {
			t.Errorf("the document shows another %s:\n%s\nthe example has:\n%s", name, shown[name], code)
		}
	}
}
