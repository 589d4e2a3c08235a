package main

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// hintAtProxy warns, once, when requests come by way of a proxy that nobody named:
// all of its clients would share the limits of one address, and one of them could
// keep the others from logging in. Only a peer of this machine or its network is
// taken for a proxy; anybody else can write such a header to have it said.
func hintAtProxy(next http.Handler, trusted []netip.Prefix, log *slog.Logger) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["X-Forwarded-For"]) > 0 {
			if peer, ok := nearby(r.RemoteAddr); ok && !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(peer) }) {
				once.Do(func() {
					log.Warn("requests come through a proxy that is not trusted, so that all its clients share the limits of one address: if it is yours, say --trusted-proxy",
						"proxy", peer.String())
				})
			}
		}
		next.ServeHTTP(w, r)
	})
}

// nearby is the address of a peer, if it is of this machine or its network.
func nearby(remote string) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	a := peer.Addr().Unmap().WithZone("")
	return a, a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}
