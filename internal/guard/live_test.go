package guard_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/guard"
	"github.com/jeton-go/jeton/jetontest"
)

// file is a policy file that a test writes.
type file struct {
	mu   sync.Mutex
	text string
	err  error
}

func (f *file) read() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []byte(f.text), f.err
}

func (f *file) write(text string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.err = text, err
}

// A policy that changes is taken; a broken one is told of, once, and leaves the
// one before in place.
func TestReload(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	from := &sources{issuers: []*jetontest.Issuer{issuer}}
	first := documented(t, issuer, guard.Nginx)
	second := strings.Replace(first, "path: /health", "path: /alive", 1)
	f := &file{text: "gateway: ngnix"}
	live := guard.NewLive("guard.yaml", f.read, from, issuer.Now)
	if live.Err() == nil || live.Current() != nil {
		t.Error("there is a policy before the first")
	}
	if err := live.Reload(); !errors.Is(err, guard.ErrPolicy) || live.Current() != nil || live.Err() == nil {
		t.Fatalf("a broken first policy: %v", err)
	}
	f.write(first, nil)
	if err := live.Reload(); err != nil || live.Err() != nil {
		t.Fatal(err)
	}
	admits := func(path string) bool {
		return decide(live.Current(), ask("GET", "orders.example", path)).Status == 200
	}
	ctx, cancel := context.WithCancel(t.Context())
	tick, asked, told, done := make(chan time.Time), make(chan struct{}), make(chan error, 10), make(chan struct{})
	go func() {
		live.Watch(ctx, tick, asked, func(err error) { told <- err })
		close(done)
	}()
	// A tick is taken when the one before is dealt with.
	settle := func() { tick <- time.Time{}; tick <- time.Time{} }
	for _, step := range []struct {
		name  string
		text  string
		err   error
		ask   bool
		told  int
		wrong bool
		path  string // that is public then
	}{
		{"the same", first, nil, false, 0, false, "/health"},
		{"another", second, nil, false, 1, false, "/alive"},
		{"a broken one", "gateway: ngnix", nil, false, 1, true, "/alive"},
		{"the broken one again, when asked", "gateway: ngnix", nil, true, 1, true, "/alive"},
		{"another gateway's", documented(t, issuer, guard.Envoy), nil, false, 1, true, "/alive"},
		{"none", "", errors.New("no such file"), false, 1, true, "/alive"},
		{"none when asked", "", errors.New("no such file"), true, 0, true, "/alive"},
		{"the first", first, nil, false, 1, false, "/health"},
		{"the first, when asked", first, nil, true, 1, false, "/health"},
	} {
		f.write(step.text, step.err)
		if step.ask {
			asked <- struct{}{}
		}
		settle()
		if len(told) != step.told {
			t.Errorf("%s: told %d times", step.name, len(told))
		}
		for len(told) > 0 {
			if err := <-told; (err != nil) != step.wrong {
				t.Errorf("%s: told %v", step.name, err)
			}
		}
		if (live.Err() != nil) != step.wrong {
			t.Errorf("%s: %v", step.name, live.Err())
		}
		for _, path := range []string{"/health", "/alive"} {
			if admits(path) != (path == step.path) {
				t.Errorf("%s: admits %s: %v", step.name, path, admits(path))
			}
		}
	}
	cancel()
	<-done
}

// Keys and feeds that two policies have in common are kept over a reload.
func TestNetworkKeepsWhatIsKept(t *testing.T) {
	issuer := jetontest.NewIssuer(t)
	follows := 0
	fetched := make(chan error, 10)
	n := &guard.Network{
		Now: issuer.Now,
		Follow: func(guard.Issuer, jeton.KeySet) (guard.Revocations, error) {
			follows++
			return revocations{issuer.Policy("").Revocations, &sources{}}, nil
		},
		OnRefresh: func(_ string, err error) { fetched <- err },
	}
	f := &file{text: documented(t, issuer, guard.Nginx)}
	live := guard.NewLive("guard.yaml", f.read, n, issuer.Now)
	token := "Bearer " + issuer.Token("orders", jetontest.Scope("orders:read"))
	for range 3 {
		if err := live.Reload(); err != nil {
			t.Fatal(err)
		}
		if d := decide(live.Current(), ask("GET", "orders.example", "/orders", "Authorization", token)); d.Status != 200 {
			t.Fatalf("%d, %v", d.Status, d.Err)
		}
	}
	if err := <-fetched; err != nil {
		t.Error(err)
	}
	if follows != 1 || len(fetched) != 0 {
		t.Errorf("%d feeds and %d fetches more than one", follows, len(fetched))
	}
	n.Refresh(t.Context())
	if err := <-fetched; err != nil {
		t.Error(err)
	}
}

// Keys may come from a file: a set, or one key, or the secret of an HMAC.
func TestKeysFromAFile(t *testing.T) {
	n := &guard.Network{ReadFile: func(name string) ([]byte, error) {
		switch name {
		case "secret.json":
			return []byte(`{"keys":[{"kty":"oct","alg":"HS256","kid":"1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}`), nil
		case "key.json":
			return []byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), nil
		case "nonsense.json":
			return []byte(`{}`), nil
		}
		return nil, errors.New("no such file")
	}}
	for name, good := range map[string]bool{"secret.json": true, "key.json": true, "nonsense.json": false, "absent.json": false} {
		if _, err := n.Keys(guard.Issuer{Keys: name}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := n.Revocations(guard.Issuer{Keys: "key.json", Follow: "https://auth.example/v1/revocations"}); err == nil {
		t.Error("a feed without a follower")
	}
}
