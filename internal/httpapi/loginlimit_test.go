package httpapi_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/httpapi"
	"github.com/jeton-go/jeton/issuer"
)

func TestALoginThatComesTooSoonIsToldWhenToComeAgain(t *testing.T) {
	s := newService(t)
	wrong := func(user string) answer {
		return s.json("/v1/login", fmt.Sprintf(`{"username":%q,"password":"wrong"}`, user))
	}
	var refusals []string
	for _, user := range []string{"alice", "nobody"} {
		for range 5 {
			wrong(user).want(400, "invalid_grant")
		}
		a := wrong(user).want(429, "slow_down")
		refusals = append(refusals, a.raw())
		if got := a.header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After is %q", got)
		}
	}
	if refusals[0] != refusals[1] {
		t.Errorf("who has an account is told apart:\n%s\n%s", refusals[0], refusals[1])
	}
	s.login("alice", alicesWord).want(429, "slow_down")
	s.clock.advance(time.Second)
	wrong("alice").want(400, "invalid_grant")
	s.clock.advance(500 * time.Millisecond)
	if got := s.login("alice", alicesWord).want(429, "slow_down").header.Get("Retry-After"); got != "2" {
		t.Errorf("after 1.5 s are left: Retry-After is %q", got) // rounded up
	}
	s.clock.advance(1500 * time.Millisecond)
	s.login("alice", alicesWord).want(200, "")
}

func TestADeviceTokenGoesRoundTheFailuresOfOthers(t *testing.T) {
	s := newService(t)
	device := s.login("alice", alicesWord).want(200, "").member("device_token")
	for range 5 {
		s.login("alice", "wrong").want(400, "invalid_grant")
	}
	s.login("alice", alicesWord).want(429, "slow_down")
	s.login("alice", alicesWord, "device_token", "jtd_nonsense").want(429, "slow_down")
	again := s.login("alice", alicesWord, "device_token", device).want(200, "")
	if again.member("device_token") == "" {
		t.Error("the login brings no next device token")
	}
	s.json("/v1/login", `{"username":"alice","password":"x","device_token":7}`).want(400, "invalid_request")
}

func TestTheClientIsWhoATrustedProxySaysItIs(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"who is no proxy says what it likes", "192.0.2.1:1234", []string{"203.0.113.9"}, "192.0.2.1"},
		{"a proxy that says nothing", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"one proxy", "10.0.0.1:1234", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what the client wrote itself", "10.0.0.1:1234", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"what the client wrote itself, in a line of its own", "10.0.0.1:1234", []string{"127.0.0.1", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1234", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"two proxies, each with a line", "10.0.0.1:1234", []string{"6.6.6.6, 203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"a client in the proxies' network", "10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"nonsense", "10.0.0.1:1234", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"nonsense before a proxy", "10.0.0.1:1234", []string{"x, 10.0.0.2"}, "10.0.0.2"},
		{"an empty element", "10.0.0.1:1234", []string{"203.0.113.9,"}, "10.0.0.1"},
		{"an empty line", "10.0.0.1:1234", []string{"203.0.113.9", ""}, "203.0.113.9"},
		{"with a port", "10.0.0.1:1234", []string{"203.0.113.9:55555"}, "203.0.113.9"},
		{"IPv6", "[2001:db8:1::1]:1234", []string{"2001:db8:2::9"}, "2001:db8:2::9"},
		{"IPv6 in brackets", "10.0.0.1:1234", []string{"[2001:db8:2::9]"}, "2001:db8:2::9"},
		{"IPv6 with a port", "10.0.0.1:1234", []string{"[2001:db8:2::9]:443"}, "2001:db8:2::9"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1234", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"with a zone", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"no address at all", "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := httpapi.ClientAddress(r, proxies).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A header that claims another address each time is no way round the limits (C17).
func TestAForwardedHeaderCountsFromATrustedProxyAlone(t *testing.T) {
	wrong := func(s *service, i int) answer {
		return s.json("/v1/login", fmt.Sprintf(`{"username":"user%d","password":"wrong"}`, i), "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
	}
	limited := setup{config: func(c *issuer.Config) { c.LoginLimits.AddressFailures = 3 }}
	s := newService(t, limited)
	for i := range 3 {
		wrong(s, i).want(400, "invalid_grant")
	}
	wrong(s, 3).want(429, "slow_down")

	limited.options = func(o *httpapi.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }
	s = newService(t, limited)
	for i := range 10 {
		wrong(s, i).want(400, "invalid_grant")
	}
}
