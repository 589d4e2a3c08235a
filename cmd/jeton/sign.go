package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/strictjson"
)

type signCmd struct {
	keySource
	Header []string      `help:"Header parameter NAME=VALUE, repeatable; the value is JSON, or else text. typ and kid may be set; alg is the key's." placeholder:"NAME=VALUE" sep:"none"`
	TTL    time.Duration `name:"ttl" help:"Add exp, this long from now." placeholder:"D"`
	Raw    bool          `help:"Sign the input exactly as it is: nothing is added and nothing is checked."`
	Batch  bool          `help:"Read one claims set a line from stdin and print one token a line."`
	Claims string        `arg:"" optional:"" name:"claims.json" help:"File with the claims; - is stdin. A text that begins with { is the claims themselves." predictor:"file"`
}

func (c *signCmd) Help() string {
	return `Without --raw, iat is added, and exp with --ttl, where the claims lack them; claims that no verifier would accept are refused.

Examples:
  jeton sign --key key.json --ttl 5m '{"iss":"me","sub":"alice","aud":"orders"}'
  jeton sign --secret-file secret.txt --header typ=at+jwt claims.json`
}

const maxClaims = 1 << 20

func (c *signCmd) Run(s *streams) error {
	switch {
	case c.Batch && c.Claims != "" && c.Claims != "-":
		return usage("--batch reads stdin; leave the file out")
	case !c.Batch && c.Claims == "":
		return usage("name a file with the claims, or - for stdin")
	case c.Raw && c.TTL != 0:
		return usage("--raw signs the claims as they are; --ttl has nothing to add to")
	case c.TTL < 0:
		return usage("--ttl must be positive")
	}
	signer, err := c.signer()
	if err != nil {
		return err
	}
	if c.Batch {
		return batch(s, func(text string) (string, error) { return c.sign(signer, []byte(text)) }, nil)
	}
	text := []byte(c.Claims)
	if !strings.HasPrefix(c.Claims, "{") {
		if text, err = readInput(s.in, c.Claims, maxClaims); err != nil {
			return err
		}
	}
	token, err := c.sign(signer, text)
	if err == nil {
		_, err = fmt.Fprintln(s.out, token)
	}
	return err
}

func (c *signCmd) signer() (*jeton.Signer, error) {
	var opts []jeton.SignerOption
	var kid string
	for _, h := range c.Header {
		name, text, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, usage("--header takes NAME=VALUE")
		}
		var value any = text
		if json.Valid([]byte(text)) {
			value = json.RawMessage(text)
		}
		switch name {
		case "kid":
			kid = text
		case "typ":
			opts = append(opts, jeton.Type(text))
		case "alg":
			return nil, usage("alg is the key's; see --alg")
		default:
			opts = append(opts, jeton.HeaderParam(name, value))
		}
	}
	key, err := c.signingKey(kid)
	if err != nil {
		return nil, err
	}
	if c.Key == "" && kid == "" {
		opts = append(opts, jeton.WithoutKeyID()) // a bare secret has no name
	}
	signer, err := jeton.NewSigner(key, opts...)
	if errors.Is(err, jeton.ErrInvalidPolicy) {
		return nil, usageError{err}
	}
	return signer, err
}

func (c *signCmd) sign(signer *jeton.Signer, text []byte) (string, error) {
	if c.Raw {
		return signer.SignRaw(text)
	}
	members, err := strictjson.AppendMembers(nil, text, strictjson.Limits{})
	if err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	has := map[string]bool{}
	for _, m := range members {
		has[string(m.Name)] = true
	}
	now := time.Now()
	var more []string
	if !has["iat"] {
		more = append(more, fmt.Sprintf(`"iat":%d`, now.Unix()))
	}
	if c.TTL != 0 && !has["exp"] {
		more = append(more, fmt.Sprintf(`"exp":%d`, now.Add(c.TTL).Unix()))
	}
	body := strings.TrimSpace(string(text))
	if len(more) > 0 {
		if len(members) > 0 {
			more = append([]string{""}, more...)
		}
		body = strings.TrimRight(body[:len(body)-1], " \t\r\n") + strings.Join(more, ",") + "}"
	}
	return signer.Sign(json.RawMessage(body))
}

// maxLine bounds a line of a batch; a longer one is reported, not cut.
const maxLine = 1 << 20

// batch does one thing for each line of stdin: what it returns goes to stdout,
// one line each; a line that fails is named on stderr and the rest go on. report,
// if not nil, writes all outcomes to stdout instead.
func batch(s *streams, do func(string) (string, error), report func(line int, result string, err error) error) error {
	out := bufio.NewWriterSize(s.out, 64<<10)
	defer out.Flush()
	if report == nil {
		report = func(line int, result string, err error) error {
			if err != nil {
				fmt.Fprintf(s.err, "line %d: %v\n", line, err)
				return nil
			}
			_, err = fmt.Fprintln(out, result)
			return err
		}
	}
	in := bufio.NewScanner(s.in)
	in.Buffer(make([]byte, 64<<10), maxLine)
	var lines, failed int
	for in.Scan() {
		lines++
		text := strings.TrimSpace(in.Text())
		if text == "" {
			continue
		}
		result, err := do(text)
		if err != nil {
			failed++
		}
		if err := report(lines, result, err); err != nil {
			return err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", lines+1, maxLine)
	}
	if in.Err() != nil {
		return in.Err()
	}
	if failed > 0 {
		fmt.Fprintf(s.err, "%d of %d lines refused\n", failed, lines)
		return quietError{os.ErrInvalid}
	}
	return nil
}
