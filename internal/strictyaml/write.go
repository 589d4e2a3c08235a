package strictyaml

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// An Entry is a name with its value, and a comment beside it. The value is a
// string, a number, a bool, a list of strings, or a map of strings.
type Entry struct {
	Name    string
	Value   any
	Comment string // without the mark
}

// Write writes entries as a file that Parse reads.
func Write(w io.Writer, entries []Entry) error {
	top := &yaml.Node{Kind: Mapping, Tag: "!!map"}
	for _, e := range entries {
		value, err := node(e.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		value.LineComment = e.Comment
		top.Content = append(top.Content, text(e.Name), value)
	}
	data, err := yaml.Dump(top)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

func node(value any) (*yaml.Node, error) {
	switch v := value.(type) {
	case string:
		return text(v), nil
	case []string:
		list := &yaml.Node{Kind: Sequence, Tag: "!!seq", Style: yaml.FlowStyle}
		for _, each := range v {
			list.Content = append(list.Content, text(each))
		}
		return list, nil
	case map[string]string:
		pairs := &yaml.Node{Kind: Mapping, Tag: "!!map", Style: yaml.FlowStyle}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			pairs.Content = append(pairs.Content, text(name), text(v[name]))
		}
		return pairs, nil
	default:
		n := &yaml.Node{}
		return n, n.Encode(v)
	}
}

// text is a string, in quotes if it would be read as something else.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}
