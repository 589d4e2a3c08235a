package httpapi_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jeton-go/jeton/internal/httpapi"
)

const referenceFile = "../../docs/http-api.md"

// document is what docs/http-api.md says of routes and answers. A table below a
// heading "### `GET /verify`" is that route's, one below "##" is for all routes
// of the section, and one below "## Answers" is for all there are.
type document struct {
	routes []string
	rows   []row
}

type row struct {
	routes []string // nil: every route, and what is none
	status int
	code   string
	line   int
}

var (
	routeInHeading = regexp.MustCompile("`((?:GET|POST|DELETE) /[^`]*)`")
	answerInTable  = regexp.MustCompile("^\\| (\\d{3}) \\| (?:`([a-z_]+)`)? *\\|")
)

func parseReference(text string) (document, error) {
	var d document
	var section, route []string
	var shared []int // rows of the section
	endSection := func() {
		for _, i := range shared {
			d.rows[i].routes = section
		}
		section, route, shared = nil, nil, nil
	}
	everywhere := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			endSection()
			everywhere = line == "## Answers"
		case strings.HasPrefix(line, "### "):
			route = nil
			for _, m := range routeInHeading.FindAllStringSubmatch(line, -1) {
				route = append(route, m[1])
			}
			if len(route) == 0 {
				return d, fmt.Errorf("line %d: a heading without a route", i+1)
			}
			section = append(section, route...)
			d.routes = append(d.routes, route...)
		case answerInTable.MatchString(line):
			m := answerInTable.FindStringSubmatch(line)
			status, err := strconv.Atoi(m[1])
			if err != nil {
				return d, err
			}
			if !everywhere && route == nil {
				shared = append(shared, len(d.rows))
			}
			d.rows = append(d.rows, row{route, status, m[2], i + 1})
		}
	}
	endSection()
	for _, r := range d.rows {
		if (r.status >= 400) != (r.code != "") {
			return d, fmt.Errorf("line %d: an error has a code, and nothing else has", r.line)
		}
	}
	return d, nil
}

var readReference = sync.OnceValues(func() (document, error) {
	text, err := os.ReadFile(referenceFile)
	if err != nil {
		return document{}, err
	}
	return parseReference(string(text))
})

func reference(t testing.TB) document {
	t.Helper()
	d, err := readReference()
	must(t, err)
	return d
}

func (d document) has(o outcome) bool {
	return slices.ContainsFunc(d.rows, func(r row) bool {
		return r.status == o.status && r.code == o.code && (r.routes == nil || slices.Contains(r.routes, o.route))
	})
}

// unseen are the lines of the reference that no test saw happen.
func unseen() []string {
	d, err := readReference()
	if err != nil {
		return []string{err.Error()}
	}
	seen.Lock()
	defer seen.Unlock()
	var missing []string
	for _, r := range d.rows {
		if r.routes == nil {
			found := false
			for o := range seen.outcomes {
				found = found || o.status == r.status && o.code == r.code
			}
			if !found {
				missing = append(missing, fmt.Sprintf("%s:%d: %d %s", referenceFile, r.line, r.status, r.code))
			}
			continue
		}
		for _, route := range r.routes {
			if o := (outcome{route, r.status, r.code}); !seen.outcomes[o] {
				missing = append(missing, fmt.Sprintf("%s:%d: %s", referenceFile, r.line, o))
			}
		}
	}
	return missing
}

func TestReferenceHasEveryRouteAndNoOther(t *testing.T) {
	documented := reference(t).routes
	exist := slices.Concat(httpapi.PublicRoutes(), httpapi.AdminRoutes())
	for _, route := range exist {
		if !slices.Contains(documented, route) {
			t.Errorf("%s is not in docs/http-api.md", route)
		}
	}
	for _, route := range documented {
		if !slices.Contains(exist, route) {
			t.Errorf("%s is in docs/http-api.md and does not exist", route)
		}
	}
	slices.Sort(documented)
	if n := len(slices.Compact(slices.Clone(documented))); n != len(documented) {
		t.Error("a route has two headings in docs/http-api.md")
	}
}
