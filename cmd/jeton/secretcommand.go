package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	secretCommandTime  = 30 * time.Second
	secretCommandBytes = 4096 // of its output, and of what it says
)

// outputOf runs a command that prints a secret. What it says on stderr is
// returned, and is part of the error; nothing of what it prints is in either.
func outputOf(ctx context.Context, command []string) (out, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, secretCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = withoutSettings(os.Environ())
	cmd.WaitDelay = 2 * time.Second // a child of its own may keep the pipes open
	stdout, stderr := boundedBuffer{full: cancel}, boundedBuffer{}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	out = stdout.String()
	said = withoutWords(strings.TrimSpace(stderr.String()), out)
	name := command[0]
	switch {
	case stdout.over:
		err = fmt.Errorf("%s printed more than %d bytes", name, secretCommandBytes)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%s was not done in %s", name, secretCommandTime)
	case ctx.Err() != nil:
		err = fmt.Errorf("%s: %w", name, ctx.Err())
	case errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success():
		err = nil // all was said; somebody else keeps the pipe
	case err != nil && cmd.ProcessState != nil:
		err = fmt.Errorf("%s ended with %s", name, cmd.ProcessState)
	case err != nil: // it did not start, and the error names it
	case strings.TrimSpace(out) == "":
		err = fmt.Errorf("%s printed nothing", name)
	}
	if err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	if err != nil {
		out = ""
	}
	return out, said, err
}

// withoutSettings takes this program's settings out of an environment: the
// database's password is none of a secret manager's business.
func withoutSettings(environ []string) []string {
	return slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "JETON_") })
}

// withoutWords takes the words of a secret out of a text.
func withoutWords(text, secret string) string {
	for _, word := range strings.Fields(secret) {
		if len(word) >= 8 {
			text = strings.ReplaceAll(text, word, "[redacted]")
		}
	}
	return text
}

// boundedBuffer keeps the beginning of what is written to it.
type boundedBuffer struct {
	buf  bytes.Buffer // not embedded: io.Copy would find its ReadFrom
	over bool
	full func() // called when more is written; may be nil
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	room := secretCommandBytes - b.buf.Len()
	if len(p) > room {
		b.buf.Write(p[:room])
		b.over = true
		if b.full != nil {
			b.full()
		}
		return len(p), nil // a command that says much is not to fail for it
	}
	return b.buf.Write(p)
}

func (b *boundedBuffer) String() string { return b.buf.String() }

// splitWords splits a command into words as a shell does, and does nothing else
// that a shell does: single and double quotes hold a word together, and a
// backslash takes the meaning from a quote, a space or a backslash behind it.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord := false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(runes) && strings.ContainsRune(`"'\ `, runes[i+1]):
			i++
			word.WriteRune(runes[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && strings.ContainsRune(" \t\r\n", c):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("there is no command")
	}
	return words, nil
}
