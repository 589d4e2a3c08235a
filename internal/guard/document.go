package guard

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// ErrPolicy: the policy file is refused. The error says all that is wrong with it,
// a line of text for each fault, with the file's name and the line.
var ErrPolicy = errors.New("guard: refused policy")

// A fault is what is wrong at a line of the policy.
type fault struct {
	line int
	text string
}

// document reads YAML strictly and collects faults instead of stopping at the
// first.
type document struct {
	name   string
	faults []fault
}

func (d *document) fault(line int, format string, args ...any) {
	d.faults = append(d.faults, fault{line, fmt.Sprintf(format, args...)})
}

// err returns all faults, by line.
func (d *document) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	lines := make([]string, len(d.faults))
	for i, f := range d.faults {
		lines[i] = fmt.Sprintf("%s:%d: %s", d.name, f.line, f.text)
	}
	return fmt.Errorf("%w:\n%s", ErrPolicy, strings.Join(lines, "\n"))
}

// parse returns the one document's top; nil, with a fault, if there is none.
func (d *document) parse(data []byte) *yaml.Node {
	var top yaml.Node
	if err := yaml.Load(data, &top); err != nil {
		line := 1
		var load *yaml.LoadError
		if errors.As(err, &load) {
			line = max(load.Mark.Line, 1)
		}
		d.fault(line, "%v", err)
		return nil
	}
	if top.Kind != yaml.DocumentNode || len(top.Content) != 1 {
		d.fault(1, "the file is empty")
		return nil
	}
	return top.Content[0]
}

// mapping calls the function of each key that is there with its value. A key that
// is unknown, there twice, or no plain word is a fault. It returns which ones are
// there.
func (d *document) mapping(n *yaml.Node, what string, fields map[string]func(*yaml.Node)) map[string]bool {
	if n.Kind != yaml.MappingNode {
		d.fault(n.Line, "%s takes names with values, not %s", what, kind(n))
		return nil
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		field, ok := fields[name]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fault(key.Line, "%s has a name that is %s", what, kind(key))
		case seen[name]:
			d.fault(key.Line, "%s has %s twice", what, name)
		case !ok:
			d.fault(key.Line, "%s knows no %q%s", what, name, didYouMean(name, slices.Collect(maps.Keys(fields))))
		default:
			field(value)
		}
		seen[name] = true
	}
	return seen
}

// list calls f for each element of a sequence.
func (d *document) list(n *yaml.Node, what string, f func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n.Line, "%s takes a list, not %s", what, kind(n))
		return
	}
	if len(n.Content) == 0 {
		d.fault(n.Line, "%s is an empty list", what)
	}
	for _, each := range n.Content {
		f(each)
	}
}

// text reads a string that is not empty.
func (d *document) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.fault(n.Line, "%s takes a text, not %s", what, kind(n))
		return ""
	}
	return n.Value
}

// texts reads a list of strings, none of them twice; a single string is a list of
// one.
func (d *document) texts(n *yaml.Node, what string, check func(string) string) []string {
	var all []string
	one := func(n *yaml.Node) {
		s := d.text(n, what)
		if s == "" {
			return
		}
		if check != nil {
			if problem := check(s); problem != "" {
				d.fault(n.Line, "%s: %q %s", what, s, problem)
				return
			}
		}
		if slices.Contains(all, s) {
			d.fault(n.Line, "%s has %q twice", what, s)
			return
		}
		all = append(all, s)
	}
	if n.Kind == yaml.ScalarNode {
		one(n)
		return all
	}
	d.list(n, what, one)
	return all
}

func (d *document) truth(n *yaml.Node, what string) bool {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return n.Value == "true"
	}
	d.fault(n.Line, "%s takes true or false, not %s", what, kind(n))
	return false
}

// length reads a duration between 0 and most.
func (d *document) length(n *yaml.Node, what string, most time.Duration) time.Duration {
	length, err := time.ParseDuration(d.text(n, what))
	if err != nil || length < 0 || length > most {
		d.fault(n.Line, "%s takes a time from 0s to %v, such as 30s", what, most)
		return 0
	}
	return length
}

func (d *document) number(n *yaml.Node, what string, most int) int {
	number, err := strconv.Atoi(d.text(n, what))
	if err != nil || number < 0 || number > most {
		d.fault(n.Line, "%s takes a number from 0 to %d", what, most)
		return 0
	}
	return number
}

// word reads one of a few words.
func (d *document) word(n *yaml.Node, what string, words ...string) string {
	s := d.text(n, what)
	if s != "" && !slices.Contains(words, s) {
		d.fault(n.Line, "%s takes %s, not %q%s", what, strings.Join(words, ", "), s, didYouMean(s, words))
		return ""
	}
	return s
}

func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "names with values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias (*" + n.Value + ")"
	case n.Tag == "!!null" || n.Value == "":
		return "nothing"
	default:
		return strconv.Quote(n.Value)
	}
}

// didYouMean names the nearest of the known names, if one is near.
func didYouMean(name string, known []string) string {
	slices.Sort(known)
	best, least := "", 2+len(name)/4
	for _, each := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(each)); d < least {
			best, least = each, d
		}
	}
	if best == "" {
		return "; it knows " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many letters must be changed, added or left out to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
