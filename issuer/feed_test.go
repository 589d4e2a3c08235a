package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/unverified"
)

func readAs(w *world, address string) (*issuer.FeedReader, error) {
	ctx := context.Background()
	if address != "" {
		ctx = issuer.WithRequestInfo(ctx, issuer.RequestInfo{Client: netip.MustParseAddr(address)})
	}
	return w.Feed().Read(ctx, "")
}

// keyIDOf is the "kid" that a token names.
func keyIDOf(t *testing.T, token string) string {
	t.Helper()
	var header struct {
		KeyID string `json:"kid"`
	}
	decoded, err := unverified.Decode(token)
	if err == nil {
		err = json.Unmarshal(decoded.Header, &header)
	}
	if err != nil || header.KeyID == "" {
		t.Fatal(err)
	}
	return header.KeyID
}

func TestOneAddressDoesNotGetAllPlacesOfTheFeed(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.FeedReaders = 8 })
	t.Cleanup(w.Feed().Close)
	read := func(address string, want error) *issuer.FeedReader {
		t.Helper()
		r, err := readAs(w, address)
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v; want %v", address, err, want)
		}
		if r != nil {
			t.Cleanup(r.Close)
		}
		return r
	}
	first := read("192.0.2.1", nil)
	read("192.0.2.1", nil)
	read("192.0.2.1", issuer.ErrFeedFull)
	read("2001:db8:0:1::1", nil)
	read("2001:db8:0:1::2", nil)
	read("2001:db8:0:1:ffff::3", issuer.ErrFeedFull)
	read("2001:db8:0:2::1", nil)
	first.Close()
	first.Close() // gives back one place, not two
	read("192.0.2.1", nil)
	read("192.0.2.1", issuer.ErrFeedFull)
	// This machine's own, and whoever is not known, are bounded by all places.
	read("127.0.0.1", nil)
	read("::1", nil)
	read("", nil)
	read("", issuer.ErrFeedFull)
	read("127.0.0.1", issuer.ErrFeedFull)
}

// A program that embeds an issuer may have addresses as a socket of both families
// tells them.
func TestIPv4AddressesThatLookLikeIPv6AreNoOneNetwork(t *testing.T) {
	w := newWorld(t, func(c *issuer.Config) { c.FeedReaders = 8 })
	t.Cleanup(w.Feed().Close)
	for _, c := range []struct {
		address string
		want    error
	}{
		{"::ffff:192.0.2.1", nil}, {"192.0.2.1", nil}, {"::ffff:192.0.2.1", issuer.ErrFeedFull},
		{"::ffff:192.0.2.2", nil}, {"::ffff:127.0.0.1", nil}, {"::ffff:127.0.0.1", nil}, {"127.0.0.1", nil},
		{"fe80::1%eth0", nil}, {"fe80::2", nil}, {"fe80::3%eth1", issuer.ErrFeedFull},
	} {
		r, err := readAs(w, c.address)
		if !errors.Is(err, c.want) {
			t.Fatalf("%s: %v; want %v", c.address, err, c.want)
		}
		if r != nil {
			t.Cleanup(r.Close)
		}
	}
}

// What was signed for those who read before a key was revoked is of no use to
// those who come after.
func TestWhatTheFeedKeepsIsOfTheKeyThatSigns(t *testing.T) {
	for _, way := range []struct {
		name   string
		change func(w *world)
	}{
		{"revoked at once", func(w *world) {
			if _, err := w.keyring().Revoke(ctx(), w.byState(issuer.KeyActive).ID); err != nil {
				t.Fatal(err)
			}
		}},
		{"rotated", func(w *world) {
			if _, err := w.keyring().Rotate(ctx(), issuer.UseAccess, w.cfg.Algorithm, true); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			w := newWorld(t)
			t.Cleanup(w.Feed().Close)
			for range 3 {
				pair := w.open("somebody")
				if err := w.RevokeSession(ctx(), pair.SessionID, issuer.ReasonLogout); err != nil {
					t.Fatal(err)
				}
			}
			all := func() (tokens []string) {
				t.Helper()
				r, err := readAs(w, "")
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				for {
					b, err := r.Next(ctx())
					if err != nil {
						t.Fatal(err)
					}
					if b.Empty() {
						return tokens
					}
					tokens = append(tokens, b.Token)
				}
			}
			before := all()
			if again := all(); len(before) < 2 || len(again) != len(before) || again[0] != before[0] || again[1] != before[1] {
				t.Fatalf("%d batches and %d: nothing is kept, so this test shows nothing", len(before), len(again))
			}
			old := keyIDOf(t, before[0])
			way.change(w)
			w.tick()
			for i, token := range all() {
				if kid := keyIDOf(t, token); kid == old {
					t.Errorf("batch %d is still signed with the key that was there before", i)
				}
			}
		})
	}
}
