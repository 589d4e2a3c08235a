package main

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/net/netutil"
)

const (
	mostConnections = 20_000 // the feed alone may have 10,000
	// spareFiles are for the database, the admin listener and whatever else has a
	// file open.
	spareFiles = 256
)

// connections returns how many connections to have at once: as many as wanted, or
// else as the limit on open files allows.
func (f *limitFlags) connections(openFiles int) (total, perAddress int) {
	total, perAddress = f.MaxConnections, f.MaxPerAddress
	if total == 0 {
		total = max(64, min(mostConnections, openFiles-spareFiles))
	}
	if perAddress == 0 {
		perAddress = max(1, total/4)
	}
	return total, perAddress
}

// bounded returns a listener with at most total connections open at once, the
// rest wait to be accepted, and at most perAddress of one address, the rest are
// closed: who opens them all must not be able to keep out everybody else.
func bounded(l net.Listener, total, perAddress int, trusted []netip.Prefix) net.Listener {
	return netutil.LimitListener(&addressListener{Listener: l, most: perAddress, trusted: trusted, open: make(map[netip.Addr]int)}, total)
}

// addressListener bounds the connections of each address, but for this machine's
// and the trusted proxies'.
type addressListener struct {
	net.Listener
	most    int
	trusted []netip.Prefix

	mu   sync.Mutex
	open map[netip.Addr]int
}

// Accept returns the next connection of an address that may have one more.
func (l *addressListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		address := peer.Addr().Unmap().WithZone("")
		if err != nil || address.IsLoopback() || slices.ContainsFunc(l.trusted, func(p netip.Prefix) bool { return p.Contains(address) }) {
			return conn, nil
		}
		if address.Is6() { // who has one has the whole network
			network, _ := address.Prefix(64)
			address = network.Addr()
		}
		if l.admit(address) {
			return &countedConn{Conn: conn, done: sync.OnceFunc(func() { l.leave(address) })}, nil
		}
		conn.Close()
	}
}

func (l *addressListener) admit(address netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address] >= l.most {
		return false
	}
	l.open[address]++
	return true
}

func (l *addressListener) leave(address netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address]--; l.open[address] == 0 {
		delete(l.open, address)
	}
}

type countedConn struct {
	net.Conn
	done func()
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.done()
	return err
}

// http2Bounds bounds what one HTTP/2 connection can make the service hold.
func http2Bounds() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          100,
		MaxReadFrameSize:              16 << 10,
		MaxReceiveBufferPerConnection: 256 << 10,
		MaxReceiveBufferPerStream:     64 << 10,
	}
}
