package issuer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSeal(t *testing.T) {
	m, other := GenerateMasterKey(), GenerateMasterKey()
	plain := []byte("the private half of a key")
	row := StoredKey{ID: "k1", Use: UseAccess, Algorithm: "RS256", State: KeyActive}
	row.Sealed = m.seal(plain, row.Use, row.ID, row.Algorithm)

	got, _, err := m.open(row)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("open: %q, %v", got, err)
	}
	if bytes.Contains(row.Sealed, plain[:8]) {
		t.Error("sealed, it can be read")
	}
	if bytes.Equal(row.Sealed, m.seal(plain, row.Use, row.ID, row.Algorithm)) {
		t.Error("sealed twice it is the same: no nonce")
	}

	for name, c := range map[string]struct {
		key    MasterKey
		change func(*StoredKey)
	}{
		"another master key": {other, func(*StoredKey) {}},
		"no master key":      {MasterKey{}, func(*StoredKey) {}},
		"another key id":     {m, func(s *StoredKey) { s.ID = "k2" }},
		"another use":        {m, func(s *StoredKey) { s.Use = UseRefresh }},
		"another algorithm":  {m, func(s *StoredKey) { s.Algorithm = "HS256" }},
		"nothing sealed":     {m, func(s *StoredKey) { s.Sealed = nil }},
		"cut short":          {m, func(s *StoredKey) { s.Sealed = s.Sealed[:10] }},
		"its end cut off":    {m, func(s *StoredKey) { s.Sealed = s.Sealed[:len(s.Sealed)-1] }},
		"a byte more":        {m, func(s *StoredKey) { s.Sealed = append(bytes.Clone(s.Sealed), 0) }},
		"another mark":       {m, func(s *StoredKey) { s.Sealed = bytes.Clone(s.Sealed); s.Sealed[0] ^= 1 }},
		"another id":         {m, func(s *StoredKey) { s.Sealed = bytes.Clone(s.Sealed); s.Sealed[5] ^= 1 }},
		"the mark alone":     {m, func(s *StoredKey) { s.Sealed = s.Sealed[:4] }},
		"no text":            {m, func(s *StoredKey) { s.Sealed = s.Sealed[:sealHeader] }},
		"another nonce":      {m, func(s *StoredKey) { s.Sealed = bytes.Clone(s.Sealed); s.Sealed[sealHeader] ^= 1 }},
		"a bit of the text":  {m, func(s *StoredKey) { s.Sealed = bytes.Clone(s.Sealed); s.Sealed[30] ^= 1 }},
		"a bit of the tag":   {m, func(s *StoredKey) { s.Sealed = bytes.Clone(s.Sealed); s.Sealed[len(s.Sealed)-1] ^= 1 }},
	} {
		s := row
		c.change(&s)
		if got, _, err := c.key.open(s); !errors.Is(err, ErrMasterKey) || got != nil {
			t.Errorf("%s: %q, %v; want ErrMasterKey", name, got, err)
		}
	}
}

// While a rekey is under way a master key is several.
func TestSeveralMasterKeys(t *testing.T) {
	old, fresh := GenerateMasterKey(), GenerateMasterKey()
	both, err := ParseMasterKey(fresh.Text() + " \r\n" + old.Text() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]MasterKey{"parsed": both, "put together": fresh.WithOlder(old), "with one that is there": both.WithOlder(old)} {
		if k.Text() != fresh.Text()+"\n"+old.Text() || !slices.Equal(k.IDs(), []string{fresh.IDs()[0], old.IDs()[0]}) {
			t.Errorf("%s: the ids %v", name, k.IDs())
		}
		if k.Newest().Text() != fresh.Text() {
			t.Errorf("%s: the newest is not the first", name)
		}
	}
	if id := fresh.IDs()[0]; len(id) != 16 || strings.Contains(fresh.Text(), id) {
		t.Errorf("the id %q", id)
	}
	if k := (MasterKey{}); k.Newest().Text() != "" || len(k.IDs()) != 0 || k.WithOlder(old).Text() != old.Text() {
		t.Error("the zero key is one")
	}
	for _, k := range []MasterKey{old, fresh} {
		row := StoredKey{ID: "k1", Use: UseAccess, Algorithm: "RS256"}
		row.Sealed = k.seal([]byte("text"), row.Use, row.ID, row.Algorithm)
		if got, under, err := both.open(row); err != nil || string(got) != "text" || under != k.IDs()[0] {
			t.Errorf("open: %q under %s, %v", got, under, err)
		}
		row.Sealed = aead(k.list()[0]).Seal(nil, nil, []byte("text"), sealContextV1(row.Use, row.ID, row.Algorithm))
		if got, under, err := both.open(row); err != nil || string(got) != "text" || under != k.IDs()[0] {
			t.Errorf("open an older seal: %q under %s, %v", got, under, err)
		}
	}
}

func TestMasterKeyText(t *testing.T) {
	k := GenerateMasterKey()
	if k.Text() == GenerateMasterKey().Text() {
		t.Fatal("two fresh keys are the same")
	}
	for _, text := range []string{k.Text(), k.Text() + "\n", " " + k.Text() + "\r\n"} {
		got, err := ParseMasterKey(text)
		if err != nil || got.Text() != k.Text() {
			t.Errorf("parse(text): %v", err)
		}
	}
	encode := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"empty":            "",
		"31 bytes":         encode(make([]byte, 31)),
		"33 bytes":         encode(bytes.Repeat([]byte{1}, 33)),
		"zeros":            encode(make([]byte, 32)),
		"no padding":       strings.TrimRight(k.Text(), "="),
		"hex":              strings.Repeat("0f", 32),
		"stray bits":       strings.Repeat("A", 42) + "B=",
		"a sentence":       "correct horse battery staple",
		"something behind": k.Text() + " x",
		"the same twice":   k.Text() + " " + k.Text(),
		"five":             strings.Repeat(" "+GenerateMasterKey().Text(), 5),
		"URL alphabet":     strings.Repeat("-", 43) + "=",
	} {
		got, err := ParseMasterKey(text)
		if !errors.Is(err, ErrConfig) || !got.isZero() {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		} else if len(text) > 8 && strings.Contains(err.Error(), text[:8]) {
			t.Errorf("%s: the error shows it", name)
		}
	}
	if got := (MasterKey{}).Text(); got != "" {
		t.Errorf("the zero key is %q in text", got)
	}
}
