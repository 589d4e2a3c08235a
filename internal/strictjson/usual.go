package strictjson

import "math/bits"

// What tokens mostly have is read by short ways: names and strings without
// escapes and of ASCII, whole numbers, lists of such strings, and no space around
// any of them. The functions here take one of those at an index of a text and
// return the index behind it, or 0 for everything else, whether it is legal or
// not: scanner tells. What they take, scanner takes too, and reads the same.

// UsualName takes a member's name and the colon behind it. It returns the name's
// NameKey; the name is text[i+1:next-2].
func UsualName(text string, i int) (key uint64, next int) {
	if i+10 > len(text) || text[i] != '"' {
		return 0, 0
	}
	i++
	end := i
	if name := load64(text[i : i+8]); special(name) != 0 {
		n := bits.TrailingZeros64(special(name)) / 8
		end = i + n
		key = name&(1<<(8*n)-1) | uint64(n)<<56
	} else {
		end = plainEnd(text, i+8)
		key = NameKey(text[i:end])
	}
	if end+2 >= len(text) || text[end] != '"' || text[end+1] != ':' {
		return 0, 0
	}
	return key, end + 2
}

// UsualString takes a string, which is text[i+1:next-1].
func UsualString(text string, i int) (next int) {
	if text[i] != '"' {
		return 0
	}
	end := plainEnd(text, i+1)
	if end >= len(text) || text[end] != '"' {
		return 0
	}
	return end + 1
}

// UsualNumber takes a whole number of at most 18 digits that something in an
// object follows.
func UsualNumber(text string, i int) (n int64, next int) {
	start := i
	if i+8 <= len(text) {
		if eight, ok := eightDigits(load64(text[i : i+8])); ok {
			n, i = eight, i+8
		}
	}
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9' && i-start < 18; i++ {
		n = n*10 + int64(text[i]-'0')
	}
	if i == start || text[start] == '0' && i > start+1 || i >= len(text) || text[i] != ',' && text[i] != '}' {
		return 0, 0
	}
	return n, i
}

// eightDigits returns the number that eight bytes, the first in the lowest, are
// the decimal digits of; false if they are none.
func eightDigits(w uint64) (int64, bool) {
	d := w - '0'*ones
	if (d|(w+(0x7f-'9')*ones))&highs != 0 {
		return 0, false
	}
	d = d*10 + d>>8 // pairs, in the even bytes
	const mask = 0x000000ff000000ff
	d = (d&mask*(100+1_000_000<<32) + d>>16&mask*(1+10_000<<32)) >> 32
	return int64(d), true
}

// UsualStrings takes an array of strings and appends them to dst.
func UsualStrings(dst []string, text string, i int) (list []string, next int) {
	if text[i] != '[' {
		return dst, 0
	}
	list = dst
	for {
		start := i + 1
		if start >= len(text) {
			return dst, 0
		}
		next := UsualString(text, start)
		if next == 0 || next >= len(text) {
			return dst, 0
		}
		list = append(list, text[start+1:next-1])
		switch i = next; text[i] {
		case ',':
		case ']':
			return list, i + 1
		default:
			return dst, 0
		}
	}
}
