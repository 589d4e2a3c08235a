package jwe_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/jwe"
)

// The document shows the example's code as it stands: every block that is marked
// FILE#REGION is that region, and no region is left out.
func TestDocumentShowsTheExample(t *testing.T) {
	source := string(must(os.ReadFile("example_test.go"))(t))
	document := string(must(os.ReadFile("../docs/encrypted-tokens.md"))(t))
	regions, shown := map[string]string{}, map[string]string{}
	for _, m := range regexp.MustCompile(`(?ms)^// docs:start (\S+)\n(.*?)^// docs:end$`).FindAllStringSubmatch(source, -1) {
		regions[m[1]] = strings.TrimSpace(m[2])
	}
	for _, m := range regexp.MustCompile("(?ms)^```go example_test\\.go#(\\S+)\n(.*?)^```$").FindAllStringSubmatch(document, -1) {
		shown[m[1]] = strings.TrimSpace(m[2])
	}
	if len(regions) == 0 || len(regions) != len(shown) {
		t.Errorf("%d regions, %d of them in the document", len(regions), len(shown))
	}
	for name, code := range regions {
		if shown[name] != code {
			t.Errorf("the document shows another %s:\n%s\nthe example has:\n%s", name, shown[name], code)
		}
	}
	// Each algorithm has its place in the tables, and no other one has.
	listed := map[string]bool{}
	_, tables, _ := strings.Cut(document, "## Which key")
	tables, _, _ = strings.Cut(tables, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[^`]*` )+)\\|").FindAllStringSubmatch(tables, -1) {
		for _, name := range strings.Fields(row[1]) {
			listed[strings.Trim(name, "`")] = true
		}
	}
	for _, alg := range jwe.Algorithms() {
		if !listed[string(alg)] {
			t.Errorf("the document has no %s", alg)
		}
		delete(listed, string(alg))
	}
	for _, enc := range jwe.Encryptions() {
		if !listed[string(enc)] {
			t.Errorf("the document has no %s", enc)
		}
		delete(listed, string(enc))
	}
	for name := range listed {
		t.Errorf("the document lists %s", name)
	}
}
