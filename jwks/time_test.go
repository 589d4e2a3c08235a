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

// bubble is a Remote whose issuer lives in the same bubble of time, so that a
// test can tell what a look-up sets off, and that it sets off nothing.
type bubble struct {
	*jwks.Remote
	t       *testing.T
	fetches int
	answer  func(*http.Request) (*http.Response, error)
}

func (b *bubble) RoundTrip(r *http.Request) (*http.Response, error) {
	b.fetches++
	return b.answer(r)
}

// inBubble runs a test with a Remote that has fetched nothing yet. The issuer
// publishes one key, "a", unless the test says otherwise.
func inBubble(t *testing.T, o jwks.RemoteOptions, test func(*bubble)) {
	t.Helper()
	body := setOf(public(jeton.RS256, "a"))
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, answer: func(*http.Request) (*http.Response, error) { return answering(body) }}
		o.Transport = b
		var err error
		if b.Remote, err = jwks.NewRemote("https://auth.example/", o); err != nil {
			t.Fatal(err)
		}
		test(b)
		time.Sleep(time.Minute) // nothing may be left after the longest fetch
	})
}

// find looks a key up and returns how long that took.
func (b *bubble) find(ctx context.Context, id string, want error) time.Duration {
	b.t.Helper()
	start := time.Now()
	key, err := b.FindKey(ctx, jeton.Header{KeyID: id, Algorithm: jeton.RS256})
	if !errors.Is(err, want) || (key == nil) != (err != nil) {
		b.t.Errorf("%s: %v and %v, want %v", id, key, err, want)
	}
	return time.Since(start)
}

// fetched checks how often the issuer was asked, once all is quiet.
func (b *bubble) fetched(want int) {
	b.t.Helper()
	synctest.Wait()
	if b.fetches != want {
		b.t.Errorf("fetched %d times, want %d", b.fetches, want)
	}
}

func answering(body string, headers ...string) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func down(*http.Request) (*http.Response, error) { return nil, errors.New("the cable is out") }

// late answers after a while, unless the request ends before.
func late(d time.Duration, then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return then(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func TestALookUpWaitsTwoSecondsAtMost(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		b.answer = late(3*time.Second, b.answer)
		find := func(id string, wait time.Duration, want error) {
			t.Helper()
			if took := b.find(context.Background(), id, want); took != wait {
				t.Errorf("%s: waited %s, want %s", id, took, wait)
			}
		}
		find("a", 2*time.Second, jeton.ErrKeysUnavailable) // no set yet
		find("a", time.Second, nil)                        // the same fetch
		time.Sleep(30 * time.Second)
		find("x", 2*time.Second, jeton.ErrUnknownKey)
		find("a", 0, nil)
		find("x", time.Second, jeton.ErrUnknownKey)
		find("x", 0, jeton.ErrUnknownKey)
		b.fetched(2)
	})
}

func TestAFetchEndsAfterFiveSeconds(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		b.answer = late(time.Hour, b.answer)
		start := time.Now()
		if err := b.Refresh(context.Background()); !errors.Is(err, jeton.ErrKeysUnavailable) {
			t.Error(err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// An error is of the present: what failed before the last good fetch is over.
func TestAnOldFailureIsForgotten(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		good := b.answer
		b.answer = down
		if err := b.Refresh(context.Background()); err == nil || !strings.Contains(err.Error(), "cable") {
			t.Error(err)
		}
		b.answer = good
		if err := b.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		b.answer = late(3*time.Second, good)
		_, err := b.FindKey(context.Background(), jeton.Header{KeyID: "a"})
		if !errors.Is(err, jeton.ErrKeysUnavailable) || strings.Contains(err.Error(), "cable") {
			t.Error(err)
		}
	})
}

// It is not the look-up's context that ends a refresh which the look-up noticed
// to be due.
func TestARefreshOutlivesTheLookUpThatStartedIt(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		b.find(context.Background(), "a", nil)
		b.answer = late(time.Second, b.answer)
		time.Sleep(5 * time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		b.find(ctx, "a", nil)
		cancel()
		// Had it failed, this would try again.
		time.Sleep(time.Minute)
		b.find(context.Background(), "a", nil)
		b.fetched(2)
	})
}

func TestALookUpThatIsCancelledBeforehandStartsNoFetch(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		b.find(ctx, "a", context.Canceled)
		b.find(ctx, "a", jeton.ErrKeysUnavailable)
		if err := b.Refresh(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, jeton.ErrKeysUnavailable) {
			t.Error(err)
		}
		b.fetched(0)
		b.find(context.Background(), "a", nil)
		b.find(ctx, "a", nil) // a known key needs no time
	})
}

// How long a set lives, by option and by Cache-Control.
func TestTheLifeOfASet(t *testing.T) {
	for name, c := range map[string]struct {
		o       jwks.RemoteOptions
		headers []string
		want    time.Duration
	}{
		"nothing said":              {jwks.RemoteOptions{}, nil, 5 * time.Minute},
		"max-age":                   {jwks.RemoteOptions{}, []string{"public, max-age=600"}, 10 * time.Minute},
		"max-age in capitals":       {jwks.RemoteOptions{}, []string{"Public,MAX-AGE=600"}, 10 * time.Minute},
		"max-age in quotes":         {jwks.RemoteOptions{}, []string{`max-age="600"`}, 10 * time.Minute},
		"max-age in a second line":  {jwks.RemoteOptions{}, []string{"public", "max-age=600"}, 10 * time.Minute},
		"two of them":               {jwks.RemoteOptions{}, []string{"max-age=600, max-age=1200"}, 10 * time.Minute},
		"a short one":               {jwks.RemoteOptions{}, []string{"max-age=1"}, time.Minute},
		"zero":                      {jwks.RemoteOptions{}, []string{"max-age=0"}, time.Minute},
		"a long one":                {jwks.RemoteOptions{}, []string{"max-age=86400"}, time.Hour},
		"the longest":               {jwks.RemoteOptions{}, []string{"max-age=2147483647"}, time.Hour},
		"too long for a number":     {jwks.RemoteOptions{}, []string{"max-age=99999999999999999999"}, 5 * time.Minute},
		"a negative one":            {jwks.RemoteOptions{}, []string{"max-age=-600"}, 5 * time.Minute},
		"nonsense":                  {jwks.RemoteOptions{}, []string{"max-age=x"}, 5 * time.Minute},
		"s-maxage is not for us":    {jwks.RemoteOptions{}, []string{"s-maxage=600"}, 5 * time.Minute},
		"no-store":                  {jwks.RemoteOptions{}, []string{"no-store"}, time.Minute},
		"no-cache beside max-age":   {jwks.RemoteOptions{}, []string{"max-age=600, no-cache"}, time.Minute},
		"the option":                {jwks.RemoteOptions{RefreshEvery: 20 * time.Minute}, nil, 20 * time.Minute},
		"the option before max-age": {jwks.RemoteOptions{RefreshEvery: 20 * time.Minute}, []string{"max-age=600"}, 20 * time.Minute},
		"a longer cooldown":         {jwks.RemoteOptions{RefreshEvery: time.Second}, nil, 30 * time.Second},
		"half of MaxStale":          {jwks.RemoteOptions{MaxStale: 4 * time.Minute}, nil, 2 * time.Minute},
		"half of it, with max-age":  {jwks.RemoteOptions{MaxStale: 4 * time.Minute}, []string{"max-age=600"}, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.o, func(b *bubble) {
				good := b.answer
				b.answer = func(r *http.Request) (*http.Response, error) {
					answer, err := good(r)
					for _, h := range c.headers {
						answer.Header.Add("Cache-Control", h)
					}
					return answer, err
				}
				for n := range 3 {
					b.find(context.Background(), "a", nil)
					b.fetched(n + 1)
					time.Sleep(c.want - 1)
					b.find(context.Background(), "a", nil)
					b.fetched(n + 1)
					time.Sleep(time.Nanosecond)
				}
			})
		})
	}
}

func TestFailuresAreRetriedOncePerCooldown(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		b.find(context.Background(), "a", nil)
		b.answer = down
		time.Sleep(5 * time.Minute)
		for n := range 3 {
			b.find(context.Background(), "a", nil)
			b.fetched(2 + n)
			time.Sleep(30*time.Second - 1)
			b.find(context.Background(), "a", nil)
			b.find(context.Background(), "x", jeton.ErrUnknownKey)
			b.fetched(2 + n)
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestMaxStaleIsAnOption(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{MaxStale: 2 * time.Minute}, func(b *bubble) {
		b.find(context.Background(), "a", nil)
		b.answer = down
		time.Sleep(2*time.Minute - 1)
		b.find(context.Background(), "a", nil)
		time.Sleep(time.Nanosecond)
		b.find(context.Background(), "a", jeton.ErrKeysUnavailable)
	})
}

// Nothing of a Remote is left when it is idle: the bubble would not end.
func TestAnIdleRemoteHasNoGoroutine(t *testing.T) {
	inBubble(t, jwks.RemoteOptions{}, func(b *bubble) {
		b.find(context.Background(), "a", nil)
		time.Sleep(time.Hour)
		b.find(context.Background(), "a", nil)
	})
}
