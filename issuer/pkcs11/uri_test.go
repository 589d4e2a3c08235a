package pkcs11

import (
	"bytes"
	"testing"
)

func TestURI(t *testing.T) {
	for _, u := range []uri{
		{"jeton", "jeton RS256 01ab", []byte{0, 0xff, '%', ';'}},
		{"a;b=c/d?e&f%g h", "ключ", []byte("id")},
	} {
		text := u.String()
		got, err := parseURI(text)
		if err != nil || got.token != u.token || got.object != u.object || !bytes.Equal(got.id, u.id) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got := (uri{"My token", "my key", []byte{1, 0xab}}).String(); got != "pkcs11:token=My%20token;object=my%20key;id=%01%ab;type=private" {
		t.Errorf("the URI is %s", got)
	}
	if got, err := parseURI("pkcs11:type=private;id=%01;object=o;token=t"); err != nil || got.token != "t" {
		t.Errorf("in another order: %+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"another scheme":     "http://x",
		"nothing":            "pkcs11:",
		"no id":              "pkcs11:token=t;object=o;type=private",
		"an empty id":        "pkcs11:token=t;object=o;id=;type=private",
		"no type":            "pkcs11:token=t;object=o;id=%01",
		"a public key":       "pkcs11:token=t;object=o;id=%01;type=public",
		"an attribute twice": "pkcs11:token=t;token=t;object=o;id=%01;type=private",
		"an unknown one":     "pkcs11:token=t;object=o;id=%01;type=private;serial=1",
		"a PIN":              "pkcs11:token=t;object=o;id=%01;type=private?pin-value=1234",
		"half a byte":        "pkcs11:token=t;object=o;id=%0;type=private",
		"no byte":            "pkcs11:token=t;object=o;id=%zz;type=private",
		"a space":            "pkcs11:token=a b;object=o;id=%01;type=private",
	} {
		if u, err := parseURI(text); err == nil {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// RFC 7512's percent-encoding is read whatever stands in a URI.
func FuzzURI(f *testing.F) {
	f.Add("pkcs11:token=t;object=o;id=%01%ff;type=private")
	f.Add("pkcs11:token=%;object=%0")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseURI(text)
		if err != nil {
			return
		}
		again, err := parseURI(u.String())
		if err != nil || again.token != u.token || again.object != u.object || !bytes.Equal(again.id, u.id) {
			t.Errorf("%q: %+v, then %+v, %v", text, u, again, err)
		}
	})
}
