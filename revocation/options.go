package revocation

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

// Option is an option of [Follow].
type Option func(*options) error

type options struct {
	client   *http.Client
	insecure bool
	polling  bool
	file     string
	tolerate time.Duration // what is older is stale
	closed   bool          // refuse then
	now      func() time.Time
	onError  func(error)
	onRevoke func(Entry)
}

const defaultTolerance = time.Minute

// HTTPClient is the way to the issuer, for client certificates, a proxy or an
// Authorization header. Its Timeout must be 0, since an answer goes on for ever;
// Follow bounds what needs bounds. The default follows no redirects and keeps a
// connection only while it reads the feed.
func HTTPClient(c *http.Client) Option {
	return func(o *options) error {
		if c == nil || c.Timeout != 0 {
			return refuse("an HTTP client must be there and have no timeout")
		}
		o.client = c
		return nil
	}
}

// InsecureHTTP admits an http address. Batches are signed, so that nobody can
// forge or shorten the feed; but everybody on the way can read session and
// subject ids, and when they were revoked. Loopback needs no such option.
func InsecureHTTP() Option {
	return func(o *options) error { o.insecure = true; return nil }
}

// LongPoll asks for one batch at a time from the start. Without it a stream is
// tried first, and long poll where streams don't come through.
func LongPoll() Option {
	return func(o *options) error { o.polling = true; return nil }
}

// SnapshotFile keeps what was received in a file, so that a program which starts
// again refuses what was revoked before it has reached the issuer. What is read
// from it is verified as if the issuer had sent it just now. The file is made
// with mode 0600; its directory must exist and be the program's own: who can
// write there can't forge entries, but can remove them.
func SnapshotFile(path string) Option {
	return func(o *options) error {
		if path == "" {
			return refuse("a snapshot file without a name")
		}
		o.file = path
		return nil
	}
}

// FailOpen says that while the feed is older than this, tokens are good until
// they expire, but for those that are known to be revoked. That is the default,
// with a minute: the age is when OnError and Stats begin to tell.
func FailOpen(after time.Duration) Option { return tolerate(after, false) }

// FailClosed says that while the feed is older than this, and before the first
// snapshot, no token is accepted: the error is [ErrStale]. The feed says that it
// is up to date every 5 s, every 10 s by long poll, in the issuer's time: leave room for a lost
// connection and for clocks that differ. 30 s is short.
func FailClosed(after time.Duration) Option { return tolerate(after, true) }

func tolerate(after time.Duration, closed bool) Option {
	return func(o *options) error {
		switch {
		case after <= 0:
			return refuse("an age that is not positive")
		case o.tolerate != 0:
			return refuse("FailOpen and FailClosed, or one of them twice")
		}
		o.tolerate, o.closed = after, closed
		return nil
	}
}

// Clock is the clock; the default is time.Now.
func Clock(now func() time.Time) Option {
	return func(o *options) error {
		if now == nil {
			return refuse("no clock")
		}
		o.now = now
		return nil
	}
}

// OnError is told of failures: a connection that broke, and again every 30 s while
// none works; a batch that was refused (ErrForged, ErrGap, ErrReplayed,
// ErrHistory); a snapshot file that can't be read or written; and once that the
// feed has become stale (ErrStale). It must not block and holds up the follower
// while it runs. No error has a session's or a subject's name in it.
func OnError(f func(error)) Option {
	return func(o *options) error { o.onError = f; return nil }
}

// OnRevoke is told of each entry that is new, once it is in force: the place to
// end what goes on under a token that was good when it began. It must not block.
func OnRevoke(f func(Entry)) Option {
	return func(o *options) error { o.onRevoke = f; return nil }
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: revocation feed: %s", jeton.ErrInvalidPolicy, fmt.Sprintf(format, args...))
}

func newOptions(list []Option) (options, error) {
	var o options
	for _, option := range list {
		if err := option(&o); err != nil {
			return o, err
		}
	}
	if o.tolerate == 0 {
		o.tolerate = defaultTolerance
	}
	return o.complete(), nil
}

// complete fills in what was not given.
func (o options) complete() options {
	if o.now == nil {
		o.now = time.Now
	}
	if o.onError == nil {
		o.onError = func(error) {}
	}
	if o.client == nil {
		o.client = &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
				TLSHandshakeTimeout:    dialTimeout,
				ResponseHeaderTimeout:  0, // a long poll answers late
				MaxIdleConnsPerHost:    1,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: 64 << 10,
				ForceAttemptHTTP2:      true,
				DisableCompression:     true, // signatures don't compress, and streams must not wait
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return o
}

// checkAddress checks the feed's address. Its errors don't quote it: there may
// be a password in it.
func checkAddress(address string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, refuse("the address is no URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return nil, refuse("the address has user information, a query or a fragment")
	case u.Hostname() == "":
		return nil, refuse("the address has no host, or is not absolute")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, refuse("the address is not https")
	case !insecure && !isLoopback(u.Hostname()):
		return nil, refuse("the address is not https; http is for loopback, or with InsecureHTTP")
	}
	return u, nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// withoutURL takes off the layer that quotes the address.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
