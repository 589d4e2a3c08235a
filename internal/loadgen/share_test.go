package loadgen_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// counted is a server that counts how often each session was refreshed. The
// tokens of session s are "s 0", "s 1" and so on, each good once.
type counted struct {
	refreshed map[string]int // -1: refused
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var session string
	var n int
	fmt.Sscan(r.PostFormValue("refresh_token"), &session, &n)
	if c.refreshed[session] != n {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	c.refreshed[session]++
	fmt.Fprintf(w, `{"access_token":"x","refresh_token":"%s %d"}`, session, n+1)
}

// With more tokens than clients each token has its turn before any has a second
// one, and what it became is what is sent then.
func TestClientsShareManyTokens(t *testing.T) {
	const clients, each = 3, 5
	handler := &counted{refreshed: map[string]int{}}
	server := httptest.NewServer(handler)
	defer server.Close()
	var tokens []string
	for i := range clients * each {
		tokens = append(tokens, fmt.Sprintf("s%02d 0", i))
		handler.refreshed[fmt.Sprintf("s%02d", i)] = 0
	}
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
	fleet, err := one.OpenWith(tokens, clients)
	must(t, err)
	defer fleet.Close()
	all, err := fleet.Clients(loadgen.Refresh, nil)
	must(t, err)
	if len(all) != clients {
		t.Fatalf("%d clients", len(all))
	}
	for round := range 3 {
		for _, c := range all {
			for range each {
				must(t, c.Prepare(t.Context()))
				if o := c.Do(t.Context()); o.Err != nil || !o.Rotated {
					t.Fatalf("%+v", o)
				}
			}
		}
		for session, n := range handler.refreshed {
			if n != round+1 {
				t.Errorf("after %d turns of all, %s was refreshed %d times", round+1, session, n)
			}
		}
	}
	// In the order of the file, so that it may be read beside another.
	for i, token := range fleet.RefreshTokens() {
		if want := fmt.Sprintf("s%02d 3", i); token != want {
			t.Errorf("token %d is %q at the end, want %q", i, token, want)
		}
	}
}

// A client whose tokens are refused goes on with those that are left, and the
// refused ones are not tried again.
func TestAClientGoesOnWithTheTokensThatAreLeft(t *testing.T) {
	handler := &counted{refreshed: map[string]int{"a": -1, "b": 0, "c": -1, "d": 0}}
	server := httptest.NewServer(handler)
	defer server.Close()
	one := &loadgen.Target{TokenEndpoint: server.URL, Timeout: time.Minute, Now: time.Now}
	fleet, err := one.OpenWith([]string{"a 0", "b 0", "c 0", "d 0"}, 1)
	must(t, err)
	defer fleet.Close()
	all, err := fleet.Clients(loadgen.Refresh, nil)
	must(t, err)
	refused := 0
	do := func() {
		must(t, all[0].Prepare(t.Context()))
		var f *loadgen.Failure
		if o := all[0].Do(t.Context()); errors.As(o.Err, &f) {
			refused++
		} else {
			must(t, o.Err)
		}
	}
	for range 20 {
		do()
	}
	if refused != 2 || handler.refreshed["b"]+handler.refreshed["d"] != 18 {
		t.Errorf("%d refused, %v", refused, handler.refreshed)
	}
	left := fleet.RefreshTokens()
	if len(left) != 2 || left[0][0] != 'b' || left[1][0] != 'd' {
		t.Errorf("%q are left", left)
	}
	handler.refreshed = map[string]int{"b": -1, "d": -1}
	do()
	do()
	if err := all[0].Prepare(t.Context()); !errors.Is(err, loadgen.ErrLost) {
		t.Errorf("without any it goes on: %v", err)
	}
}
