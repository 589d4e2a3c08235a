package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is the peer of the connection or, if that is a proxy that the
// operator trusts, the one that it names: of X-Forwarded-For, to which each proxy
// appends its peer, the right-most address that is not a trusted proxy's. What
// stands further left anybody could have written. It is invalid if it is not
// known.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := plain(peer.Addr())
	if !within(client, trusted) {
		return client
	}
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for line != "" {
			var last string
			if comma := strings.LastIndexByte(line, ','); comma >= 0 {
				line, last = line[:comma], line[comma+1:]
			} else {
				line, last = "", line
			}
			said, ok := parseForwarded(strings.TrimSpace(last))
			if !ok { // then the one who wrote it is all that is known
				return client
			}
			if client = said; !within(client, trusted) {
				return client
			}
		}
	}
	return client
}

// parseForwarded reads an address as proxies write it: with or without a port.
func parseForwarded(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return plain(a), true
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return plain(a.Addr()), true
	}
	return netip.Addr{}, false
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
