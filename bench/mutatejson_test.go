package bench

import (
	"encoding/json"
	"fmt"
	"strings"
)

// dice hands out the bytes that decide about mutations; when they are used up,
// zeros.
type dice struct{ bytes []byte }

func (d *dice) empty() bool { return len(d.bytes) == 0 }

// roll returns a number below n.
func (d *dice) roll(n int) int {
	if len(d.bytes) == 0 || n <= 0 {
		return 0
	}
	v := int(d.bytes[0])
	d.bytes = d.bytes[1:]
	if n > 256 && len(d.bytes) > 0 {
		v = v<<8 | int(d.bytes[0])
		d.bytes = d.bytes[1:]
	}
	return v % n
}

func pick[T any](d *dice, from []T) T { return from[d.roll(len(from))] }

// member is where a member of a JSON object stands in its text.
type member struct{ nameStart, nameEnd, valueStart, valueEnd int }

// membersOf finds the members of the outer object; none if the text is no
// object any more.
func membersOf(text string) []member {
	dec := json.NewDecoder(strings.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var all []member
	for dec.More() {
		var m member
		m.nameStart = int(dec.InputOffset()) + strings.IndexByte(text[dec.InputOffset():], '"')
		if _, err := dec.Token(); err != nil {
			return nil
		}
		m.nameEnd = int(dec.InputOffset())
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil
		}
		m.valueEnd = int(dec.InputOffset())
		m.valueStart = m.valueEnd - len(value)
		all = append(all, m)
	}
	return all
}

// jsonMutations change a header or claims before they are signed, so that what
// parsers make of them shows.
var jsonMutations = []func(d *dice, text string, extra []string) string{
	replaceValue, addMember, duplicateMember, respellName, respellNumber, respellString,
	addSpace, removeMember, aroundTheObject, changeByte, moveTime,
}

// values are what stands for another: types, spellings and limits.
var values = []string{
	`null`, `true`, `0`, `-0`, `1`, `-1`, `1.5`, `1e3`, `1E+2`, `1e400`, `1e-400`, `9007199254740993`, `18446744073709551616`, `253402300799`, `253402300800`, `01`, `+1`, `.5`, `1.`, `0x10`, `NaN`, `Infinity`,
	`""`, `"x"`, `"1"`, `"\u0000"`, `"\ud83d\ude00"`, `"\ud800"`, `"\udc00x"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\u2028\"", "\"\u212a\"", "\"a\tb\"", `"\/"`, `"\x41"`, `'x'`,
	`[]`, `[""]`, `["a","b"]`, `["a",1]`, `["a",null]`, `[["a"]]`, `{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":{"b":[{}]}}`, `[1,2,]`, `{"a":1,}`,
	strings.Repeat("[", 14) + strings.Repeat("]", 14), strings.Repeat("[", 17) + strings.Repeat("]", 17), strings.Repeat("[", 101) + strings.Repeat("]", 101),
	`"` + strings.Repeat("k", 129) + `"`, `"` + testIssuer + `"`, `"` + testIssuer + `/"`, `["` + testAudience + `"]`, `["x","` + testAudience + `"]`, `"` + testAudience + `"`,
	`"JWT"`, `"jwt"`, `"application/jwt"`, `"at+jwt"`, `"none"`, `"HS256"`, `"hs256"`, `"HS512"`, `"EdDSA"`, `"Ed25519"`,
}

func replaceValue(d *dice, text string, _ []string) string {
	all := membersOf(text)
	if len(all) == 0 {
		return text
	}
	m := pick(d, all)
	return text[:m.valueStart] + pick(d, values) + text[m.valueEnd:]
}

func addMember(d *dice, text string, extra []string) string {
	name := pick(d, extra)
	value := pick(d, values)
	if strings.Contains(name, ":") {
		value = ""
	} else {
		name += ":"
	}
	return insertMember(d, text, name+value)
}

func insertMember(d *dice, text, m string) string {
	open, end := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if open < 0 || end <= open {
		return text
	}
	if strings.TrimSpace(text[open+1:end]) == "" {
		return text[:open+1] + m + text[end:]
	}
	if d.roll(2) == 0 {
		return text[:end] + "," + m + text[end:]
	}
	return text[:open+1] + m + "," + text[open+1:]
}

func duplicateMember(d *dice, text string, _ []string) string {
	all := membersOf(text)
	if len(all) == 0 {
		return text
	}
	m := pick(d, all)
	value := text[m.valueStart:m.valueEnd]
	if d.roll(2) == 0 {
		value = pick(d, values)
	}
	name := text[m.nameStart:m.nameEnd]
	if d.roll(3) == 0 {
		name = escapeFirst(name)
	}
	return insertMember(d, text, name+":"+value)
}

// escapeFirst spells a string's first character as an escape.
func escapeFirst(s string) string {
	if len(s) < 3 || s[1] == '\\' || s[1] >= 0x80 {
		return s
	}
	return fmt.Sprintf(`"\u%04x%s`, s[1], s[2:])
}

func respellName(d *dice, text string, _ []string) string {
	all := membersOf(text)
	if len(all) == 0 {
		return text
	}
	m := pick(d, all)
	name := text[m.nameStart:m.nameEnd]
	switch d.roll(5) {
	case 0:
		name = escapeFirst(name)
	case 1:
		name = strings.ToUpper(name)
	case 2:
		name = strings.Replace(name, "s", "\u017f", 1) // folds to s
	case 3:
		name = strings.Replace(name, "k", "\u212a", 1) // folds to k
	case 4:
		name = name[:len(name)-1] + `\u0000"`
	}
	return text[:m.nameStart] + name + text[m.nameEnd:]
}

func respellNumber(d *dice, text string, _ []string) string {
	var numbers []member
	for _, m := range membersOf(text) {
		if c := text[m.valueStart]; c == '-' || c >= '0' && c <= '9' {
			numbers = append(numbers, m)
		}
	}
	if len(numbers) == 0 {
		return text
	}
	m := pick(d, numbers)
	n := text[m.valueStart:m.valueEnd]
	spelled := pick(d, []string{"%se0", "%sE+0", "%s.0", "%s.5", "%s.4999999999999", "%s.999999999", "%s.9999999999999", "%s00e-2", "%s0e-1", "0%s", "-%s", "+%s", "%s000", "%s.", "%se", `"%s"`, "[%s]", "%se1", "%se-1", "%s.00000000000000000000000001"})
	return text[:m.valueStart] + fmt.Sprintf(spelled, n) + text[m.valueEnd:]
}

func respellString(d *dice, text string, _ []string) string {
	var found []member
	for _, m := range membersOf(text) {
		if text[m.valueStart] == '"' {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return text
	}
	m := pick(d, found)
	v := text[m.valueStart:m.valueEnd]
	switch d.roll(8) {
	case 0:
		v = escapeFirst(v)
	case 1:
		v = strings.ReplaceAll(v, "/", `\/`)
	case 2:
		v = "[" + v + "]"
	case 3:
		v = strings.ToUpper(v)
	case 4:
		v = v[:len(v)-1] + ` "`
	case 5:
		v = v[:len(v)-1] + `\u0000"`
	case 6:
		v = v[:len(v)-1] + "\xff\""
	case 7:
		v = v[:len(v)-1] + `\ud83d"`
	}
	return text[:m.valueStart] + v + text[m.valueEnd:]
}

func addSpace(d *dice, text string, _ []string) string {
	at := d.roll(len(text) + 1)
	return text[:at] + pick(d, []string{" ", "\n", "\t", "\r\n", "\u00a0", "\v", "\x00", "\ufeff"}) + text[at:]
}

func removeMember(d *dice, text string, _ []string) string {
	all := membersOf(text)
	if len(all) < 2 {
		return text
	}
	i := d.roll(len(all))
	if i == 0 {
		return text[:all[0].nameStart] + text[all[1].nameStart:]
	}
	return text[:all[i-1].valueEnd] + text[all[i].valueEnd:]
}

func aroundTheObject(d *dice, text string, _ []string) string {
	return fmt.Sprintf(pick(d, []string{" %s", "%s ", "\n%s\n", "\ufeff%s", "%s{}", "%s,", "%s]", "[%s]", "%s x", "%s\x00", "null%s", "//x\n%s", "%s//"}), text)
}

func changeByte(d *dice, text string, _ []string) string {
	if text == "" {
		return text
	}
	b := []byte(text)
	b[d.roll(len(b))] ^= 1 << d.roll(8)
	return string(b)
}

// moveTime sets a time claim to around the edges of its leeway.
func moveTime(d *dice, text string, _ []string) string {
	name := pick(d, []string{"exp", "nbf", "iat"})
	at := stillNow + int64(pick(d, []int{-30, 30, 0, -29, 29, -31, 31, -60, 60, 1000, -1000}))
	value := fmt.Sprintf(pick(d, []string{"%d", "%d.0", "%d.5", "%d.000001", "%d.999999", "%d.9999999999", "%de0"}), at)
	for _, m := range membersOf(text) {
		if text[m.nameStart:m.nameEnd] == `"`+name+`"` {
			return text[:m.valueStart] + value + text[m.valueEnd:]
		}
	}
	return insertMember(d, text, `"`+name+`":`+value)
}

// headerMembers and claimMembers are what addMember adds, some with a value.
var (
	headerMembers = []string{
		`"typ"`, `"kid"`, `"cty"`, `"alg"`, `"x"`, `"crit"`, `"crit":["exp"]`, `"crit":[]`, `"crit":["b64"],"b64":false`, `"b64":true`, `"b64":false`, `"b64"`,
		`"jwk"`, `"jwk":{"kty":"oct","k":"AAAA"}`, `"jku"`, `"jku":"https://evil.example/jwks"`, `"x5u"`, `"x5c"`, `"x5c":["AAAA"]`, `"x5t"`, `"x5t#S256"`,
		`"enc"`, `"zip":"DEF"`, `"zip"`, `"nonce"`, `"epk"`, `"apu"`, `"iv"`, `"tag"`, `"p2c"`, `"p2s"`, `"url"`, `"ppt"`, `"iss"`, `""`, `"ALG"`, `"Alg":"none"`, `"\u0061lg":"none"`,
	}
	claimMembers = []string{
		`"iss"`, `"sub"`, `"aud"`, `"exp"`, `"nbf"`, `"iat"`, `"jti"`, `"scope"`, `"tenant"`, `"roles"`, `"x"`, `""`, `"Exp"`, `"EXP":1`, `"Iss"`, `"ſub"`, `"Tenant":"evil"`, `"TENANT"`, `"Scope"`, `"ROLES":["admin"]`,
		`"\u0065xp":1`, `"cnf"`, `"auth_time"`, `"nonce"`, `"address"`, `"birthdate"`, `"email_verified"`, `"updated_at"`, `"act"`, `"origin_jti"`,
	}
)

// mutateJSON changes header or claims as the dice say.
func mutateJSON(d *dice, header, payload string) (string, string) {
	if d.roll(3) == 0 {
		return pick(d, jsonMutations)(d, header, headerMembers), payload
	}
	return header, pick(d, jsonMutations)(d, payload, claimMembers)
}
