package jeton

import (
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
)

func TestCacheHasNoMoreSlotsThanItSays(t *testing.T) {
	for entries, want := range map[int]int{1: 4, 4: 4, 5: 8, 1000: 1024} {
		c := newCache(entries)
		for i := range uint64(10 * want) {
			token, err := split(fmt.Sprintf("header.payload.%d", i), Limits{TokenBytes: 100})
			if err != nil {
				t.Fatal(err)
			}
			digest := c.digest(token)
			c.add(digest, token, &Verified{})
			if c.find(digest, token) == nil {
				t.Fatalf("entry %d is not there right after it was added", i)
			}
		}
		used := 0
		for i := range c.slots {
			if c.slots[i].Load() != nil {
				used++
			}
		}
		if len(c.slots) != want || used != want {
			t.Errorf("CacheEntries %d: %d of %d slots are used, want %d", entries, used, len(c.slots), want)
		}
	}
	if newCache(0) != nil {
		t.Error("CacheEntries 0 makes a cache")
	}
}

// Even where two tokens have one digest, an entry is of one token.
func TestCacheEntryIsOfOneToken(t *testing.T) {
	limits := Limits{TokenBytes: 1000}
	one, _ := split("header.payload.signature", limits)
	c := newCache(4)
	c.add(7, one, &Verified{payload: "of one"})
	if e := c.find(7, one); e == nil || e.verified.payload != "of one" {
		t.Fatal("the token's own entry is not found")
	}
	for _, token := range []string{"header.payload.signaturf", "header.payload.signature1", "header.payloae.signature", "headeq.payload.signature", "header.payload1.ignature", "h.eader.payload"} {
		other, err := split(token, limits)
		if err != nil {
			t.Fatal(err)
		}
		if c.find(7, other) != nil {
			t.Errorf("%s finds the entry of header.payload.signature", token)
		}
		c.add(7, other, &Verified{payload: token})
		if e := c.find(7, other); e == nil || e.verified.payload != token {
			t.Errorf("%s does not find its own entry", token)
		}
	}
	if e := c.find(8, one); e != nil {
		t.Error("another digest finds the entry")
	}
}

// A dump of the memory shows no token that could be sent, nor one whose end could
// be worked out.
func TestCacheKeepsNoWholeSignature(t *testing.T) {
	long := strings.Repeat("x", 300) + "the_last_forty-three_characters_of_a_token!"
	small := &VerifyingKey{public: conceal(&rsa.PublicKey{E: 3})}
	for _, tt := range []struct {
		name, signature string
		key             *VerifyingKey
		held            int
	}{
		{"short", "signature", nil, 0},
		{"as long as what is withheld", long[300:], nil, 0},
		{"long", long, nil, 300},
		{"of RSA", long, &VerifyingKey{public: conceal(&rsa.PublicKey{E: usualExponent})}, 300},
		{"of RSA with a small exponent", long, small, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCache(4)
			token, _ := split("header.payload."+tt.signature, Limits{TokenBytes: 1000})
			c.add(c.digest(token), token, &Verified{key: tt.key})
			e := c.find(c.digest(token), token)
			if e == nil {
				t.Fatal("no entry")
			}
			if want := "header.payload." + tt.signature[:tt.held]; e.plain != want {
				t.Errorf("the entry holds %q, want %q", e.plain, want)
			}
			shown := fmt.Sprint(e.digest, e.plain, string(e.sum[:]), e.verified.payload)
			if strings.Contains(shown, tt.signature[len(tt.signature)-9:]) {
				t.Errorf("the entry shows the end of the signature: %s", shown)
			}
		})
	}
}

// A signature is compared to its last character and its first, whether the entry
// holds that part or not.
func TestCacheComparesTheWholeSignature(t *testing.T) {
	text := "header.payload." + strings.Repeat("s", 342)
	limits := Limits{TokenBytes: 1000}
	one, _ := split(text, limits)
	c := newCache(4)
	c.add(7, one, &Verified{})
	others := []string{text + "s", text[:len(text)-1]}
	for i := len("header.payload."); i < len(text); i++ {
		others = append(others, text[:i]+"t"+text[i+1:])
	}
	for _, other := range others {
		if token, err := split(other, limits); err != nil || c.find(7, token) != nil {
			t.Fatalf("%s finds the entry of another: %v", other, err)
		}
	}
}
