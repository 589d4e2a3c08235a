package jeton

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// NumericDate is an instant as claims have it: seconds since 1970-01-01 UTC,
// possibly with a fraction (RFC 7519 section 2), after 1970 and before the year
// 10000. The zero value means that the claim is absent.
type NumericDate struct {
	sec  int64
	nsec int32
}

const maxNumericDate = 253402300799 // 9999-12-31T23:59:59Z

// At returns the instant t, cut to whole seconds as is usual in tokens; of the
// zero time.Time, the zero NumericDate. An instant outside the range is kept,
// and refused when it is written.
func At(t time.Time) NumericDate {
	d := NumericDate{sec: t.Unix()}
	switch {
	case t.IsZero():
		return NumericDate{}
	case d.IsZero():
		// 1970 is outside too. It must not pass for a claim that is absent:
		// the token would never expire.
		d.sec = -1
	}
	return d
}

// IsZero tells whether the claim is absent.
func (d NumericDate) IsZero() bool { return d == NumericDate{} }

// Time returns the instant in UTC; the zero time.Time if the claim is absent.
func (d NumericDate) Time() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Unix(d.sec, int64(d.nsec)).UTC()
}

// String returns the instant in RFC 3339; "" if the claim is absent.
func (d NumericDate) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Time().Format(time.RFC3339Nano)
}

func (d NumericDate) valid() bool {
	return (d.sec > 0 || d.sec == 0 && d.nsec > 0) &&
		(d.sec < maxNumericDate || d.sec == maxNumericDate && d.nsec == 0)
}

// after compares two dates, neither of which is absent.
func (d NumericDate) after(e NumericDate) bool {
	return d.sec > e.sec || d.sec == e.sec && d.nsec > e.nsec
}

func (d NumericDate) afterTime(t time.Time) bool {
	return d.after(NumericDate{t.Unix(), int32(t.Nanosecond())})
}

// MarshalJSON writes a JSON number, or null for the zero value (tag a field
// with omitzero to leave it out). An instant out of range is ErrClaims.
func (d NumericDate) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	if !d.valid() {
		return nil, fail(ErrClaims, "an instant that no numeric date can hold")
	}
	return d.append(nil), nil
}

// append appends the number of a valid date.
func (d NumericDate) append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, d.sec, 10)
	if d.nsec != 0 {
		fraction := strconv.FormatInt(int64(d.nsec)+1e9, 10) // 1 and nine digits
		dst = append(append(dst, '.'), strings.TrimRight(fraction[1:], "0")...)
	}
	return dst
}

// UnmarshalJSON reads a JSON number n with 0 < n <= 253402300799, fractions and
// exponents included; digits below a nanosecond are dropped. Anything else, a
// string and null among it, is ErrClaimType.
func (d *NumericDate) UnmarshalJSON(value []byte) error {
	n, ok := parseNumericDate(string(value))
	if !ok {
		return fail(ErrClaimType, "not a numeric date")
	}
	*d = n
	return nil
}

// parseNumericDate reads a JSON number without going through floating point,
// which would round an expiry up.
func parseNumericDate(value string) (NumericDate, bool) {
	// The usual case: whole seconds.
	if n := len(value); n > 0 && n <= 12 && value[0] != '0' {
		var sec int64
		for _, c := range []byte(value) {
			if c < '0' || c > '9' {
				return parseDecimalDate(value)
			}
			sec = sec*10 + int64(c-'0')
		}
		d := NumericDate{sec: sec}
		return d, d.valid()
	}
	return parseDecimalDate(value)
}

func parseDecimalDate(value string) (NumericDate, bool) {
	mantissa, exponent := value, 0
	if i := strings.IndexAny(value, "eE"); i >= 0 {
		mantissa = value[:i]
		e, err := strconv.ParseInt(value[i+1:], 10, 16)
		if err != nil {
			return NumericDate{}, false
		}
		exponent = int(e)
	}
	whole, fraction, dot := strings.Cut(mantissa, ".")
	if len(whole) == 0 || dot && len(fraction) == 0 || len(whole) > 1 && whole[0] == '0' {
		return NumericDate{}, false // no JSON number: a caller with unchecked text
	}
	digits := append(append(make([]byte, 0, len(mantissa)), whole...), fraction...)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return NumericDate{}, false // a sign among it
		}
	}
	point := len(whole) + exponent // digits before the decimal point
	lead := len(digits) - len(bytes.TrimLeft(digits, "0"))
	digits, point = digits[lead:], point-lead
	if point > len("253402300799") {
		return NumericDate{}, false
	}
	digit := func(i int) int64 {
		if i < 0 || i >= len(digits) {
			return 0
		}
		return int64(digits[i] - '0')
	}
	var d NumericDate
	for i := range max(point, 0) {
		d.sec = d.sec*10 + digit(i)
	}
	for i := range 9 {
		d.nsec = d.nsec*10 + int32(digit(point+i))
	}
	return d, d.valid()
}
