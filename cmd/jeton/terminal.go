package main

import (
	"fmt"
	"io"
	"os"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// paint colours text for humans: on a terminal only, and not where NO_COLOR is
// set.
type paint struct{ on bool }

func painter(w io.Writer) paint {
	f, ok := w.(*os.File)
	return paint{ok && term.IsTerminal(int(f.Fd())) && !color.NoColor}
}

func (p paint) with(attrs ...color.Attribute) func(string) string {
	c := color.New(attrs...)
	if p.on {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return func(text string) string { return c.Sprint(text) }
}

func (p paint) bold(text string) string  { return p.with(color.Bold)(text) }
func (p paint) faint(text string) string { return p.with(color.Faint)(text) }
func (p paint) green(text string) string { return p.with(color.FgGreen)(text) }
func (p paint) red(text string) string   { return p.with(color.FgRed)(text) }
func (p paint) cyan(text string) string  { return p.with(color.FgCyan)(text) }

// counted is a number of things: "1 key", "2 keys".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
