package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

type verifyCmd struct {
	keySource
	JWKS   string        `name:"jwks" help:"JWK set: a file, or the URL of an issuer's keys." placeholder:"FILE|URL" predictor:"file"`
	Iss    string        `help:"Expected issuer." placeholder:"X"`
	AnyIss bool          `help:"Accept any issuer."`
	Aud    string        `help:"Expected audience." placeholder:"X"`
	AnyAud bool          `help:"Accept any audience."`
	Typ    string        `help:"Expected typ header, such as at+jwt. Default: any." placeholder:"X"`
	Leeway time.Duration `default:"30s" help:"What clocks may be apart, at most 1m. Default: ${default}." placeholder:"D"`
	Now    string        `help:"Verify as of this time: RFC 3339, or seconds since 1970." placeholder:"TIME"`
	NoExp  bool          `help:"Accept tokens that never expire. One with exp must still not be expired."`
	Batch  bool          `help:"Read one token a line from stdin."`
	JSON   bool          `name:"json" help:"Print one JSON object per token, refused ones too: {\"ok\",\"claims\"} or {\"ok\",\"reason\",\"error\"}."`
	Token  string        `arg:"" optional:"" help:"The token; - is stdin."`
}

func (c *verifyCmd) Help() string {
	return `Prints the claims as one line of JSON. An issuer and an audience are required, or waived by name.

Examples:
  jeton verify --jwks http://127.0.0.1:8080/.well-known/jwks.json --iss http://127.0.0.1:8080 --aud api TOKEN
  jeton verify --secret-file secret.txt --any-iss --any-aud - < token.txt`
}

func (c *verifyCmd) Run(ctx context.Context, s *streams) error {
	switch {
	case c.Batch && c.Token != "" && c.Token != "-":
		return usage("--batch reads stdin; leave the token out")
	case !c.Batch && c.Token == "":
		return usage("give a token, or - to read it from stdin")
	case (c.Iss == "") != c.AnyIss:
		return usage("give --iss, or --any-iss to accept any issuer")
	case (c.Aud == "") != c.AnyAud:
		return usage("give --aud, or --any-aud to accept any audience")
	}
	verifier, err := c.verifier(ctx)
	if err != nil {
		return err
	}
	verify := func(token string) (string, error) {
		v, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		var b bytes.Buffer
		err = json.Compact(&b, v.Payload())
		return b.String(), err
	}
	if c.Batch {
		var report func(int, string, error) error
		if c.JSON {
			report = func(line int, claims string, err error) error { return c.report(s, line, claims, err) }
		}
		return batch(s, verify, report)
	}
	token := c.Token
	if token == "-" {
		b, err := readInput(s.in, "-", maxLine)
		if err != nil {
			return err
		}
		// The newline that echo and editors add is not the token's.
		token = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}
	claims, err := verify(token)
	if c.JSON {
		if e := c.report(s, 0, claims, err); e != nil {
			return e
		}
	} else if err == nil {
		fmt.Fprintln(s.out, claims)
	}
	return err
}

// report prints an outcome as one line of JSON.
func (c *verifyCmd) report(s *streams, line int, claims string, err error) error {
	r := struct {
		Line   int             `json:"line,omitempty"`
		OK     bool            `json:"ok"`
		Claims json.RawMessage `json:"claims,omitempty"`
		Reason string          `json:"reason,omitempty"`
		Error  string          `json:"error,omitempty"`
	}{Line: line, OK: err == nil}
	if err != nil {
		r.Reason, r.Error = jeton.ReasonCode(err), err.Error()
	} else {
		r.Claims = json.RawMessage(claims)
	}
	b, e := json.Marshal(r)
	if e == nil {
		_, e = fmt.Fprintf(s.out, "%s\n", b)
	}
	return e
}

func (c *verifyCmd) verifier(ctx context.Context) (*jeton.Verifier, error) {
	now, err := parseClock(c.Now)
	if err != nil {
		return nil, err
	}
	keys, err := c.keySet(ctx, c.JWKS, time.Now)
	if err != nil {
		return nil, err
	}
	policy := jeton.Policy{
		Issuer:                 c.Iss,
		AnyIssuer:              c.AnyIss,
		Audience:               c.Aud,
		AnyAudience:            c.AnyAud,
		Type:                   c.Typ,
		AnyType:                c.Typ == "",
		Leeway:                 c.Leeway,
		AllowMissingExpiration: c.NoExp,
		Now:                    now,
	}
	if c.Leeway == 0 {
		policy.Leeway = jeton.NoLeeway
	}
	v, err := jeton.NewVerifier(keys, policy)
	if errors.Is(err, jeton.ErrInvalidPolicy) {
		return nil, usageError{err}
	}
	return v, err
}

// parseClock returns a clock that stands still at a time, or the real one for
// "".
func parseClock(text string) (func() time.Time, error) {
	if text == "" {
		return time.Now, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, usage("--now takes a time in RFC 3339, such as 2026-01-02T15:04:05Z, or seconds since 1970")
		}
		t = time.Unix(seconds, 0)
	}
	return func() time.Time { return t }, nil
}
