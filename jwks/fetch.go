package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

const (
	maxSetBytes  = 512 << 10
	maxETagBytes = 1 << 10
)

// source is an address that a set is fetched from.
type source struct {
	url     string
	client  *http.Client
	options []jwk.Option
}

// answer is what came of a fetch.
type answer struct {
	notModified bool // the set is the one whose etag was sent; keys and etag are empty
	keys        *Static
	etag        string
	maxAge      time.Duration
	hasMaxAge   bool
}

func newSource(address string, o RemoteOptions) (*source, error) {
	u, err := parseAddress(address, o.InsecureLoopbackHTTP)
	if err != nil {
		return nil, err
	}
	s := &source{url: u.String()}
	if o.DefaultAlgorithm != "" {
		if _, err := jeton.ParseAlgorithm(string(o.DefaultAlgorithm)); err != nil {
			return nil, err
		}
		if o.DefaultAlgorithm.Symmetric() {
			return nil, refuse("DefaultAlgorithm is %s, whose keys are secrets and never published", o.DefaultAlgorithm)
		}
		s.options = append(s.options, jwk.DefaultAlgorithm(o.DefaultAlgorithm))
	}
	if o.InsecureAllowUnusualExponent {
		s.options = append(s.options, jwk.InsecureAllowUnusualExponent())
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport(u)
	}
	s.client = &http.Client{
		Transport: transport,
		// A redirect is an answer like any other, and not the one we want: who
		// can redirect would choose the keys.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// parseAddress checks the address in the configuration. Its errors don't quote
// it: there may be a password in it.
func parseAddress(address string, loopbackHTTP bool) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, refuse("the address is no URL")
	case u.User != nil:
		return nil, refuse("the address has user information")
	case strings.Contains(address, "#"):
		return nil, refuse("the address has a fragment")
	case u.Hostname() == "":
		return nil, refuse("the address has no host, or is not absolute")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, refuse("the address is not https")
	case !loopbackHTTP || !isLoopbackHost(u.Hostname()):
		return nil, refuse("the address is not https; http is for hosts on loopback, with InsecureLoopbackHTTP")
	}
	return u, nil
}

// fetch gets the set. Its errors hold nothing of the answer but its status.
func (s *source) fetch(ctx context.Context, etag string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return answer{}, errors.New("the address is no URL")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("fetch: %w", withoutURL(err))
	}
	defer resp.Body.Close()

	var a answer
	a.maxAge, a.hasMaxAge = maxAge(resp.Header.Values("Cache-Control"))
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		a.notModified = true
		return a, nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return answer{}, fmt.Errorf("fetch: status %d, and redirects are not followed", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return answer{}, fmt.Errorf("fetch: status %d", resp.StatusCode)
	case !isJSON(resp.Header.Get("Content-Type")):
		return answer{}, errors.New("fetch: the answer is not JSON by its Content-Type")
	}
	// One byte more than ParseSet takes, so that it refuses what is longer.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSetBytes+1))
	if err != nil {
		return answer{}, fmt.Errorf("fetch: read: %w", withoutURL(err))
	}
	keys, err := jwk.ParseSet(body, s.options...)
	if err != nil {
		return answer{}, err
	}
	if a.keys, err = NewStatic(keys...); err != nil {
		return answer{}, err
	}
	if tag := resp.Header.Get("ETag"); isETag(tag) {
		a.etag = tag
	}
	return a, nil
}

// withoutURL takes off the layer that quotes the address.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// isJSON tells whether a media type is JSON or made of it (RFC 6839 section
// 3.1), such as application/jwk-set+json.
func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json"))
}

// isETag tells whether a tag may be sent back: one that no request may carry
// would end all later fetches.
func isETag(tag string) bool {
	for i := range len(tag) {
		if tag[i] <= ' ' || tag[i] > '~' {
			return false
		}
	}
	return len(tag) <= maxETagBytes && strings.HasSuffix(tag, `"`)
}

// maxAge returns the max-age of RFC 9111 section 5.2.2. An answer that must not
// be cached has none left.
func maxAge(headers []string) (age time.Duration, ok bool) {
	for _, header := range headers {
		for directive := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0, true
			case "max-age":
				// At most 68 years, so that the product fits.
				if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil && n >= 0 && !ok {
					age, ok = time.Duration(n)*time.Second, true
				}
			}
		}
	}
	return age, ok
}
