package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jeton-go/jeton/internal/lint"
)

type lintCmd struct {
	JSON  bool   `name:"json" help:"Print JSON."`
	Token string `arg:"" help:"The token; - is stdin."`
}

func (c *lintCmd) Help() string {
	return `Says what RFC 8725 and common sense find wrong with a token, without a key. Nothing is verified. The token is not printed, and no claim's value.

Exit status: 1 if there is a finding of severity error, 0 otherwise.`
}

func (c *lintCmd) Run(_ context.Context, s *streams) error {
	text := c.Token
	if text == "-" {
		b, err := readInput(s.in, "-", maxLine)
		if err != nil {
			return err
		}
		text = strings.TrimRight(string(b), "\r\n") // of the file, not of the token
	}
	found := lint.Check(text, time.Now())
	count := make(map[lint.Severity]int)
	for _, f := range found {
		count[f.Severity]++
	}
	if c.JSON {
		err := printJSON(s, struct {
			OK       bool           `json:"ok"`
			Findings []lint.Finding `json:"findings"`
		}{count[lint.Error] == 0, append([]lint.Finding{}, found...)})
		if err != nil {
			return err
		}
	} else if err := printFindings(s, found); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "errors: %d, warnings: %d, notes: %d. Nothing was verified: anybody could have written the token.\n", count[lint.Error], count[lint.Warning], count[lint.Note])
	if count[lint.Error] > 0 {
		return quietError{errors.New("the token has an error")}
	}
	return nil
}

func printFindings(s *streams, found []lint.Finding) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, f := range found {
		why := f.Why
		if f.Detail != "" {
			why += " (" + f.Detail + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n\t\t-> %s\n", f.Severity, f.ID, why, f.Do)
	}
	return w.Flush()
}
