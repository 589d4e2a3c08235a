package jeton

import (
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

// A dump of the memory shows no token that could be sent.
func TestCacheKeepsNoSignature(t *testing.T) {
	c := newCache(4)
	token, _ := split("header.payload.signature", Limits{TokenBytes: 1000})
	c.add(c.digest(token), token, &Verified{})
	e := c.find(c.digest(token), token)
	if e == nil {
		t.Fatal("no entry")
	}
	if shown := fmt.Sprint(e.digest, e.input, string(e.sum[:]), e.verified.payload); strings.Contains(shown, "signature") {
		t.Errorf("the entry holds %s", shown)
	}
}
