package jwks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// newTransport makes the way to an issuer: no proxy, no connection kept, and a
// look at every address before it is dialled.
func newTransport(u *url.URL) *http.Transport {
	return &http.Transport{
		DialContext: newDialer(dialRule{
			loopback: isLoopbackHost(u.Hostname()),
			plain:    u.Scheme != "https",
		}).DialContext,
		// A connection that is kept would outlive the check, and needs somebody
		// to close it.
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newDialer makes a dialer whose control function sees the address after the
// name was resolved. A check of the name before that would be worth nothing: the
// second answer of a name server may be another one.
func newDialer(rule dialRule) *net.Dialer {
	return &net.Dialer{
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return rule.check(address)
		},
	}
}

// dialRule says which addresses a set may be fetched from. Private ones are
// among them, since the name comes from the program's configuration.
type dialRule struct {
	loopback bool // the configured host is loopback, so its addresses may be
	plain    bool // only loopback: the connection is not encrypted
}

var (
	errAddress  = errors.New("the host resolves to an address that no issuer has")
	errLoopback = errors.New("the host resolves to a loopback address, and is not localhost")
	errPlain    = errors.New("http leaves this machine")

	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")     // RFC 1122 section 3.2.1.3
	broadcast   = netip.MustParseAddr("255.255.255.255") // RFC 919
	nat64       = netip.MustParsePrefix("64:ff9b::/96")  // RFC 6052 section 2.1
)

func (r dialRule) check(address string) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	a := parsed.Addr().Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), a == broadcast, thisNetwork.Contains(a):
		return errAddress
	case a.IsLoopback() && !r.loopback:
		return errLoopback
	case !a.IsLoopback() && r.plain:
		return errPlain
	}
	return nil
}

// isLoopbackHost tells whether the host of an address is on this machine by its
// looks.
func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
