package lint

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how deep contents are looked at; a verifier refuses what is
// deeper.
const maxDepth = 16

// checkContents looks at names and values, at any depth. Where says where, in
// names alone.
func (l *linter) checkContents(where string, raw json.RawMessage, depth int) {
	if depth > maxDepth {
		return
	}
	var members map[string]json.RawMessage
	var elements []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(raw, &members) == nil && members != nil:
		for _, name := range slices.Sorted(maps.Keys(members)) {
			l.checkMember(where+"."+printable(name), name, members[name], depth)
		}
	case json.Unmarshal(raw, &elements) == nil:
		for i, each := range elements {
			l.checkContents(where+"["+strconv.Itoa(i)+"]", each, depth+1)
		}
	case json.Unmarshal(raw, &text) == nil:
		switch {
		case secretForm.MatchString(text):
			l.add("secret-inside", "%s, by its form", where)
		case personalForm.MatchString(text) || cardNumber(text):
			l.add("personal-data", "%s, by its form", where)
		}
	}
}

func (l *linter) checkMember(where, name string, raw json.RawMessage, depth int) {
	key := plainName(name)
	filled := string(raw) != "null" && string(raw) != `""` && string(raw) != "true" && string(raw) != "false"
	switch {
	case name == "__proto__" || name == "constructor" || name == "prototype":
		l.add("prototype", "%s", where)
	case filled && slices.ContainsFunc(secretNames(), func(word string) bool { return key == word || len(word) > 5 && strings.HasSuffix(key, word) }):
		l.add("secret-inside", "%s", where)
		return // once is enough
	case filled && slices.Contains(personalNames(), key):
		l.add("personal-data", "%s", where)
		return
	}
	l.checkContents(where, raw, depth+1)
}

// plainName makes one name of all the ways to write it: userEmail, user_email.
func plainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}

// printable keeps names of strangers from steering a terminal.
func printable(name string) string {
	quoted := strconv.QuoteToASCII(name)
	if quoted = quoted[1 : len(quoted)-1]; len(quoted) > 40 {
		return quoted[:40] + "..."
	}
	return quoted
}

func secretNames() []string {
	return []string{"password", "passwd", "pwd", "passphrase", "passwordhash", "secret", "clientsecret", "apikey", "privatekey", "secretkey", "accesskey",
		"accesstoken", "refreshtoken", "authtoken", "sessiontoken", "bearertoken", "authorization", "cookie", "credentials", "connectionstring", "token", "otp", "totp", "pin", "cvv", "cvc", "mnemonic", "seedphrase"}
}

func personalNames() []string {
	return []string{"email", "mail", "emailaddress", "useremail", "phone", "phonenumber", "mobile", "mobilenumber", "telephone", "address", "streetaddress", "street", "postalcode", "zipcode",
		"birthdate", "birthday", "dateofbirth", "dob", "gender", "sex", "name", "fullname", "firstname", "lastname", "givenname", "familyname", "middlename", "surname", "maidenname",
		"ssn", "socialsecuritynumber", "nationalid", "taxid", "passport", "passportnumber", "driverslicense", "iban", "bic", "creditcard", "cardnumber", "salary", "religion", "ethnicity", "ip", "ipaddress", "picture", "photo", "location", "geo", "latitude", "longitude"}
}

var (
	// secretForm are private keys, keys of well-known services, hashes of
	// passwords, and tokens.
	secretForm = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----` +
		`|\b(AKIA|ASIA)[0-9A-Z]{16}\b` +
		`|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[A-Za-z0-9_-]{20,}` +
		`|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\b[rs]k_live_[A-Za-z0-9]{16,}|\bAIza[0-9A-Za-z_-]{35}` +
		`|\bjt[ra]_[A-Za-z0-9_-]{30,}` +
		`|^\$(2[aby]|argon2(id|i|d)|6|5|y)\$` +
		`|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.` +
		`|^[a-z][a-z0-9+]*://[^/@\s:]+:[^/@\s]+@`)
	// personalForm are addresses of people and numbers of telephones.
	personalForm = regexp.MustCompile(`^[^@\s/:]+@[^@\s/:]+\.[A-Za-z]{2,}$|^\+[1-9][0-9 ()/.-]{6,18}[0-9]$|^[0-9]{3}-[0-9]{2}-[0-9]{4}$`)
	cardForm     = regexp.MustCompile(`^[0-9]{4}([ -]?)[0-9]{4}([ -]?)[0-9]{4}([ -]?)[0-9]{1,7}$`)
)

// cardNumber tells whether a text is a number of a payment card: by its form and
// its check digit.
func cardNumber(text string) bool {
	if !cardForm.MatchString(text) {
		return false
	}
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
