package issuer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// A token of fixed contents, and its text as another program computed it (Python:
// hmac.digest over the concatenation that the format names).
var (
	goldenKey     = []byte("0123456789abcdef0123456789abcdef")
	goldenSeed    = Seed([]byte("seed of 16 bytes"))
	goldenSession = SessionID{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
)

const goldenText = "jtr_AQcAESIzRFVmd4iZqrvM3e7_AQIDBMZcSXojtay5ZT_romYG0JDtFbRrL4-t1Rh_gztc_Mt0"

func goldenToken() refreshToken {
	t := refreshToken{key: 7, session: goldenSession, generation: 0x01020304}
	t.mac = t.sum(newRefreshKey(goldenKey), goldenSeed)
	return t
}

func TestRefreshTokenFormat(t *testing.T) {
	// version (1) | key number (1) | session id (16) | generation (4, big endian)
	head := slices.Concat([]byte{1, 7}, goldenSession[:], []byte{1, 2, 3, 4})
	m := hmac.New(sha256.New, goldenKey)
	m.Write(slices.Concat([]byte("jeton refresh v1"), head, goldenSeed[:]))
	want := "jtr_" + base64.RawURLEncoding.EncodeToString(slices.Concat(head, m.Sum(nil)))

	got := goldenToken().text()
	if got != want {
		t.Errorf("text = %s, want %s", got, want)
	}
	if got != goldenText {
		t.Errorf("text = %s, want %s, which another program computed", got, goldenText)
	}
	if len(got) != 76 {
		t.Errorf("a refresh token has %d characters, want 76", len(got))
	}
}

func TestRefreshTokenRoundTrip(t *testing.T) {
	want := goldenToken()
	got, ok := parseRefreshToken(want.text())
	if !ok || got != want {
		t.Fatalf("parse(text) = %+v, %v; want %+v", got, ok, want)
	}
	if !got.authentic(newRefreshKey(goldenKey), goldenSeed) {
		t.Error("not authentic with its own key and seed")
	}
	for name, ok := range map[string]bool{
		"another key":        got.authentic(newRefreshKey([]byte("0123456789abcdef0123456789abcdeF")), goldenSeed),
		"another seed":       got.authentic(newRefreshKey(goldenKey), Seed([]byte("seed of 16 byteS"))),
		"no key":             got.authentic(newRefreshKey(nil), goldenSeed),
		"another generation": with(got, func(t *refreshToken) { t.generation++ }).authentic(newRefreshKey(goldenKey), goldenSeed),
		"another session":    with(got, func(t *refreshToken) { t.session[15]++ }).authentic(newRefreshKey(goldenKey), goldenSeed),
		"another key number": with(got, func(t *refreshToken) { t.key++ }).authentic(newRefreshKey(goldenKey), goldenSeed),
		"a mac of zeros":     with(got, func(t *refreshToken) { t.mac = [32]byte{} }).authentic(newRefreshKey(goldenKey), goldenSeed),
	} {
		if ok {
			t.Errorf("authentic with %s", name)
		}
	}
}

func with(t refreshToken, change func(*refreshToken)) refreshToken {
	change(&t)
	return t
}

// A token has one spelling. Two texts for one token would be two entries in
// whatever somebody keeps them in.
func TestRefreshTokenHasOneSpelling(t *testing.T) {
	good := goldenText
	body := strings.TrimPrefix(good, RefreshTokenPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	version2 := slices.Clone(raw)
	version2[0] = 2
	for name, text := range map[string]string{
		"empty":                    "",
		"prefix alone":             RefreshTokenPrefix,
		"no prefix":                body,
		"no underscore":            "jtr" + body,
		"prefix in upper case":     "JTR_" + body,
		"two prefixes":             RefreshTokenPrefix + good,
		"another prefix":           "jta_" + body,
		"one character less":       good[:75],
		"one character more":       good + "A",
		"four characters more":     good + "AAAA",
		"one byte less":            RefreshTokenPrefix + base64.RawURLEncoding.EncodeToString(raw[:53]),
		"one byte more":            RefreshTokenPrefix + base64.RawURLEncoding.EncodeToString(append(slices.Clone(raw), 0)),
		"padding":                  good + "=",
		"padding within length":    good[:75] + "=",
		"space before":             " " + good,
		"space after":              good + " ",
		"newline after":            good + "\n",
		"newline within":           good[:40] + "\n" + good[40:],
		"newline within length":    good[:40] + "\n" + good[41:],
		"carriage return within":   good[:40] + "\r" + good[41:],
		"NUL":                      good[:40] + "\x00" + good[41:],
		"the other alphabet":       RefreshTokenPrefix + base64.RawStdEncoding.EncodeToString(slices.Concat([]byte{1, 0xfb, 0xff, 0xfe}, raw[4:])),
		"percent encoding":         "jtr%5F" + body,
		"a wide character":         good[:40] + "Ａ" + good[43:],
		"another version":          RefreshTokenPrefix + base64.RawURLEncoding.EncodeToString(version2),
		"an access token":          "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
		"very long":                RefreshTokenPrefix + strings.Repeat("A", 1<<20),
		"very long without prefix": strings.Repeat("A", 1<<20),
	} {
		if got, ok := parseRefreshToken(text); ok {
			t.Errorf("%s: parsed as %+v", name, got)
		}
	}
	if _, ok := parseRefreshToken(good); !ok {
		t.Error("the good one is refused")
	}
}

// Whatever single character changes, the token is another or none.
func TestRefreshTokenRefusesEveryChangedCharacter(t *testing.T) {
	want := goldenToken()
	for i := range goldenText {
		for c := range 256 {
			if byte(c) == goldenText[i] {
				continue
			}
			text := goldenText[:i] + string([]byte{byte(c)}) + goldenText[i+1:]
			got, ok := parseRefreshToken(text)
			if !ok {
				continue
			}
			if got == want {
				t.Fatalf("character %d as %q: parsed as the same token", i, byte(c))
			}
			if got.authentic(newRefreshKey(goldenKey), goldenSeed) {
				t.Fatalf("character %d as %q: authentic", i, byte(c))
			}
		}
	}
}

func FuzzParseRefreshToken(f *testing.F) {
	for _, text := range []string{
		goldenText, "", RefreshTokenPrefix, goldenText + "=", strings.ToUpper(goldenText),
		RefreshTokenPrefix + strings.Repeat("A", 72), RefreshTokenPrefix + strings.Repeat("_", 72), "AQ" + goldenText,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parseRefreshToken(text)
		if !ok {
			if token != (refreshToken{}) {
				t.Errorf("refused, and yet returned as %+v", token)
			}
			return
		}
		if got := token.text(); got != text {
			t.Errorf("%q is read, and written as %q", text, got)
		}
		if token.authentic(newRefreshKey(goldenKey), goldenSeed) != (text == goldenText) {
			t.Errorf("%q: authentic and not the golden one, or the reverse", text)
		}
	})
}
