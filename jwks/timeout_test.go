package jwks_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwks"
)

var quiet = log.New(io.Discard, "", 0)

// transport is an issuer in the test's own bubble of time.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}, nil
}

func TestALookUpWaitsTwoSecondsAtMost(t *testing.T) {
	body := setOf(public(jeton.RS256, "a"))
	synctest.Test(t, func(t *testing.T) {
		slow := false
		r, err := jwks.NewRemote("https://auth.example/", jwks.RemoteOptions{Transport: transport(func(*http.Request) (*http.Response, error) {
			if slow {
				time.Sleep(3 * time.Second)
			}
			return answering(body)
		})})
		if err != nil {
			t.Fatal(err)
		}
		find := func(id string, wait time.Duration, want error) {
			t.Helper()
			start := time.Now()
			if _, err := r.FindKey(context.Background(), jeton.Header{KeyID: id}); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", id, err, want)
			}
			if took := time.Since(start); took != wait {
				t.Errorf("%s: waited %s, want %s", id, took, wait)
			}
		}
		slow = true
		find("a", 2*time.Second, jeton.ErrKeysUnavailable) // no set yet
		find("a", time.Second, nil)                        // the same fetch
		time.Sleep(30 * time.Second)
		find("x", 2*time.Second, jeton.ErrUnknownKey)
		find("a", 0, nil)
		find("x", time.Second, jeton.ErrUnknownKey)
		find("x", 0, jeton.ErrUnknownKey)
	})
}

func TestAFetchEndsAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := jwks.NewRemote("https://auth.example/", jwks.RemoteOptions{Transport: transport(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := r.Refresh(context.Background()); !errors.Is(err, jeton.ErrKeysUnavailable) {
			t.Error(err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A refresh that is due does not make the look-up wait that notices it, and it
// is not the look-up's context that ends it.
func TestARefreshOutlivesTheLookUpThatStartedIt(t *testing.T) {
	body := setOf(public(jeton.RS256, "a"))
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		r, err := jwks.NewRemote("https://auth.example/", jwks.RemoteOptions{Transport: transport(func(req *http.Request) (*http.Response, error) {
			fetches++
			select {
			case <-time.After(time.Second):
				return answering(body)
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		})})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := r.FindKey(ctx, jeton.Header{KeyID: "a"}); err != nil {
			t.Error(err)
		}
		cancel()
		time.Sleep(2 * time.Second)
		// Had it failed, this would try again.
		time.Sleep(time.Minute)
		if _, err := r.FindKey(context.Background(), jeton.Header{KeyID: "a"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if fetches != 2 {
			t.Errorf("%d fetches", fetches)
		}
	})
}

// Nothing of a Remote is left when it is idle: Test fails if a goroutine is.
func TestAnIdleRemoteHasNoGoroutine(t *testing.T) {
	body := setOf(public(jeton.RS256, "a"))
	synctest.Test(t, func(t *testing.T) {
		r, err := jwks.NewRemote("https://auth.example/", jwks.RemoteOptions{Transport: transport(func(*http.Request) (*http.Response, error) {
			return answering(body)
		})})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := r.FindKey(context.Background(), jeton.Header{KeyID: "a"}); err != nil {
			t.Error(err)
		}
	})
}
