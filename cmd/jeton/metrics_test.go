package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/metrics"
)

// A told metric is one of a page of metrics, or of the documentation.
type told struct {
	kind   string
	labels string // sorted, with spaces between
}

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`)
	sampleLine = regexp.MustCompile(`(?m)^(jeton_\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	labelName  = regexp.MustCompile(`(\w+)="`)
	metricName = regexp.MustCompile(`\b(?:jeton|go|process)_[a-z_]+`)
)

// readMetrics reads the metrics of a page, in Prometheus's format.
func readMetrics(page string) map[string]told {
	all := map[string]told{}
	for _, m := range typeLine.FindAllStringSubmatch(page, -1) {
		all[m[1]] = told{kind: m[2]}
	}
	for _, m := range sampleLine.FindAllStringSubmatch(page, -1) {
		name := m[1]
		metric, ok := all[name]
		if !ok {
			name = m[1] + m[2] // "_count" may be part of a name
			metric = all[name]
		}
		var labels []string
		for _, l := range labelName.FindAllStringSubmatch(m[3], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		metric.labels = strings.Join(labels, " ")
		all[name] = metric
	}
	return all
}

// documentedMetrics reads the tables of docs/metrics.md.
func documentedMetrics(t *testing.T) map[string]told {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]told{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if !strings.HasPrefix(line, "| `jeton_") || len(cells) != 4 {
			continue
		}
		labels := strings.Fields(strings.ReplaceAll(cells[2], "`", ""))
		slices.Sort(labels)
		for _, name := range metricName.FindAllString(cells[0], -1) {
			all[name] = told{strings.TrimSpace(cells[1]), strings.Join(labels, " ")}
		}
	}
	return all
}

// exposedMetrics are those of a service that has done a bit of everything, and
// of a guard.
func exposedMetrics(t *testing.T) map[string]told {
	t.Helper()
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data)
	s.want(200, "refresh", s.refresh(s.login().Refresh))
	s.want(200, "feed", s.do("GET", "/v1/revocations", "", "", ""))
	var all map[string]told
	s.eventually("live sessions are counted", func() bool {
		all = readMetrics(s.metrics())
		return all["jeton_sessions_live"] != told{} && all["jeton_feed_read_age_seconds"] != told{}
	})
	r := metrics.New("", time.Now)
	g := r.Guard(func() bool { return true }, func() map[string]time.Duration { return map[string]time.Duration{"i": math.MaxInt64} })
	g.Decided(200, "ok")
	rec := httptest.NewRecorder()
	r.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	maps.Copy(all, readMetrics(rec.Body.String()))
	return all
}

// metrics is the page of metrics of a running service.
func (s *service) metrics() string {
	s.t.Helper()
	res, err := http.Get(s.admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		s.t.Fatalf("%d, %v: %s", res.StatusCode, err, b)
	}
	return string(b)
}

// What the program tells is what its page says, both ways, and what the rules and
// the dashboard ask for is there.
func TestTheMetricsAreThoseOfTheirPage(t *testing.T) {
	exposed, documented := exposedMetrics(t), documentedMetrics(t)
	for name, want := range documented {
		if exposed[name] != want {
			t.Errorf("docs/metrics.md: %s is %q, and the program has %q", name, want, exposed[name])
		}
	}
	for name := range exposed {
		if strings.HasPrefix(name, "jeton_") && documented[name] == (told{}) {
			t.Errorf("docs/metrics.md does not have %s", name)
		}
	}
	if len(documented) < 30 {
		t.Errorf("%d metrics in docs/metrics.md", len(documented))
	}
	for place, expressions := range map[string][]string{
		"the dashboard":  dashboardExpressions(t),
		"the rules":      ruleExpressions(t),
		"the page's own": pageExpressions(t),
	} {
		if len(expressions) < 5 {
			t.Errorf("%s: %d expressions", place, len(expressions))
		}
		for _, expression := range expressions {
			for _, name := range metricName.FindAllString(expression, -1) {
				if _, ok := exposed[name]; ok {
					continue
				}
				base := name
				for _, part := range []string{"_bucket", "_sum", "_count"} {
					base = strings.TrimSuffix(base, part)
				}
				if exposed[base].kind != "histogram" {
					t.Errorf("%s: nothing tells of %s: %s", place, name, expression)
				}
			}
		}
	}
}

func dashboardExpressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(packaging + "/grafana/jeton.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if query, ok := v.Query.(map[string]any); ok {
			all = append(all, fmt.Sprint(query["query"]))
		}
	}
	return all
}

func ruleExpressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(packaging + "/prometheus/jeton.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, rule := range strings.Split(string(text), "      - alert: ")[1:] {
		name, rest, _ := strings.Cut(rule, "\n")
		_, expression, _ := strings.Cut(rest, "expr: ")
		expression, annotations, ok := strings.Cut(expression, "labels: {severity: ")
		if !ok || !strings.Contains(annotations, "summary: ") {
			t.Errorf("%s has no severity or summary", name)
		}
		all = append(all, expression)
	}
	return all
}

// pageExpressions are those that docs/metrics.md says to watch.
func pageExpressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, watch, _ := strings.Cut(string(text), "## What to watch")
	watch, _, _ = strings.Cut(watch, "\n## ")
	var all []string
	for line := range strings.Lines(watch) {
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			expression, _, _ := strings.Cut(row, "`")
			all = append(all, expression)
		}
	}
	return all
}

// TestMetricsNameNobody: what a client sends becomes no label.
func TestMetricsNameNobody(t *testing.T) {
	data := t.TempDir()
	s := serve(t, data)
	addUser(t, data)
	a := s.login()
	const marker = "m4rk3r"
	for _, target := range []string{"/" + marker, "/v1/sessions/" + marker, "/verify?scope=" + marker, "/v1/login?" + marker} {
		s.do("GET", target, "", "", a.Access)
		s.do("DELETE", target, "", "", a.Access)
	}
	r, err := http.NewRequest(strings.ToUpper(marker), s.url+"/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", marker)
	if res, err := http.DefaultClient.Do(r); err == nil {
		res.Body.Close()
	}
	sid := s.do("GET", "/verify", "", "", a.Access).Header.Get("X-Auth-Session-Id")
	page := strings.ToLower(s.metrics())
	for _, found := range []string{marker, strings.ToLower(sid), testUser} {
		if strings.Contains(page, found) {
			t.Errorf("rule: no label has a value of a client's; %q has", found)
		}
	}
	if !strings.Contains(page, `route="/v1/sessions/{sid}"`) {
		t.Error("no route by its pattern")
	}
}
