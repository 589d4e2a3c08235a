package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for net.Pipe, which keeps to the synthetic clock of package
// synctest.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address.
func (p *pipes) dial(address string) net.Conn {
	client, server := net.Pipe()
	p.conns <- peer{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
	return client
}

type peer struct {
	net.Conn
	address net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.address }

// serveOnPipes runs the service's HTTP server, in front of a handler that reads
// the body.
func serveOnPipes(t *testing.T) *pipes {
	t.Helper()
	l := newPipes()
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}), slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { server.Serve(l); close(done) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l
}

func TestAClientThatSendsSlowlyIsCutOff(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		within     time.Duration
	}{
		{"nothing at all", "", 5 * time.Second},
		{"a header that never ends", "GET / HTTP/1.1\r\nHost: x\r\n", 5 * time.Second},
		{"a body that never ends", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serveOnPipes(t).dial("192.0.2.1:1")
				defer conn.Close()
				start := time.Now()
				if _, err := io.WriteString(conn, c.sent); err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, conn) // until it is cut off
				// The clock is synthetic: this is no measurement. Closing a
				// connection that was not read to its end takes half a second.
				if took := time.Since(start); took < c.within || took > c.within+time.Second {
					t.Errorf("after %v, want %v", took, c.within)
				}
			})
		})
	}
}

func TestALongHeaderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serveOnPipes(t)
		for size, want := range map[int]int{8 << 10: 200, 32 << 10: 431} {
			conn := l.dial("192.0.2.1:1")
			go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", size)+"\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != want {
				t.Errorf("a header of %d bytes: %d, want %d", size, res.StatusCode, want)
			}
			if res.Close {
				io.Copy(io.Discard, conn) // until the server is done
			}
			conn.Close()
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := bounded(inner, 4, 2, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
		defer l.Close()
		var mu sync.Mutex
		var accepted []net.Conn
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				mu.Lock()
				accepted = append(accepted, c)
				mu.Unlock()
			}
		}()
		open := func(want int, what string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(accepted) != want {
				t.Fatalf("%s: %d are accepted, want %d", what, len(accepted), want)
			}
		}
		hangUp := func() {
			mu.Lock()
			defer mu.Unlock()
			accepted[0].Close()
			accepted[0].Close() // counts once
			accepted = accepted[1:]
		}
		cutOff := func(c net.Conn) bool {
			c.SetReadDeadline(time.Now().Add(time.Second))
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, io.EOF)
		}
		inner.dial("192.0.2.1:1")
		inner.dial("192.0.2.1:2")
		if !cutOff(inner.dial("192.0.2.1:3")) {
			t.Error("a third one of the same address is open")
		}
		inner.dial("[2001:db8::1]:1")
		open(3, "two of one address, one of another")
		hangUp()
		if cutOff(inner.dial("192.0.2.1:4")) {
			t.Error("where there is room again, a connection was closed")
		}
		open(3, "after one hung up and came again")
		hangUp()
		hangUp()
		hangUp()
		inner.dial("[2001:db8::2]:1")
		inner.dial("[2001:db8::3]:1")
		if !cutOff(inner.dial("[2001:db8::4]:1")) {
			t.Error("an IPv6 network counts as many addresses")
		}
		inner.dial("10.0.0.1:1")
		inner.dial("10.0.0.1:2")
		open(4, "two of an address, two of a trusted proxy")
		client, server := net.Pipe()
		defer client.Close()
		waits := make(chan struct{})
		go func() {
			inner.conns <- peer{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:3"))}
			close(waits)
		}()
		open(4, "one more than may be open")
		select {
		case <-waits:
			t.Error("it was accepted")
		default:
		}
		hangUp()
		<-waits
		open(4, "after one hung up")
	})
}

func TestHowManyConnectionsThereMayBe(t *testing.T) {
	for _, c := range []struct {
		flags             limitFlags
		openFiles         int
		total, perAddress int
	}{
		{limitFlags{}, math.MaxInt, 20000, 5000},
		{limitFlags{}, 1024, 768, 192},
		{limitFlags{}, 100, 64, 16},
		{limitFlags{MaxConnections: 2}, 1024, 2, 1},
		{limitFlags{MaxConnections: 50000, MaxPerAddress: 7}, 1024, 50000, 7},
	} {
		if total, perAddress := c.flags.connections(c.openFiles); total != c.total || perAddress != c.perAddress {
			t.Errorf("%+v with %d files: %d, %d", c.flags, c.openFiles, total, perAddress)
		}
	}
}

// Every stream costs memory, so a connection has a bounded number.
func TestHTTP2StreamsAreBounded(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config = newServer(server.Config.Handler, slog.New(slog.DiscardHandler))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The preface of RFC 9113 section 3.4, with empty SETTINGS.
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 9)
	if _, err := io.ReadFull(conn, frame); err != nil || frame[3] != 4 {
		t.Fatalf("the first frame is none of settings: %v, %v", frame, err)
	}
	payload := make([]byte, binary.BigEndian.Uint32(append([]byte{0}, frame[:3]...)))
	if _, err := io.ReadFull(conn, payload); err != nil {
		t.Fatal(err)
	}
	settings := make(map[uint16]uint32)
	for ; len(payload) >= 6; payload = payload[6:] {
		settings[binary.BigEndian.Uint16(payload)] = binary.BigEndian.Uint32(payload[2:])
	}
	const streams, window = 3, 4 // section 6.5.2
	if settings[streams] != 100 || settings[window] != 64<<10 {
		t.Errorf("settings %v", settings)
	}
}

func TestTrustedProxiesThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "proxy.example", "10.0.0.0/33", "10.0.0.1:80", "0.0.0.0/0", "::/0", "::ffff:10.0.0.1", "fe80::1%eth0"} {
		if got, err := (&limitFlags{TrustedProxy: []string{text}}).proxies(); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	got, err := (&limitFlags{TrustedProxy: []string{"10.1.2.3/8", "192.0.2.1", "2001:db8::1"}}).proxies()
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::1/128")}
	if err != nil || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v, %v", got, err)
	}
}
