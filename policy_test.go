package jeton_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
)

// Every row is held against the clock of the tests; the offsets are seconds from
// it, as they stand in the token.
func TestTimes(t *testing.T) {
	at := func(offset float64) string { return fmt.Sprintf("%.9f", 1_800_000_000+offset) }
	dates := func(exp, nbf, iat string) string {
		set := `"iss":"https://auth.example","aud":"orders"`
		for _, d := range []struct{ name, value string }{{"exp", exp}, {"nbf", nbf}, {"iat", iat}} {
			if d.value != "" {
				set += `,"` + d.name + `":` + d.value
			}
		}
		return "{" + set + "}"
	}
	noLeeway := func(p *jeton.Policy) { p.Leeway = jeton.NoLeeway }
	minute := func(p *jeton.Policy) { p.Leeway = time.Minute }
	halfPast := func(p *jeton.Policy) {
		p.Leeway = jeton.NoLeeway
		p.Now = func() time.Time { return now.Add(500 * time.Millisecond) }
	}
	missing := func(p *jeton.Policy) { p.AllowMissingExpiration = true }
	for _, c := range []struct {
		name          string
		exp, nbf, iat string
		policy        func(*jeton.Policy)
		want          error // nil: accepted
	}{
		{name: "exp is now, no leeway", exp: at(0), policy: noLeeway, want: jeton.ErrExpired},
		{name: "exp in a second, no leeway", exp: at(1), policy: noLeeway},
		{name: "exp a second ago, no leeway", exp: at(-1), policy: noLeeway, want: jeton.ErrExpired},
		{name: "exp is now", exp: at(0)},
		{name: "exp 29 s ago", exp: at(-29)},
		{name: "exp 30 s ago", exp: at(-30), want: jeton.ErrExpired},
		{name: "exp an hour ago", exp: at(-3600), want: jeton.ErrExpired},
		{name: "exp in 1970", exp: "1", want: jeton.ErrExpired},
		{name: "exp 59 s ago, a minute's leeway", exp: at(-59), policy: minute},
		{name: "exp 60 s ago, a minute's leeway", exp: at(-60), policy: minute, want: jeton.ErrExpired},
		{name: "exp in the last second there is", exp: "253402300799"},
		{name: "the fraction of exp rounds down", exp: at(0.999), policy: noLeeway, want: jeton.ErrExpired},
		{name: "the fraction of exp rounds down, and leeway counts from there", exp: at(-29.001), want: jeton.ErrExpired},
		{name: "half a second before exp", exp: at(1), policy: halfPast},
		{name: "half a second after exp", exp: at(0), policy: halfPast, want: jeton.ErrExpired},
		{name: "expired where exp may be missing", exp: at(-30), policy: missing, want: jeton.ErrExpired},
		{name: "no exp where it may be missing", policy: missing},
		{name: "no exp", want: jeton.ErrMissingClaim},
		{name: "no exp but nbf and iat", nbf: at(-1), iat: at(-1), want: jeton.ErrMissingClaim},

		{name: "nbf is now, no leeway", exp: at(60), nbf: at(0), policy: noLeeway},
		{name: "nbf in a second, no leeway", exp: at(60), nbf: at(1), policy: noLeeway, want: jeton.ErrNotYetValid},
		{name: "nbf in a fraction of a second, no leeway", exp: at(60), nbf: at(0.001), policy: noLeeway, want: jeton.ErrNotYetValid},
		{name: "nbf in 30 s", exp: at(60), nbf: at(30)},
		{name: "nbf in 31 s", exp: at(60), nbf: at(31), want: jeton.ErrNotYetValid},
		{name: "nbf in 60 s, a minute's leeway", exp: at(90), nbf: at(60), policy: minute},
		{name: "nbf in 61 s, a minute's leeway", exp: at(90), nbf: at(61), policy: minute, want: jeton.ErrNotYetValid},
		{name: "nbf in the future where exp may be missing", nbf: at(31), policy: missing, want: jeton.ErrNotYetValid},

		{name: "iat is now, no leeway", exp: at(60), iat: at(0), policy: noLeeway},
		{name: "iat in a second, no leeway", exp: at(60), iat: at(1), policy: noLeeway, want: jeton.ErrIssuedInFuture},
		{name: "iat in 30 s", exp: at(60), iat: at(30)},
		{name: "iat in 31 s", exp: at(60), iat: at(31), want: jeton.ErrIssuedInFuture},
		{name: "iat in the future where exp may be missing", iat: at(31), policy: missing, want: jeton.ErrIssuedInFuture},
		{name: "iat in 1970", exp: at(60), iat: "1"},

		{name: "nbf is exp", exp: at(10), nbf: at(10), want: jeton.ErrContradictoryTimes},
		{name: "nbf after exp", exp: at(10), nbf: at(11), want: jeton.ErrContradictoryTimes},
		{name: "nbf after exp, both past", exp: at(-3600), nbf: at(-1800), want: jeton.ErrContradictoryTimes},
		{name: "nbf after exp, which has a fraction", exp: at(10.5), nbf: at(11), want: jeton.ErrContradictoryTimes},
		{name: "iat after exp, which has a fraction", exp: at(10.5), iat: at(11), want: jeton.ErrContradictoryTimes},
		{name: "nbf after exp by a fraction", exp: at(10.25), nbf: at(10.5), want: jeton.ErrContradictoryTimes},
		{name: "nbf before exp by a fraction", exp: at(10.5), nbf: at(10.25)},
		{name: "nbf just before exp", exp: at(10), nbf: at(9)},
		{name: "iat after exp", exp: at(10), iat: at(11), want: jeton.ErrContradictoryTimes},
		{name: "iat is exp", exp: at(10), iat: at(10)},
		{name: "nbf before iat, as for a session that began earlier", exp: at(60), nbf: at(-10), iat: at(0)},
	} {
		t.Run("A12 "+c.name, func(t *testing.T) {
			var change []func(*jeton.Policy)
			if c.policy != nil {
				change = append(change, c.policy)
			}
			v := testVerifier(t, hmacKey(t).Public(), change...)
			token := forge(goodHeader, dates(c.exp, c.nbf, c.iat))
			if c.want != nil {
				refusedBy(t, v, token, c.want)
			} else if _, err := v.Verify(context.Background(), token); err != nil {
				t.Error(err)
			}
		})
	}
}

// Expiry is the last thing but revocation, so that ErrExpired tells that a fresh
// token of this kind would do.
func TestExpiredMeansThatTheRestHolds(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public())
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"signature": {sealHS256("another secret of a sufficient length", b64(goodHeader), b64(claims("exp", "1"))), jeton.ErrSignature},
		"type":      {forge(`{"alg":"HS256","typ":"at+jwt"}`, claims("exp", "1")), jeton.ErrType},
		"issuer":    {forge(goodHeader, `{"iss":"https://other.example","aud":"orders","exp":1}`), jeton.ErrIssuer},
		"audience":  {forge(goodHeader, `{"iss":"https://auth.example","aud":"billing","exp":1}`), jeton.ErrAudience},
		"nbf":       {forge(goodHeader, `{"iss":"https://auth.example","aud":"orders","exp":1,"nbf":2}`), jeton.ErrContradictoryTimes},
		"subject":   {forge(goodHeader, `{"iss":"https://auth.example","aud":"orders","exp":1,"sub":1}`), jeton.ErrClaimType},
	} {
		t.Run(name, func(t *testing.T) { refusedBy(t, v, c.token, c.want) })
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*jeton.Policy)
		want   error // nil: accepted
	}{
		{"no issuer", func(p *jeton.Policy) { p.Issuer = "" }, jeton.ErrInvalidPolicy},
		{"no audience", func(p *jeton.Policy) { p.Audience = "" }, jeton.ErrInvalidPolicy},
		{"no type", func(p *jeton.Policy) { p.Type = "" }, jeton.ErrInvalidPolicy},
		{"nothing at all", func(p *jeton.Policy) { *p = jeton.Policy{} }, jeton.ErrInvalidPolicy},
		{"an issuer and any", func(p *jeton.Policy) { p.AnyIssuer = true }, jeton.ErrInvalidPolicy},
		{"an audience and any", func(p *jeton.Policy) { p.AnyAudience = true }, jeton.ErrInvalidPolicy},
		{"a type and any", func(p *jeton.Policy) { p.AnyType = true }, jeton.ErrInvalidPolicy},
		{"A12 leeway of a minute", func(p *jeton.Policy) { p.Leeway = time.Minute }, nil},
		{"A12 leeway of more", func(p *jeton.Policy) { p.Leeway = time.Minute + 1 }, jeton.ErrInvalidPolicy},
		{"A12 leeway of an hour", func(p *jeton.Policy) { p.Leeway = time.Hour }, jeton.ErrInvalidPolicy},
		{"A12 leeway of a nanosecond", func(p *jeton.Policy) { p.Leeway = 1 }, nil},
		{"A12 leeway negative", func(p *jeton.Policy) { p.Leeway = -2 }, jeton.ErrInvalidPolicy},
		{"A12 leeway negative by a second", func(p *jeton.Policy) { p.Leeway = -time.Second }, jeton.ErrInvalidPolicy},
		{"A12 the least leeway there is", func(p *jeton.Policy) { p.Leeway = math.MinInt64 }, jeton.ErrInvalidPolicy},
		{"A9 a negative length", func(p *jeton.Policy) { p.Limits.TokenBytes = -1 }, jeton.ErrInvalidPolicy},
		{"A10 a negative depth", func(p *jeton.Policy) { p.Limits.Depth = -1 }, jeton.ErrInvalidPolicy},
		{"A10 a negative number of members", func(p *jeton.Policy) { p.Limits.Members = -1 }, jeton.ErrInvalidPolicy},
		{"A4 a negative length of kid", func(p *jeton.Policy) { p.Limits.KeyIDBytes = -1 }, jeton.ErrInvalidPolicy},
		{"A10 a depth that would overflow the stack", func(p *jeton.Policy) { p.Limits.Depth = 10_001 }, jeton.ErrInvalidPolicy},
		{"A10 a depth that does not", func(p *jeton.Policy) { p.Limits.Depth = 10_000 }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testPolicy()
			c.change(&p)
			v, err := jeton.NewVerifier(hmacKey(t).Public(), p)
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if v != nil {
				t.Error("a verifier came beside the error")
			}
			refused(t, err, c.want)
		})
	}
}

// The default clock is the real one.
func TestPolicyWithoutAClock(t *testing.T) {
	signer := must(jeton.NewSigner(hmacKey(t)))(t)
	sign := func(d time.Duration) string {
		c := goodClaims()
		c.ExpiresAt = jeton.At(time.Now().Add(d))
		return must(signer.Sign(c))(t)
	}
	v := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) { p.Now = nil })
	must(v.Verify(context.Background(), sign(time.Hour)))(t)
	refusedBy(t, v, sign(-time.Hour), jeton.ErrExpired)
}

type revocations func(*jeton.Verified) error

func (r revocations) CheckRevoked(_ context.Context, v *jeton.Verified) error { return r(v) }

func TestRevocationsAreAskedLast(t *testing.T) {
	asked := 0
	answer := error(nil)
	v := testVerifier(t, hmacKey(t).Public(), func(p *jeton.Policy) {
		p.Revocations = revocations(func(v *jeton.Verified) error {
			asked++
			if v.Subject() != "subject-canary" || v.StringClaim("sid") != "s1" {
				t.Error("the list is asked about another token")
			}
			return answer
		})
	})
	token := func(exp string) string {
		return forge(goodHeader, `{"iss":"https://auth.example","sub":"subject-canary","aud":"orders","sid":"s1","exp":`+exp+`}`)
	}
	must(v.Verify(context.Background(), token("1800000300")))(t)
	if asked != 1 {
		t.Fatalf("asked %d times", asked)
	}
	refusedBy(t, v, token("1"), jeton.ErrExpired)
	if asked != 1 {
		t.Error("asked about an expired token")
	}
	answer = fmt.Errorf("%w: session", jeton.ErrRevoked)
	refusedBy(t, v, token("1800000300"), jeton.ErrRevoked)
	// A list that can't tell says so in its own words.
	stale := errors.New("the feed is stale")
	answer = stale
	verified, err := v.Verify(context.Background(), token("1800000300"))
	if verified != nil || !is(err, stale) || !is(err, jeton.ErrRevocationsUnavailable) || jeton.ReasonCode(err) != "revocations_unavailable" {
		t.Errorf("%v, %v", verified, err)
	}
}
