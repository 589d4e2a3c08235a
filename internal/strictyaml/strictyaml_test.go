package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/jeton-go/jeton/internal/strictyaml"
)

func TestAFileWithoutContentIsEmpty(t *testing.T) {
	for _, text := range []string{"", "\n", "# a comment\n\n  # another", "---\n"} {
		d := &strictyaml.Document{Name: "f.yaml"}
		if top := d.Parse([]byte(text)); top != nil && top.Tag != "!!null" {
			t.Errorf("%q: %v", text, top)
		} else if top == nil && !strings.HasPrefix(d.Err().Error(), "f.yaml:1: ") {
			t.Errorf("%q: %v", text, d.Err())
		}
	}
}

// A wrong file of a megabyte is told of in a page.
func TestManyFaultsAreToldInPart(t *testing.T) {
	for n, want := range map[int]string{50: "", 51: "f.yaml: and 1 more", 20_000: "f.yaml: and 19950 more"} {
		d := &strictyaml.Document{Name: "f.yaml"}
		for i := range n {
			d.Fault(n-i, "wrong")
		}
		lines := strings.Split(d.Err().Error(), "\n")
		if lines[0] != "f.yaml:1: wrong" || lines[49] != "f.yaml:50: wrong" {
			t.Errorf("%d faults: %q, %q", n, lines[0], lines[49])
		}
		if rest := strings.Join(lines[50:], "\n"); rest != want {
			t.Errorf("%d faults: %.100q, want %q", n, rest, want)
		}
	}
}

func TestTheNearestNameIsNamed(t *testing.T) {
	known := []string{"access-ttl", "refresh-ttl", "issuer", "db"}
	for name, want := range map[string]string{
		"acces-ttl": "access-ttl", "ACCESS_TTL": "access-ttl", "isuser": "issuer", "bd": "", "dB": "db",
		"something": "", "": "",
	} {
		if got := strictyaml.Nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := strictyaml.DidYouMean("zzz", known); got != "; it knows access-ttl, db, issuer, refresh-ttl" {
		t.Error(got)
	}
	if known[0] != "access-ttl" {
		t.Error("rule: the list is the caller's")
	}
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	entries := []strictyaml.Entry{
		{"plain", "text", "why"}, {"like-a-bool", "true", ""}, {"like-a-number", "017", ""}, {"comment", "a # b", "c"},
		{"lines", "a\nb", "c"}, {"star", "*a", ""}, {"colon", "a: b", ""}, {"none", "", "c"}, {"null", "null", ""},
		{"list", []string{"a, b", "no", "]"}, "why"}, {"pairs", map[string]string{"a": "1", "b: c": "}"}, "why"}, {"truth", true, "c"}, {"number", 17, ""},
	}
	var b strings.Builder
	if err := strictyaml.Write(&b, entries); err != nil {
		t.Fatal(err)
	}
	d := &strictyaml.Document{Name: "f.yaml"}
	top := d.Parse([]byte(b.String()))
	if top == nil {
		t.Fatalf("%v\n%s", d.Err(), b.String())
	}
	for i, e := range entries {
		n := top.Content[2*i+1]
		if top.Content[2*i].Value != e.Name {
			t.Errorf("%q is read as %q", e.Name, top.Content[2*i].Value)
		}
		switch want := e.Value.(type) {
		case string:
			if n.Value != want || n.Tag != "!!str" {
				t.Errorf("%s: %q is read as %s %q", e.Name, want, n.Tag, n.Value)
			}
		case []string:
			for j, each := range want {
				if n.Content[j].Value != each || n.Content[j].Tag != "!!str" {
					t.Errorf("%s: %q is read as %q", e.Name, each, n.Content[j].Value)
				}
			}
		case bool:
			if n.Tag != "!!bool" {
				t.Errorf("%s: %s", e.Name, n.Tag)
			}
		}
	}
}
