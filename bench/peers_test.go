package bench

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// What jeton accepts, three libraries that set out to be strict must accept too,
// and read the same claims in it. A token that jeton alone accepts would be a
// hole in jeton, or an entry of the table in exceptions_test.go.

// stillNow is the time of these tests, a while before the example of RFC 7519
// expires.
const stillNow = 1300819000

// strictPeers are configured as strictly as they allow.
var strictPeers = []string{"tink", "jwx", "go-jose"}

// bout is one algorithm with a policy, and all who verify.
type bout struct {
	setting
	suspect verifyFunc // jeton
	peers   map[string]verifyFunc
}

// strictJWX turns off what jwx would read as a date and is none. It is a global
// setting of that library.
var strictJWX = sync.OnceFunc(func() {
	jwt.Settings(jwt.WithNumericDateParsePedantic(true), jwt.WithNumericDateParsePrecision(9))
})

// bouts returns, for each algorithm, one with the strict policy and one with the
// lax policy. The suspect is jeton, but for the test that tries this test.
func bouts(tb testing.TB, suspect string) map[jeton.Algorithm][]bout {
	tb.Helper()
	strictJWX()
	all := make(map[jeton.Algorithm][]bout)
	for _, s := range settings(tb) {
		s.clock = func() time.Time { return time.Unix(stillNow, 0) }
		for _, lax := range []bool{false, true} {
			s.lax = lax
			b := bout{setting: s, peers: make(map[string]verifyFunc)}
			for _, l := range libraries() {
				if l.name != suspect && !slices.Contains(strictPeers, l.name) {
					continue
				}
				verify, err := l.verifier(s)
				switch {
				case errors.Is(err, errNotOffered):
				case err != nil:
					tb.Fatalf("%s: %v", l.name, err)
				case l.name == suspect:
					b.suspect = verify
				default:
					b.peers[l.name] = verify
				}
			}
			all[s.alg] = append(all[s.alg], b)
		}
	}
	return all
}

// input is what the fuzzer makes tokens of: header and claims as JSON that is
// signed with the right key, and bytes that say what happens to it before and
// after signing.
type input struct {
	header, payload string
	mutation        []byte
}

// algorithmOf chooses the key by the name in the header. One that names none of
// them is signed with HS256.
func algorithmOf(header string) jeton.Algorithm {
	for _, alg := range algorithms {
		if name := (setting{alg: alg}).name(); strings.Contains(header, `"`+name+`"`) || strings.Contains(header, `"`+string(alg)+`"`) {
			return alg
		}
	}
	return jeton.HS256
}

// The kinds of findings.
const (
	onlySuspect      = "only jeton accepts"
	readsDifferently = "claims read differently"
	twoSpellings     = "two spellings of one token, or a forgery"
)

// try plays one input through. It returns how many tokens jeton accepted, and
// what is wrong about that.
func try(t testing.TB, all map[jeton.Algorithm][]bout, in input) (accepted int, findings []string) {
	t.Helper()
	d := &dice{in.mutation}
	for n := d.roll(4); n > 0 && !d.empty(); n-- {
		in.header, in.payload = mutateJSON(d, in.header, in.payload)
	}
	group := all[algorithmOf(in.header)]
	token := forge(t, group[0].setting, in.header, in.payload)
	changed := token
	for n := d.roll(3); n > 0 && !d.empty(); n-- {
		changed = pick(d, tokenMutations)(d, group[0].setting, changed)
	}
	for _, b := range group {
		ok, found := b.hold(in, token)
		if ok {
			accepted++
		}
		findings = append(findings, found...)
		if changed == token {
			continue
		}
		// Nobody signed this one.
		if _, err := b.suspect(changed); err == nil && !isTwin(b.setting, token, changed) {
			findings = append(findings, fmt.Sprintf("%s: %s:\n%q\n%q", b.alg, twoSpellings, token, changed))
		}
	}
	return accepted, findings
}

// hold verifies one token with jeton and, if it accepts, with the others.
func (b bout) hold(in input, token string) (accepted bool, findings []string) {
	own, err := b.suspect(token)
	if err != nil {
		return false, nil
	}
	for name, verify := range b.peers {
		its, err := verify(token)
		finding := ""
		switch {
		case err != nil && excuse(name, b, in, own) == "":
			finding = fmt.Sprintf("%s, %s says: %v", onlySuspect, name, err)
		case err == nil && !agree(&own, &its):
			finding = fmt.Sprintf("%s by %s:\n%+v\n%+v", readsDifferently, name, own, its)
		default:
			continue
		}
		findings = append(findings, fmt.Sprintf("%s, lax=%t: %s\nheader %q\nclaims %q", b.alg, b.lax, finding, in.header, in.payload))
	}
	return true, findings
}

// agree compares what two libraries read. Times may differ by the rounding of a
// second; a claim that is absent and one that is empty are the same here.
func agree(a, b *claims) bool {
	near := func(x, y time.Time) bool {
		return x.IsZero() && y.IsZero() || !x.IsZero() && !y.IsZero() && x.Sub(y).Abs() <= time.Second
	}
	return a.Issuer == b.Issuer && a.Subject == b.Subject && a.ID == b.ID && a.Scope == b.Scope && a.Tenant == b.Tenant &&
		slices.Equal(a.Audience, b.Audience) && slices.Equal(a.Roles, b.Roles) &&
		near(a.ExpiresAt, b.ExpiresAt) && near(a.NotBefore, b.NotBefore) && near(a.IssuedAt, b.IssuedAt)
}

// FuzzAgainstPeers: no token that only jeton accepts, and no two strings that it
// takes for the same token.
func FuzzAgainstPeers(f *testing.F) {
	for _, in := range seeds(f) {
		f.Add([]byte(in.header), []byte(in.payload), in.mutation)
	}
	all := bouts(f, "jeton")
	f.Fuzz(func(t *testing.T, header, payload, mutation []byte) {
		if len(header)+len(payload) > 4096 || len(mutation) > 64 {
			return
		}
		_, findings := try(t, all, input{string(header), string(payload), mutation})
		for _, f := range findings {
			t.Error(f)
		}
	})
}

// TestAgainstPeers is the same for mutations that are the same in every run.
func TestAgainstPeers(t *testing.T) {
	tried, accepted, findings := tournament(t, "jeton", 1000)
	for _, f := range findings {
		t.Error(f)
	}
	// Mutations that nobody accepts show nothing.
	if accepted < tried/4 {
		t.Errorf("of %d inputs jeton accepted %d tokens", tried, accepted)
	}
	t.Logf("%d inputs, %d tokens accepted", tried, accepted)
}

// TestTournamentFinds: with a lenient library in jeton's place the same test
// finds what it is there to find.
func TestTournamentFinds(t *testing.T) {
	for _, suspect := range []string{"golang-jwt", "cristalhq", "pascaldekloe"} {
		_, _, findings := tournament(t, suspect, 200)
		for _, kind := range []string{onlySuspect, readsDifferently, twoSpellings} {
			if !slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, kind) }) {
				t.Errorf("%s in jeton's place: nothing found of the kind %q", suspect, kind)
			}
		}
	}
}

// tournament tries every seed with so many rounds of mutations.
func tournament(t *testing.T, suspect string, rounds int) (tried, accepted int, findings []string) {
	t.Helper()
	all := bouts(t, suspect)
	random := rand.New(rand.NewPCG(1, 2))
	for _, in := range seeds(t) {
		n := rounds
		if alg := algorithmOf(in.header); alg == jeton.RS256 || alg == jeton.PS256 {
			n /= 10 // signing takes a while
		}
		if len(membersOf(in.payload)) == 0 {
			n = 2 // a payload of the vectors that is no JSON
		}
		for range n {
			in.mutation = make([]byte, random.IntN(24))
			for i := range in.mutation {
				in.mutation[i] = byte(random.Uint32())
			}
			tried++
			got, found := try(t, all, in)
			accepted += got
			for _, f := range found {
				findings = append(findings, fmt.Sprintf("%s\nmutation %v", f, in.mutation))
			}
		}
	}
	return tried, accepted, findings
}

// seeds are valid tokens of every algorithm, and header and payload of the
// published vectors.
func seeds(tb testing.TB) []input {
	tb.Helper()
	var all []input
	seen := make(map[string]bool)
	add := func(header, payload string) {
		if key := header + "\x00" + payload; !seen[key] && len(key) < 2048 {
			seen[key] = true
			all = append(all, input{header: header, payload: payload, mutation: []byte{}})
		}
	}
	now := time.Unix(stillNow, 0)
	for _, alg := range algorithms {
		add(`{"alg":"`+setting{alg: alg}.name()+`","typ":"JWT"}`, claimsJSON(now))
	}
	add(`{"alg":"HS256","typ":"JWT","kid":"2011-04-29"}`, `{"iss":"`+testIssuer+`","aud":["x","`+testAudience+`"],"exp":1300819380,"iat":1300818000.5,"roles":["a"],"cnf":{"jkt":"x"},"n":[1,2.5,-3e4]}`)
	add(`{"alg":"HS256"}`, `{}`)
	addCompact := func(token string) {
		segments := strings.Split(token, ".")
		if len(segments) < 2 {
			return
		}
		header, err1 := base64.RawURLEncoding.DecodeString(segments[0])
		payload, err2 := base64.RawURLEncoding.DecodeString(segments[1])
		if err1 == nil && err2 == nil {
			add(string(header), string(payload))
		}
	}
	var rfc7515 struct{ Cases []struct{ Compact string } }
	readJSON(tb, "../testdata/rfc7515/appendix_a.json", &rfc7515)
	for _, c := range rfc7515.Cases {
		addCompact(c.Compact)
	}
	var wycheproof struct {
		TestGroups []struct {
			Tests []struct{ JWS json.RawMessage }
		}
	}
	readJSON(tb, "../testdata/wycheproof/json_web_signature_test.json", &wycheproof)
	for _, g := range wycheproof.TestGroups {
		for _, c := range g.Tests {
			var compact string
			if json.Unmarshal(c.JWS, &compact) == nil { // else JSON serialization
				addCompact(compact)
			}
		}
	}
	return all
}
