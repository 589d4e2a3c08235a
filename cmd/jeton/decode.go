package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/unverified"
)

type decodeCmd struct {
	JSON  bool   `name:"json" help:"Print one JSON object: header, claims, problems, verified (always false)."`
	Token string `arg:"" help:"The token; - is stdin."`
}

func (c *decodeCmd) Help() string {
	return "Nothing is verified: whoever wrote the token may have written anything. Use jeton verify for a token that matters."
}

func (c *decodeCmd) Run(_ context.Context, s *streams) error {
	text := c.Token
	if text == "-" {
		b, err := readInput(s.in, "-", maxLine)
		if err != nil {
			return err
		}
		text = string(b)
	}
	text = strings.TrimSpace(text)
	t, err := unverified.Decode(text)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s, map[string]any{
			"header":   json.RawMessage(t.Header),
			"claims":   json.RawMessage(t.Claims),
			"problems": append([]string{}, t.Problems...),
			"verified": false,
		})
	}
	p := painter(s.out)
	for _, part := range [][]byte{t.Header, t.Claims} {
		var b bytes.Buffer
		if err := json.Indent(&b, part, "", "  "); err != nil {
			return err
		}
		fmt.Fprintln(s.out, p.cyan(b.String()))
	}
	warn := painter(s.err)
	fmt.Fprintln(s.err, warn.red("NOT VERIFIED: anybody could have written this."))
	for _, line := range instants(t.Claims, time.Now()) {
		fmt.Fprintln(s.err, warn.faint(line))
	}
	for _, problem := range t.Problems {
		fmt.Fprintln(s.err, warn.red("a verifier refuses it: "+problem))
	}
	return nil
}

// instants puts the dates of a claims set into words.
func instants(claims []byte, now time.Time) (lines []string) {
	var c map[string]json.RawMessage
	if json.Unmarshal(claims, &c) != nil {
		return nil
	}
	for _, d := range []struct{ name, past, future string }{
		{"iat", "issued", "issued in the future:"},
		{"nbf", "valid since", "not valid before"},
		{"exp", "EXPIRED", "expires"},
	} {
		var at jeton.NumericDate
		if c[d.name] == nil || at.UnmarshalJSON(c[d.name]) != nil {
			continue
		}
		t := at.Time()
		if t.After(now) {
			lines = append(lines, fmt.Sprintf("%s %s (in %s)", d.future, t.Format(time.RFC3339), rough(t.Sub(now))))
		} else {
			lines = append(lines, fmt.Sprintf("%s %s (%s ago)", d.past, t.Format(time.RFC3339), rough(now.Sub(t))))
		}
	}
	return lines
}

// rough writes a duration in the unit that a human would choose.
func rough(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * 24 * time.Hour, "year"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int64(d / unit.length); n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		} else if n == 1 {
			return "1 " + unit.name
		}
	}
	return fmt.Sprintf("%d s", int64(d/time.Second))
}
