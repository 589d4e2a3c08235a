package issuer_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
)

const statusTTL = 20 * time.Second

func withStatus(c *issuer.Config) { c.StatusListTTL = statusTTL }

// place is what a token says of its status; an empty uri: nothing.
type place struct {
	Index int64  `json:"idx"`
	URI   string `json:"uri"`
}

func placeOf(t fataler, token string) place {
	t.Helper()
	var c struct {
		Status struct {
			List place `json:"status_list"`
		} `json:"status"`
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatalf("claims: %v", err)
	}
	return c.Status.List
}

// status looks a place up as a verifier would that has no list yet.
func (w *world) status(p place) byte {
	w.t.Helper()
	list, err := w.StatusList(context.Background(), strings.TrimPrefix(p.URI, testIssuer+issuer.StatusListPath))
	if err != nil {
		w.t.Fatalf("the list: %v", err)
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(list.Token, ".")[1])
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	var c struct {
		List struct {
			List string `json:"lst"`
		} `json:"status_list"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		w.t.Fatalf("%v", err)
	}
	packed, err := base64.RawURLEncoding.DecodeString(c.List.List)
	if err != nil {
		w.t.Fatalf("lst: %v", err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		w.t.Fatalf("lst: %v", err)
	}
	bits, err := io.ReadAll(z)
	if err != nil {
		w.t.Fatalf("lst: %v", err)
	}
	return bits[p.Index/8] >> (p.Index % 8) & 1
}

func (w *world) wantStatus(what string, token string, want byte) {
	w.t.Helper()
	if got := w.status(placeOf(w.t, token)); got != want {
		w.t.Errorf("%s: status %d, want %d", what, got, want)
	}
}

func (w *world) renew(p *issuer.TokenPair) *issuer.TokenPair {
	w.t.Helper()
	next, err := w.Refresh(context.Background(), issuer.RefreshRequest{RefreshToken: p.RefreshToken})
	if err != nil {
		w.t.Fatalf("refresh: %v", err)
	}
	return next
}

func TestARevokedSessionIsInItsStatusListAtOnceOnEveryNode(t *testing.T) {
	w := newWorld(t, withStatus)
	w.alice()
	other := w.restart()
	one, two, three := w.login(), w.login(), other.login()
	for _, node := range []*world{w, other} {
		for _, p := range []*issuer.TokenPair{one, two, three} {
			node.wantStatus("before", p.AccessToken, 0)
		}
	}
	if err := other.RevokeSession(t.Context(), one.SessionID, issuer.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	for _, node := range []*world{w, other} {
		node.wantStatus("revoked on the other node", one.AccessToken, 1)
		node.wantStatus("another session", two.AccessToken, 0)
		node.wantStatus("a session of the other node", three.AccessToken, 0)
	}
	// A refresh does not move a session.
	w.clock.Move(time.Minute)
	if a, b := placeOf(t, two.AccessToken), placeOf(t, w.renew(two).AccessToken); a != b {
		t.Errorf("from %v to %v", a, b)
	}
	// The row may go before the tokens do.
	w.clock.Move(time.Second)
	if _, err := w.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.restart().wantStatus("whose row is gone", one.AccessToken, 1)

	// Everything of a subject, and a login right after it.
	if err := other.SetPassword(t.Context(), "alice", testPassword); err != nil {
		t.Fatal(err)
	}
	again := w.login()
	for _, node := range []*world{w, other} {
		node.wantStatus("with the old password", two.AccessToken, 1)
		node.wantStatus("with the old password, of the other node", three.AccessToken, 1)
		node.wantStatus("a login right after", again.AccessToken, 0)
	}
}

func TestTokensFromBeforeACutOffAreInTheStatusListAndThoseAfterItAreNot(t *testing.T) {
	for _, kind := range []issuer.EntryKind{issuer.EntrySubject, issuer.EntryClient, issuer.EntryAll} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, withStatus)
			value := map[issuer.EntryKind]string{issuer.EntrySubject: w.alice().ID, issuer.EntryClient: "jeton-login"}[kind]
			other := w.restart()
			old := w.login()
			w.clock.Move(time.Minute)
			w.wantStatus("before the cut-off", old.AccessToken, 0)
			other.wantStatus("before the cut-off", old.AccessToken, 0)
			if _, err := w.RevokeIssued(t.Context(), kind, value); err != nil {
				t.Fatal(err)
			}
			w.wantStatus("at once", old.AccessToken, 1)
			other.wantStatus("at once", old.AccessToken, 1)
			here, login := w.renew(old), w.login()
			if err := other.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			there, loginThere := other.renew(here), other.login()
			check := func(when string) {
				for _, node := range []*world{w, other} {
					node.wantStatus(when+" issued before", old.AccessToken, 1)
					node.wantStatus(when+" refreshed", here.AccessToken, 0)
					node.wantStatus(when+" refreshed on the other node", there.AccessToken, 0)
					node.wantStatus(when+" opened after", login.AccessToken, 0)
					node.wantStatus(when+" opened after on the other node", loginThere.AccessToken, 0)
				}
			}
			check("first:")
			w.clock.Move(2 * time.Second)
			if _, err := w.RevokeIssued(t.Context(), issuer.EntrySubject, "somebody else"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.RevokeIssued(t.Context(), issuer.EntryClient, "another client"); err != nil {
				t.Fatal(err)
			}
			check("after other cut-offs:")
			if err := w.RevokeSession(t.Context(), old.SessionID, issuer.ReasonLogout); err != nil {
				t.Fatal(err)
			}
			w.wantStatus("revoked, refreshed", here.AccessToken, 1)
			other.wantStatus("revoked, refreshed", there.AccessToken, 1)

			// Once the old tokens have expired, new ones need no list of their own.
			w.clock.Move(w.RevocationLife())
			after := w.login()
			if a, b := placeOf(t, after.AccessToken).URI, placeOf(t, old.AccessToken).URI; a != b {
				t.Errorf("%s is not %s", a, b)
			}
			w.wantStatus("much later", after.AccessToken, 0)
		})
	}
}

func TestTheIssuersOwnVerifierKnowsCutOffs(t *testing.T) {
	for _, kind := range []issuer.EntryKind{issuer.EntrySubject, issuer.EntryClient, issuer.EntryAll} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			value := map[issuer.EntryKind]string{issuer.EntrySubject: w.alice().ID, issuer.EntryClient: "jeton-login"}[kind]
			other := w.restart()
			old, bystander := w.login(), w.open("bob")
			w.clock.Move(time.Minute)
			if _, err := w.RevokeIssued(t.Context(), kind, value); err != nil {
				t.Fatal(err)
			}
			refused := func(node *world, when string) {
				t.Helper()
				if _, err := node.Verifier().Verify(t.Context(), old.AccessToken); !errors.Is(err, jeton.ErrRevoked) {
					t.Errorf("%s: %v", when, err)
				}
				if in, err := node.Introspect(t.Context(), old.AccessToken); err != nil || in.Active {
					t.Errorf("%s, introspected: %+v, %v", when, in, err)
				}
			}
			refused(w, "on the node that was asked")
			if err := other.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			refused(other, "on another node")
			refused(w.restart(), "on a node that started after")
			for _, node := range []*world{w, other} {
				if _, err := node.Verifier().Verify(t.Context(), node.renew(old).AccessToken); err != nil {
					t.Errorf("a new token: %v", err)
				}
				if _, err := node.Verifier().Verify(t.Context(), bystander.AccessToken); (err == nil) != (kind != issuer.EntryAll) {
					t.Errorf("another subject and client: %v", err)
				}
			}
		})
	}
}

func TestSessionIDsWithAPlaceTellNothingAndRepeatNothing(t *testing.T) {
	w := newWorld(t, withStatus)
	w.alice()
	seen, firsts := map[place]bool{}, map[byte]bool{}
	var indices []int64
	for range 300 {
		p := w.login()
		at := placeOf(t, p.AccessToken)
		if seen[at] || at.Index < 0 || at.Index >= 1<<20 {
			t.Fatalf("%v, again or out of range", at)
		}
		seen[at], firsts[p.SessionID[0]] = true, true
		indices = append(indices, at.Index)
		if strings.HasPrefix(p.SessionID.String(), "-") {
			t.Errorf("the id %s looks like a flag", p.SessionID)
		}
	}
	if slices.IsSorted(indices) || len(firsts) < 100 {
		t.Errorf("places follow each other, or ids do")
	}
	uri := placeOf(t, w.login().AccessToken).URI
	for at := range seen {
		if at.URI != uri {
			t.Errorf("a node opened a second list, %s", at.URI)
		}
	}
	if again := placeOf(t, w.restart().login().AccessToken).URI; again == uri {
		t.Error("two nodes give out places of one list")
	}
}

func TestSessionsFromBeforeStatusListsHaveNoPlace(t *testing.T) {
	w := newWorld(t)
	w.alice()
	old := w.login()
	with := w.restart(withStatus)
	if p := placeOf(t, with.renew(old).AccessToken); p.URI != "" {
		t.Errorf("got %v", p)
	}
	fresh := with.login()
	if p := placeOf(t, w.renew(fresh).AccessToken); p.URI != "" {
		t.Errorf("without lists again: %v", p)
	}
	id := strings.TrimPrefix(placeOf(t, fresh.AccessToken).URI, testIssuer+issuer.StatusListPath)
	if _, err := w.StatusList(t.Context(), id); !errors.Is(err, issuer.ErrNotFound) {
		t.Errorf("a list where there are none: %v", err)
	}
}

func TestAStatusListReadsALogThatIsAnotherFromItsBeginning(t *testing.T) {
	w := newWorld(t, withStatus)
	w.alice()
	first, second := w.login(), w.login()
	if err := w.RevokeSession(t.Context(), first.SessionID, issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	w.wantStatus("revoked", first.AccessToken, 1)
	w.store.Store = memory.New(w.clock.Now) // a backup was restored, of another time
	w.open("alice", func(n *issuer.NewSession) { n.ID = second.SessionID })
	if err := w.RevokeSession(t.Context(), second.SessionID, issuer.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	w.wantStatus("revoked in the new log", second.AccessToken, 1)
	w.wantStatus("revoked in the old log", first.AccessToken, 1)
}

func TestAStatusListFollowsTheKeyThatSigns(t *testing.T) {
	w := newWorld(t, withStatus)
	w.alice()
	id := strings.TrimPrefix(placeOf(t, w.login().AccessToken).URI, testIssuer+issuer.StatusListPath)
	before, err := w.StatusList(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := w.StatusList(t.Context(), id); err != nil || same.Token != before.Token {
		t.Errorf("another list though nothing changed: %v", err)
	}
	if _, err := issuer.NewKeyring(w.cfg.Store, w.cfg.MasterKey).Rotate(t.Context(), issuer.UseAccess, "", true); err != nil {
		t.Fatal(err)
	}
	w.tick()
	after, err := w.StatusList(t.Context(), id)
	if err != nil || strings.Split(after.Token, ".")[0] == strings.Split(before.Token, ".")[0] {
		t.Errorf("signed by the key that was retired: %v", err)
	}
}
