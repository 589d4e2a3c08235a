package jwks

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestAddressesThatAreDialled(t *testing.T) {
	public, local, plain := dialRule{}, dialRule{loopback: true}, dialRule{loopback: true, plain: true}
	for _, c := range []struct {
		address string
		rule    dialRule
		want    error
	}{
		{"93.184.216.34:443", public, nil},
		{"[2606:2800:220:1::1]:443", public, nil},
		{"10.0.0.1:443", public, nil}, // the operator's address is the operator's choice
		{"192.168.1.1:443", public, nil},
		{"172.16.0.1:443", public, nil},
		{"[fd00::1]:443", public, nil},
		{"93.184.216.34:443", local, nil},

		{"169.254.169.254:443", public, errAddress},
		{"169.254.169.254:443", local, errAddress},
		{"[::ffff:169.254.169.254]:443", public, errAddress},
		{"[64:ff9b::a9fe:a9fe]:443", public, errAddress},
		{"169.254.0.1:443", public, errAddress},
		{"[fe80::1]:443", public, errAddress},
		{"[fe80::1%eth0]:443", public, errAddress},
		{"0.0.0.0:443", public, errAddress},
		{"0.0.0.0:443", local, errAddress},
		{"0.1.2.3:443", public, errAddress},
		{"[::]:443", public, errAddress},
		{"[::ffff:0.0.0.0]:443", public, errAddress},
		{"224.0.0.1:443", public, errAddress},
		{"239.255.255.255:443", public, errAddress},
		{"[ff02::1]:443", public, errAddress},
		{"[ff0e::1]:443", public, errAddress},
		{"255.255.255.255:443", public, errAddress},

		{"127.0.0.1:443", public, errLoopback},
		{"127.255.0.1:443", public, errLoopback},
		{"[::1]:443", public, errLoopback},
		{"[::ffff:127.0.0.1]:443", public, errLoopback},
		{"[64:ff9b::7f00:1]:443", public, errLoopback},
		{"127.0.0.1:443", local, nil},
		{"[::1]:443", local, nil},

		{"127.0.0.1:80", plain, nil},
		{"[::1]:80", plain, nil},
		{"93.184.216.34:80", plain, errPlain},
		{"10.0.0.1:80", plain, errPlain},
		{"169.254.169.254:80", plain, errAddress},

		{"localhost:80", local, errAddress}, // not resolved: never happens, never dialled
		{"", local, errAddress},
	} {
		if err := c.rule.check(c.address); err != c.want {
			t.Errorf("%s with %+v: %v, want %v", c.address, c.rule, err, c.want)
		}
	}
}

func TestLoopbackHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "auth.example": false, "10.0.0.1": false, "0.0.0.0": false,
		"127.0.0.1.example": false, "0x7f.1": false, "2130706433": false,
	} {
		if isLoopbackHost(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

// A name that is as good as any other, and a name server that says it is this
// machine: the connection is refused when it is made, whatever was resolved
// before.
func TestANameThatLeadsToThisMachineIsNotDialled(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names := nameServer(t, [4]byte{127, 0, 0, 1})
	for rule, want := range map[dialRule]error{{}: errLoopback, {loopback: true}: nil} {
		dialer := newDialer(rule)
		dialer.Resolver = names
		conn, err := dialer.DialContext(context.Background(), "tcp4", net.JoinHostPort("auth.example", port))
		if !errors.Is(err, want) {
			t.Errorf("%+v: %v", rule, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// nameServer resolves every name to one address, over a real socket.
func nameServer(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			socket.WriteTo(dnsAnswer(buf[:n], address), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// dnsAnswer answers a query (RFC 1035 section 4.1) with one A record, or with
// none if another type was asked for.
func dnsAnswer(query []byte, address [4]byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	isA := binary.BigEndian.Uint16(query[end+1:]) == 1
	answer := append([]byte{}, query[:2]...)
	answer = append(answer, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
	answer = append(answer, question...)
	if isA {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, address[:]...)
	}
	return answer
}

// The rule follows from the configured address, and is what the transport dials
// with.
func TestTheTransportKeepsToItsRule(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	for configured, want := range map[string]error{
		"https://auth.example/": errLoopback,
		"https://127.0.0.1/":    nil,
		"http://127.0.0.1/":     nil,
		"https://localhost/":    nil,
	} {
		u, err := url.Parse(configured)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := newTransport(u).DialContext(context.Background(), "tcp", address)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", configured, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	u, err := url.Parse("http://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	// Refused before a packet leaves.
	if _, err := newTransport(u).DialContext(context.Background(), "tcp", "192.0.2.1:80"); !errors.Is(err, errPlain) {
		t.Error(err)
	}
	if newTransport(u).Proxy != nil {
		t.Error("asks the environment for a proxy")
	}
}
