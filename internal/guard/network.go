package guard

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// Network has keys and revocations from where the policy says. What two policies
// have in common is kept: a reload fetches no key set again, and interrupts no
// feed. It is safe for concurrent use.
type Network struct {
	// ReadFile reads a file of keys; its name is as in the policy.
	ReadFile func(name string) ([]byte, error)
	// Follow follows the revocations of an issuer; nil if it can't be done.
	Follow func(i Issuer, keys jeton.KeySet) (Revocations, error)
	// OnRefresh, if set, hears of each fetch of a key set.
	OnRefresh func(address string, err error)
	// Now is the clock.
	Now func() time.Time

	mu      sync.Mutex
	remotes map[string]*jwks.Remote
	feeds   map[feed]Revocations
}

// feed is what two feeds must have in common to be one.
type feed struct{ address, issuer, jwks, keys string }

// Keys makes Network one of Sources.
func (n *Network) Keys(i Issuer) (jeton.KeySet, error) {
	if i.JWKS != "" {
		return n.remote(i.JWKS)
	}
	data, err := n.ReadFile(i.Keys)
	if err != nil {
		return nil, err
	}
	keys, err := jwk.ParseSet(data, jwk.AllowSymmetric())
	if err != nil {
		one, errOne := jwk.ParsePublic(data)
		if errOne != nil {
			return nil, fmt.Errorf("%s: %w", i.Keys, err)
		}
		keys = []*jeton.VerifyingKey{one}
	}
	return jwks.NewStatic(keys...)
}

func (n *Network) remote(address string) (*jwks.Remote, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.remotes[address]; r != nil {
		return r, nil
	}
	o := jwks.RemoteOptions{Now: n.Now, OnRefresh: func(err error) {
		if n.OnRefresh != nil {
			n.OnRefresh(address, err)
		}
	}}
	if u, err := url.Parse(address); err == nil {
		ip := net.ParseIP(u.Hostname())
		o.InsecureLoopbackHTTP = u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	}
	r, err := jwks.NewRemote(address, o)
	if err != nil {
		return nil, err
	}
	if n.remotes == nil {
		n.remotes = make(map[string]*jwks.Remote)
	}
	n.remotes[address] = r
	return r, nil
}

// Refresh fetches all key sets now, so that a wrong address shows at the start.
func (n *Network) Refresh(ctx context.Context) {
	n.mu.Lock()
	remotes := make([]*jwks.Remote, 0, len(n.remotes))
	for _, r := range n.remotes {
		remotes = append(remotes, r)
	}
	n.mu.Unlock()
	var all sync.WaitGroup
	for _, r := range remotes {
		all.Go(func() { _ = r.Refresh(ctx) }) // OnRefresh hears of it
	}
	all.Wait()
}

// Revocations makes Network one of Sources.
func (n *Network) Revocations(i Issuer) (Revocations, error) {
	if n.Follow == nil {
		return nil, fmt.Errorf("%w: this program can't follow revocations", ErrPolicy)
	}
	keys, err := n.Keys(i)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	id := feed{i.Follow, i.Issuer, i.JWKS, i.Keys}
	if r := n.feeds[id]; r != nil {
		return r, nil
	}
	r, err := n.Follow(i, keys)
	if err != nil {
		return nil, err
	}
	if n.feeds == nil {
		n.feeds = make(map[feed]Revocations)
	}
	n.feeds[id] = r
	return r, nil
}
