package revocation

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/jeton-go/jeton"
)

// fetchList fetches a list and verifies it.
func (s *StatusList) fetchList(ctx context.Context, uri string) (*statusList, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, errors.New("revocation: status list: the address is no URL")
	}
	req.Header.Set("Accept", "application/"+StatusListType)
	asked := s.now()
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("revocation: status list: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("revocation: status list: %w", &statusError{resp.StatusCode, 0})
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != "application/"+StatusListType {
		return nil, fmt.Errorf("revocation: status list: %w", errOtherAnswer)
	}
	token, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBytes+1))
	if err != nil {
		return nil, fmt.Errorf("revocation: status list: %w", err)
	}
	return s.readStatusList(ctx, uri, string(bytes.TrimSpace(token)), asked)
}

// readStatusList verifies a status list token that was asked for at an instant:
// signature, type, that it is the list of this address and not expired, and that
// it can be read (draft-ietf-oauth-status-list-21 section 8.3).
func (s *StatusList) readStatusList(ctx context.Context, uri, token string, asked time.Time) (*statusList, error) {
	forged := func(format string, args ...any) (*statusList, error) {
		return nil, fmt.Errorf("%w: status list: %w", ErrForged, fmt.Errorf(format, args...))
	}
	v, err := s.verifier.Verify(ctx, token)
	switch {
	case errors.Is(err, jeton.ErrKeysUnavailable):
		return nil, fmt.Errorf("revocation: status list: %w", err) // it may be good
	case errors.Is(err, jeton.ErrExpired):
		return nil, fmt.Errorf("revocation: status list: %w", err) // it was
	case err != nil:
		return forged("%w", err)
	}
	var c statusListClaims
	if err := v.Decode(&c); err != nil {
		return forged("%w", err)
	}
	switch {
	case v.Issuer() != "" && v.Issuer() != s.issuer:
		return forged("of another issuer")
	case v.Subject() != uri:
		return forged("sub is not the address that was asked for")
	case v.IssuedAt().IsZero():
		return forged("without iat")
	case c.List == nil:
		return forged("without status_list")
	case c.List.Bits != 1 && c.List.Bits != 2 && c.List.Bits != 4 && c.List.Bits != 8:
		return forged("bits is none of 1, 2, 4 and 8")
	}
	ttl := defaultTTL
	if c.TTL != nil {
		seconds, err := c.TTL.Float64()
		if err != nil || seconds <= 0 {
			return forged("ttl is not a positive number")
		}
		ttl = max(leastTTL, time.Duration(min(seconds, mostTTL.Seconds())*float64(time.Second)))
	}
	bits, err := inflate(c.List.List)
	if err != nil {
		return forged("%w", err)
	}
	l := &statusList{width: c.List.Bits, bits: bits, issued: v.IssuedAt().Time()}
	if e := v.ExpiresAt(); !e.IsZero() {
		l.expires = e.Time()
	}
	// By the age that it has, and by this clock: neither a cache on the way nor
	// an issuer's clock that is ahead makes it last longer. One whose time was
	// over when it came is asked for again, though not with each token.
	left := min(ttl, max(leastTTL, l.issued.Add(ttl).Sub(asked)))
	l.freshUntil, l.renewAfter = asked.Add(left), asked.Add(left*3/4)
	if !l.expires.IsZero() && l.expires.Before(l.freshUntil) {
		l.freshUntil = l.expires
	}
	return l, nil
}

var errTooLong = fmt.Errorf("the list has more than %d bytes", maxListBytes)

// inflate reads the "lst" of a list (section 4.1): ZLIB (RFC 1950) in base64url.
func inflate(lst string) ([]byte, error) {
	packed, err := base64.RawURLEncoding.Strict().DecodeString(lst)
	if err != nil {
		return nil, errors.New("lst is not base64url")
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("lst is not ZLIB")
	}
	bits, err := io.ReadAll(io.LimitReader(z, maxListBytes+1))
	switch {
	case err != nil:
		return nil, errors.New("lst is damaged ZLIB")
	case len(bits) > maxListBytes:
		return nil, errTooLong // whatever it would become
	}
	return bits, nil
}
