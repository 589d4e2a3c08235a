// Package strictyaml reads files that people write: unknown and repeated names,
// aliases and wrong kinds of values are faults, of which it collects all, each with
// its line, and names what was probably meant.
//
// It knows nothing of what is configured: the caller says which names there are.
package strictyaml

import (
	"bytes"
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

// A Node is a piece of the file, which knows its Line.
type Node = yaml.Node

// Kinds of nodes.
const (
	Scalar   = yaml.ScalarNode
	Sequence = yaml.SequenceNode
	Mapping  = yaml.MappingNode
)

// A fault is what is wrong at a line of the file.
type fault struct {
	line int
	text string
}

// A Document is read once and collects its faults instead of stopping at the
// first. The zero value has no name.
type Document struct {
	Name   string // of the file, for messages
	faults []fault
}

// Fault adds what is wrong at a line.
func (d *Document) Fault(line int, format string, args ...any) {
	d.faults = append(d.faults, fault{line, fmt.Sprintf(format, args...)})
}

// mostFaults is how many faults are told: whoever named the wrong file needs no
// more.
const mostFaults = 50

// Err returns the faults by line, each as NAME:LINE: text, and how many more there
// are than the first 50; nil if there are none.
func (d *Document) Err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	lines := make([]string, min(len(d.faults), mostFaults))
	for i := range lines {
		lines[i] = fmt.Sprintf("%s:%d: %s", d.Name, d.faults[i].line, d.faults[i].text)
	}
	if more := len(d.faults) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", d.Name, more))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// Parse returns the one document's top; nil, with a fault, if there is none.
func (d *Document) Parse(data []byte) *Node {
	if empty(data) {
		d.Fault(1, "the file is empty")
		return nil
	}
	var top Node
	if err := yaml.Load(data, &top); err != nil {
		line := 1
		var load *yaml.LoadError
		if errors.As(err, &load) {
			line = max(load.Mark.Line, 1)
		}
		d.Fault(line, "%v", err)
		return nil
	}
	if top.Kind != yaml.DocumentNode || len(top.Content) != 1 {
		d.Fault(1, "the file is empty")
		return nil
	}
	return top.Content[0]
}

// empty tells whether there is nothing but comments.
func empty(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// Mapping calls the function of each key that is there with its value. A key that
// is unknown, there twice, or no plain word is a fault. It returns which ones are
// there.
func (d *Document) Mapping(n *Node, what string, fields map[string]func(*Node)) map[string]bool {
	if n.Kind != Mapping {
		d.Fault(n.Line, "%s takes names with values, not %s", what, Kind(n))
		return nil
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		field, ok := fields[name]
		switch {
		case key.Kind != Scalar:
			d.Fault(key.Line, "%s has a name that is %s", what, Kind(key))
		case seen[name]:
			d.Fault(key.Line, "%s has %s twice", what, name)
		case !ok:
			d.Fault(key.Line, "%s knows no %q%s", what, name, DidYouMean(name, slices.Collect(maps.Keys(fields))))
		default:
			field(value)
		}
		seen[name] = true
	}
	return seen
}

// List calls f for each element of a sequence.
func (d *Document) List(n *Node, what string, f func(*Node)) {
	if n.Kind != Sequence {
		d.Fault(n.Line, "%s takes a list, not %s", what, Kind(n))
		return
	}
	if len(n.Content) == 0 {
		d.Fault(n.Line, "%s is an empty list", what)
	}
	for _, each := range n.Content {
		f(each)
	}
}

// Text reads a string that is not empty.
func (d *Document) Text(n *Node, what string) string {
	if n.Kind != Scalar || n.Tag == "!!null" || n.Value == "" {
		d.Fault(n.Line, "%s takes a text, not %s", what, Kind(n))
		return ""
	}
	return n.Value
}

// Texts reads a list of strings, none of them twice; a single string is a list of
// one.
func (d *Document) Texts(n *Node, what string, check func(string) string) []string {
	var all []string
	one := func(n *Node) {
		s := d.Text(n, what)
		if s == "" {
			return
		}
		if check != nil {
			if problem := check(s); problem != "" {
				d.Fault(n.Line, "%s: %q %s", what, s, problem)
				return
			}
		}
		if slices.Contains(all, s) {
			d.Fault(n.Line, "%s has %q twice", what, s)
			return
		}
		all = append(all, s)
	}
	if n.Kind == Scalar {
		one(n)
		return all
	}
	d.List(n, what, one)
	return all
}

// Truth reads true or false.
func (d *Document) Truth(n *Node, what string) bool {
	if n.Kind == Scalar && n.Tag == "!!bool" {
		return n.Value == "true"
	}
	d.Fault(n.Line, "%s takes true or false, not %s", what, Kind(n))
	return false
}

// Length reads a duration between 0 and most.
func (d *Document) Length(n *Node, what string, most time.Duration) time.Duration {
	length, err := time.ParseDuration(d.Text(n, what))
	if err != nil || length < 0 || length > most {
		d.Fault(n.Line, "%s takes a time from 0s to %v, such as 30s", what, most)
		return 0
	}
	return length
}

// Number reads a number between 0 and most.
func (d *Document) Number(n *Node, what string, most int) int {
	number, err := strconv.Atoi(d.Text(n, what))
	if err != nil || number < 0 || number > most {
		d.Fault(n.Line, "%s takes a number from 0 to %d", what, most)
		return 0
	}
	return number
}

// Word reads one of a few words.
func (d *Document) Word(n *Node, what string, words ...string) string {
	s := d.Text(n, what)
	if s != "" && !slices.Contains(words, s) {
		d.Fault(n.Line, "%s takes %s, not %q%s", what, strings.Join(words, ", "), s, DidYouMean(s, words))
		return ""
	}
	return s
}

// Kind says in words what a piece of the file is.
func Kind(n *Node) string {
	switch {
	case n.Kind == Mapping:
		return "names with values"
	case n.Kind == Sequence:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias (*" + n.Value + ")"
	case n.Tag == "!!null" || n.Value == "":
		return "nothing"
	default:
		return strconv.Quote(n.Value)
	}
}

// DidYouMean names the nearest of the known names, or all of them if none is near.
func DidYouMean(name string, known []string) string {
	if best := Nearest(name, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; it knows " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// Nearest returns the known name that was probably meant, "" if none is near.
func Nearest(name string, known []string) string {
	best, least := "", 2+len(name)/4
	for _, each := range slices.Sorted(slices.Values(known)) {
		if d := distance(strings.ToLower(name), strings.ToLower(each)); d < least {
			best, least = each, d
		}
	}
	return best
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
