package jeton_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"pgregory.net/rapid"
)

func TestNumericDateZeroIsAbsent(t *testing.T) {
	var d jeton.NumericDate
	if !d.IsZero() || !d.Time().IsZero() || d.String() != "" || jeton.At(time.Time{}) != d {
		t.Errorf("%v", d)
	}
	if got := string(must(json.Marshal(d))(t)); got != "null" {
		t.Error(got)
	}
	if got := string(must(json.Marshal(jeton.Claims{}))(t)); got != "{}" {
		t.Error(got)
	}
}

func TestNumericDateOfAnInstant(t *testing.T) {
	d := jeton.At(time.Date(2027, 1, 15, 9, 0, 0, 999_999_999, time.FixedZone("", 3600)))
	if d.String() != "2027-01-15T08:00:00Z" || d.Time() != time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC) || d.IsZero() {
		t.Error(d, d.Time())
	}
	if got := string(must(json.Marshal(d))(t)); got != "1800000000" {
		t.Error(got)
	}
}

// An instant outside 1970 to 9999 can be held, so that nobody takes it for an
// absent claim, and not written.
func TestNumericDateOutOfRangeIsNotWritten(t *testing.T) {
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(0, 999_999_999), time.Unix(-1, 0), time.Unix(253402300800, 0), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<40, 0),
	} {
		d := jeton.At(at)
		if d.IsZero() {
			t.Errorf("%s passes for an absent claim", at)
		}
		if text, err := d.MarshalJSON(); err == nil {
			t.Errorf("%s is written as %s", at, text)
		} else {
			refused(t, err, jeton.ErrClaims)
		}
	}
	for _, at := range []int64{1, 253402300799} {
		if got := string(must(json.Marshal(jeton.At(time.Unix(at, 0))))(t)); got != fmt.Sprint(at) {
			t.Errorf("%d is written as %s", at, got)
		}
	}
}

func TestNumericDateReadsOnlyNumbers(t *testing.T) {
	// UnmarshalJSON may be called with what nobody checked.
	for _, text := range []string{
		"", " ", "null", "true", `"1800000300"`, "{}", "[]", "x", "-", "-1", "+1", "01", "00", ".5", "1.", "1.e5", "e5", "1e", "1e+", "1e5e5", "1E5.5", "1.5.5",
		" 1", "1 ", "1,", "1_000", "0x10", "1e1_0", "1e 5", "NaN", "Inf", "1800000300\x00", "١٢٣", "1e+-5", "1-5", "--5",
	} {
		d := jeton.At(now)
		if err := d.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, d)
		} else {
			refused(t, err, jeton.ErrClaimType, text)
		}
		if d != jeton.At(now) {
			t.Errorf("%q changed the date to %s", text, d)
		}
	}
}

// instants are all that a numeric date can hold.
func instants() *rapid.Generator[jeton.NumericDate] {
	return rapid.Custom(func(t *rapid.T) jeton.NumericDate {
		sec := rapid.OneOf(rapid.Int64Range(1, 253402300798), rapid.Int64Range(1, 100), rapid.Int64Range(1_700_000_000, 2_000_000_000)).Draw(t, "sec")
		nsec := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 999_999_999), rapid.Map(rapid.Int64Range(0, 999), func(ms int64) int64 { return ms * 1_000_000 })).Draw(t, "nsec")
		var d jeton.NumericDate
		if err := d.UnmarshalJSON(fmt.Appendf(nil, "%d.%09d", sec, nsec)); err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestNumericDateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := instants().Draw(t, "date")
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back jeton.NumericDate
		if err := json.Unmarshal(text, &back); err != nil || back != d {
			t.Fatalf("%s came back as %s, %v", text, back, err)
		}
		if strings.HasSuffix(string(text), "0") && strings.Contains(string(text), ".") {
			t.Fatalf("%s has zeros at its end", text)
		}
		if back, err := time.Parse(time.RFC3339Nano, d.String()); err != nil || !back.Equal(d.Time()) {
			t.Fatalf("%s, %v", d, err)
		}
	})
}

// decimals are JSON numbers in all spellings, most of them near the range.
func decimals() *rapid.Generator[string] {
	digits := rapid.StringMatching(`[0-9]{0,25}`)
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?`),
		rapid.StringMatching(`(0|[1-9][0-9]{8,11})(\.[0-9]{1,15})?`),
		rapid.StringMatching(`0\.0{0,5}[0-9]{1,15}[eE]\+?[0-9]{1,2}`),
		rapid.Custom(func(t *rapid.T) string { // a long mantissa and what brings it back
			d := "1" + digits.Draw(t, "digits")
			return fmt.Sprintf("%se%d", d, 10-len(d)+rapid.IntRange(-12, 4).Draw(t, "off"))
		}),
		rapid.SampledFrom([]string{"253402300799", "253402300799.0000000001", "253402300799.000000001", "253402300798.9999999999", "1e-9", "9.9e-10", "0.999999999999", "2.53402300799e11", "25340230079900e-2", "0e0", "0.0e99"}),
	)
}

// The oracle is exact: a decimal is the largest number of nanoseconds that it
// reaches, never one more, and is refused if that is not in the range.
func TestNumericDateAgainstExactArithmetic(t *testing.T) {
	last := big.NewRat(253402300799, 1)
	billion := big.NewRat(1_000_000_000, 1)
	rapid.Check(t, func(t *rapid.T) {
		text := decimals().Draw(t, "number")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number to the oracle", text)
		}
		var d jeton.NumericDate
		err := d.UnmarshalJSON([]byte(text))
		scaled := new(big.Rat).Mul(exact, billion)
		nanos := new(big.Int).Div(scaled.Num(), scaled.Denom()) // floor
		// What lies beyond the last second by less than a nanosecond is cut to it.
		inRange := nanos.Sign() > 0 && new(big.Rat).SetFrac(nanos, big.NewInt(1_000_000_000)).Cmp(last) <= 0
		if strings.HasPrefix(text, "-") {
			inRange = false
		}
		if inRange != (err == nil) {
			t.Fatalf("%s: %v, %v; in range: %t", text, d, err, inRange)
		}
		if err != nil {
			return
		}
		got := new(big.Int).Mul(big.NewInt(d.Time().Unix()), big.NewInt(1_000_000_000))
		got.Add(got, big.NewInt(int64(d.Time().Nanosecond())))
		if got.Cmp(nanos) != 0 {
			t.Fatalf("%s is read as %s ns, want %s", text, got, nanos)
		}
	})
}
