package postgres

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestListsAreReadAsTheyWereWritten(t *testing.T) {
	for _, list := range [][]string{nil, {""}, {"api"}, {"a", "b"}, {`quote"`, `back\slash`}, {`a","b`}, {"<é>"}, {"\u0000\n"}, {"\ufffd"}} {
		text, err := formatList(list)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseList(text); err != nil || !reflect.DeepEqual(got, list) {
			t.Errorf("%s was read as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{``, `[`, `["]`, `["a"b"]`, `["a`, `"a"]`, "[\"a\nb\"]", `["\"]`} {
		var want []string
		if json.Unmarshal([]byte(text), &want) == nil {
			t.Fatalf("%s is a list", text)
		}
		if got, err := parseList(text); err == nil {
			t.Errorf("%s was read as %q", text, got)
		}
	}
}

func TestColumnsThatAreNotASessionsAreDamaged(t *testing.T) {
	for name, read := range map[string]func(*columns){
		"none left":             func(c *columns) { c.values = nil; c.take() },
		"an id too short":       func(c *columns) { c.uuid() },
		"no number":             func(c *columns) { c.number() },
		"no number, not NULL":   func(c *columns) { c.optionalNumber() },
		"a NULL for a number":   func(c *columns) { c.take(); c.number() },
		"a NULL for a text":     func(c *columns) { c.take(); c.texts(make([]string, 1)) },
		"fewer texts than that": func(c *columns) { c.texts(make([]string, 3)) },
	} {
		c := columns{values: [][]byte{[]byte("abc"), nil}}
		if read(&c); !c.damaged {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
	c := columns{values: [][]byte{{0xff, 0xfe}, {0xff, 0xff, 0xff, 0xfd}, {0, 0, 0, 0, 0, 0, 0, 3}, nil, {}}}
	if a, b, d := c.number(), c.number(), c.number(); a != -2 || b != -3 || d != 3 {
		t.Errorf("-2, -3 and 3 were read as %d, %d, %d", a, b, d)
	}
	if n := c.optionalNumber(); n != nil || c.damaged {
		t.Errorf("NULL was read as %v", n)
	}
	text := []string{"?"}
	if c.texts(text); text[0] != "" || c.damaged {
		t.Errorf("an empty text was read as %q", text[0])
	}
}
