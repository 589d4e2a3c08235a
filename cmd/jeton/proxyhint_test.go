package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestAProxyThatNobodyNamedIsToldOfOnce(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	for _, c := range []struct {
		name, peer, forwarded string
		told                  string
	}{
		{"on this machine", "127.0.0.1:1234", "203.0.113.9", "proxy=127.0.0.1"},
		{"on this machine, by IPv6", "[::1]:1234", "203.0.113.9", "proxy=::1"},
		{"in this network", "10.2.0.1:1234", "203.0.113.9", "proxy=10.2.0.1"},
		{"IPv4 that looks like IPv6", "[::ffff:10.2.0.1]:1234", "nonsense", "proxy=10.2.0.1"},
		{"trusted", "10.1.2.3:1234", "203.0.113.9", ""},
		{"trusted, and looks like IPv6", "[::ffff:10.1.2.3]:1234", "203.0.113.9", ""},
		{"anybody on the internet", "192.0.2.1:1234", "203.0.113.9", ""},
		{"a client without a proxy", "127.0.0.1:1234", "", ""},
		{"no address", "@", "203.0.113.9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said bytes.Buffer
			answered := 0
			h := hintAtProxy(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered++ }), trusted, slog.New(slog.NewTextHandler(&said, nil)))
			for range 3 {
				r := httptest.NewRequest("GET", "/", nil)
				r.RemoteAddr = c.peer
				if c.forwarded != "" {
					r.Header.Set("X-Forwarded-For", c.forwarded)
				}
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			lines := strings.Count(said.String(), "--trusted-proxy")
			if c.told == "" && lines > 0 || c.told != "" && (lines != 1 || !strings.Contains(said.String(), c.told+"\n")) {
				t.Errorf("want %q once, and was told %q", c.told, said.String())
			}
			if strings.Contains(said.String(), "203.0.113.9") || answered != 3 {
				t.Errorf("%d answers, and was told %q", answered, said.String())
			}
		})
	}
}
