package main

import (
	"net/netip"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// limitFlags bound what clients can use up.
type limitFlags struct {
	MaxSessions          int           `default:"1000" help:"How many live sessions a user may have; a login beyond it ends the one that was unused for longest. 0 for any number. Default: ${default}." placeholder:"N"`
	LoginSlowest         time.Duration `default:"1h" help:"Longest wait between two logins of an account, after a hundred that failed in a row. Default: ${default}." placeholder:"D"`
	LoginAddressFailures int           `default:"50" help:"How many failed logins an address may have at once, whatever the accounts. Default: ${default}." placeholder:"N"`
	LoginAddressEvery    time.Duration `default:"2s" help:"And after those one more in so much time. Default: ${default}." placeholder:"D"`
	LoginIPv4Bits        int           `name:"login-ipv4-bits" default:"32" help:"How much of an IPv4 address counts as one address. Default: ${default}." placeholder:"N"`
	LoginIPv6Bits        int           `name:"login-ipv6-bits" default:"64" help:"The same of an IPv6 address. Default: ${default}." placeholder:"N"`
	TrustedProxy         []string      `help:"Proxy, or network of proxies, in front of the public listener whose X-Forwarded-For is believed, repeatable. Default: none; the client is who connects." placeholder:"CIDR"`
	MaxConnections       int           `default:"0" help:"How many connections the public listener has open at once; more wait. 0 for 20000, or what the limit on open files leaves if that is less. Default: ${default}." placeholder:"N"`
	MaxPerAddress        int           `name:"max-connections-per-address" default:"0" help:"How many of them one address may have, unless it is a trusted proxy or this machine. 0 for a quarter of them. Default: ${default}." placeholder:"N"`
}

// proxies are the networks of TrustedProxy.
func (f *limitFlags) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range f.TrustedProxy {
		prefix, err := netip.ParsePrefix(text)
		if !strings.Contains(text, "/") {
			var one netip.Addr
			one, err = netip.ParseAddr(text)
			prefix = netip.PrefixFrom(one, one.BitLen())
		}
		if err != nil || strings.Contains(text, "%") {
			return nil, usage("--trusted-proxy takes an address or a network, such as 10.0.0.0/8, and not %q", text)
		}
		if prefix.Addr().Is4In6() {
			return nil, usage("--trusted-proxy takes an IPv4 address as such, without ::ffff: before it")
		}
		if prefix.Bits() == 0 {
			return nil, usage("--trusted-proxy %s trusts everybody: who connects could say to be anyone", text)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// checkLimits tells what no issuer would find wrong.
func (f *limitFlags) checkLimits() error {
	if f.MaxConnections < 0 || f.MaxPerAddress < 0 {
		return usage("a negative number of connections")
	}
	for name, value := range map[string]int64{
		"login-slowest": int64(f.LoginSlowest), "login-address-failures": int64(f.LoginAddressFailures), "login-address-every": int64(f.LoginAddressEvery),
		"login-ipv4-bits": int64(f.LoginIPv4Bits), "login-ipv6-bits": int64(f.LoginIPv6Bits),
	} {
		if value <= 0 {
			return usage("--%s must be positive", name)
		}
	}
	_, err := f.proxies()
	return err
}

func (f *limitFlags) loginLimits() issuer.LoginLimits {
	return issuer.LoginLimits{
		SlowestLogin:    f.LoginSlowest,
		AddressFailures: f.LoginAddressFailures,
		AddressEvery:    f.LoginAddressEvery,
		IPv4Bits:        f.LoginIPv4Bits,
		IPv6Bits:        f.LoginIPv6Bits,
	}
}
