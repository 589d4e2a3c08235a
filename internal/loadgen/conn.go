package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// A server may close a connection that was idle. This is less than any
	// would wait, so that the generator doesn't run into it.
	idleLimit  = 20 * time.Second
	longestAns = 1 << 20
)

// endpoint is a URL taken apart.
type endpoint struct {
	address string // for Dial
	host    string // for the header
	target  string // path and query
	tls     bool
}

func parseEndpoint(text string) (endpoint, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return endpoint{}, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Hostname() == "":
		return endpoint{}, errors.New("it must be an http or https URL with a host")
	case u.User != nil || u.Fragment != "":
		return endpoint{}, errors.New("a URL with a user or a fragment is not for this")
	}
	e := endpoint{host: u.Host, target: u.RequestURI(), tls: u.Scheme == "https"}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[e.tls]
	}
	e.address = net.JoinHostPort(u.Hostname(), port)
	return e, nil
}

// conn is one client's connection. It is no http.Client, which moves each
// request through two more goroutines and takes more than twice the processor
// time: that would be the server's.
type conn struct {
	t *Target

	mu     sync.Mutex
	closed bool
	raw    net.Conn // nil: not connected

	endpoint endpoint // raw's
	used     time.Time
	in       *bufio.Reader
	out      []byte // the last request, whose memory serves the next
	body     bytes.Buffer
}

// answer is what came back. The body is good until the next request.
type answer struct {
	status     int
	retryAfter time.Duration
	body       []byte
}

// request is what goes out.
type request struct {
	method, contentType, authorization string
	body                               []byte
}

// do sends a request and reads the answer, in the time that the target allows.
// It never sends one twice: the first may have been carried out.
func (c *conn) do(ctx context.Context, e endpoint, r request) (answer, error) {
	now := c.t.Now()
	if c.raw != nil && (e.address != c.endpoint.address || e.tls != c.endpoint.tls || now.Sub(c.used) > idleLimit) {
		c.drop()
	}
	if c.raw == nil {
		if err := c.dial(ctx, e); err != nil {
			return answer{}, transportFailure(err)
		}
	}
	a, keep, err := c.exchange(e, r, now.Add(c.t.Timeout))
	if err != nil || !keep {
		c.drop()
	}
	c.used = c.t.Now()
	if err != nil {
		return answer{}, transportFailure(err)
	}
	return a, nil
}

func (c *conn) exchange(e endpoint, r request, deadline time.Time) (a answer, keep bool, err error) {
	if err := c.raw.SetDeadline(deadline); err != nil {
		return a, false, err
	}
	b := append(append(append(append(c.out[:0], r.method...), ' '), e.target...), " HTTP/1.1\r\nHost: "...)
	b = append(b, e.host...)
	b = append(b, "\r\nUser-Agent: jeton-bench"...)
	if r.authorization != "" {
		b = append(append(b, "\r\nAuthorization: "...), r.authorization...)
	}
	for name, value := range c.t.Header {
		b = append(append(append(append(b, "\r\n"...), name...), ": "...), value...)
	}
	if r.contentType != "" {
		b = append(append(b, "\r\nContent-Type: "...), r.contentType...)
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(r.body)), 10)
	}
	b = append(append(b, "\r\n\r\n"...), r.body...)
	c.out = b
	if _, err := c.raw.Write(b); err != nil {
		return a, false, err
	}
	resp, err := http.ReadResponse(c.in, &http.Request{Method: r.method})
	if err != nil {
		return a, false, err
	}
	defer resp.Body.Close()
	c.body.Reset()
	n, err := c.body.ReadFrom(io.LimitReader(resp.Body, longestAns+1))
	if err != nil {
		return a, false, err
	}
	if n > longestAns {
		return a, false, fmt.Errorf("an answer of more than %d bytes", longestAns)
	}
	a = answer{status: resp.StatusCode, body: c.body.Bytes()}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	return a, !resp.Close, nil
}

func (c *conn) dial(ctx context.Context, e endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, c.t.Timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.address)
	if err != nil {
		return err
	}
	if e.tls {
		name, _, _ := net.SplitHostPort(e.address)
		cfg := c.t.TLS.Clone()
		if cfg == nil {
			cfg = &tls.Config{}
		}
		cfg.ServerName = name
		secured := tls.Client(raw, cfg)
		if err := secured.HandshakeContext(ctx); err != nil {
			raw.Close()
			return err
		}
		raw = secured
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		raw.Close()
		return net.ErrClosed
	}
	c.raw, c.endpoint = raw, e
	if c.in == nil {
		c.in = bufio.NewReader(raw)
	} else {
		c.in.Reset(raw)
	}
	return nil
}

func (c *conn) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw != nil {
		c.raw.Close()
		c.raw = nil
	}
}

// close ends the connection, from any goroutine, and what is under way on it.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.raw != nil {
		c.raw.Close() // whoever uses it drops it
	}
}
