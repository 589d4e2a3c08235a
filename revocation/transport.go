package revocation

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

var (
	errSilent      = errors.New("nothing came for too long")
	errEnded       = errors.New("the issuer ended the stream")
	errNoStream    = errors.New("the stream does not come through")
	errOtherAnswer = errors.New("the answer is no stream")
)

// statusError is an answer other than 200.
type statusError struct {
	status     int
	retryAfter time.Duration
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.status) }

// get asks the issuer. The answer is 200 and of a media type.
func (f *Follower) get(ctx context.Context, query url.Values, mediaType string, header http.Header) (*http.Response, error) {
	u := *f.feed
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("the address is no URL")
	}
	req.Header = header
	req.Header.Set("Accept", mediaType)
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, withoutURL(cause(ctx, err))
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, &statusError{resp.StatusCode, retryAfter(resp)}
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != mediaType {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: %w", errNoStream, errOtherAnswer)
	}
	return resp, nil
}

// cause is why a request ended: what the follower ended it for, if it did.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// stream follows the feed as Server-Sent Events. progress tells whether a batch
// was taken in.
func (f *Follower) stream(ctx context.Context) (progress bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("revocation: stream: %w", err)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(firstWord, func() { cancel(errSilent) })
	defer watch.Stop()

	header := http.Header{"Cache-Control": {"no-store"}}
	if p := f.cursor.position(); p != "" {
		header.Set("Last-Event-ID", p)
	}
	resp, err := f.get(ctx, nil, "text/event-stream", header)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	watch.Reset(firstWord)
	f.count(func(s *Stats) { s.Mode = "stream" })
	events := newEvents(resp.Body)
	for {
		token, err := events.next()
		if err != nil {
			if err = cause(ctx, err); !progress && (errors.Is(err, errSilent) || errors.Is(err, io.EOF)) {
				err = fmt.Errorf("%w: %w", errNoStream, err)
			}
			return progress, err
		}
		watch.Reset(silence)
		if token == "" {
			continue // a comment
		}
		if err := f.take(ctx, token); err != nil {
			return progress, err
		}
		if !progress {
			progress = true
			f.count(func(s *Stats) { s.Connects++ })
		}
	}
}

// poll asks for one batch after the other.
func (f *Follower) poll(ctx context.Context) (progress bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("revocation: poll: %w", err)
		}
	}()
	for f.polling || f.now().Before(f.streamAfter) {
		// An answer that brings nothing new at once, as a cache may give, must
		// not be asked for again at once.
		least := time.NewTimer(time.Second - rand.N(time.Second/4))
		before := f.cursor
		if err := f.pollOnce(ctx); err != nil {
			least.Stop()
			return progress, err
		}
		if !progress {
			progress = true
			f.count(func(s *Stats) { s.Connects++; s.Mode = "poll" })
		}
		if f.cursor.seq == before.seq && f.cursor.log == before.log {
			select {
			case <-least.C:
			case <-ctx.Done():
				return progress, ctx.Err()
			}
		}
		least.Stop()
	}
	return progress, nil
}

func (f *Follower) pollOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pollWait+silence, errSilent)
	defer cancel()
	query := url.Values{}
	if p := f.cursor.position(); p != "" {
		query.Set("after", p)
		query.Set("wait", pollWait.String())
	}
	resp, err := f.get(ctx, query, "application/jwt", http.Header{})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	token, err := io.ReadAll(io.LimitReader(resp.Body, maxBatchBytes+1))
	if err != nil {
		return cause(ctx, err)
	}
	return f.take(ctx, string(bytes.TrimSpace(token)))
}

// events reads Server-Sent Events as far as the feed has them: the data of each
// event, in one line or more, and nothing of its other fields.
type events struct{ lines *bufio.Scanner }

func newEvents(r io.Reader) *events {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxBatchBytes+16)
	return &events{lines}
}

// next returns the data of the next event, or "" for a comment.
func (e *events) next() (string, error) {
	var data []byte
	for e.lines.Scan() {
		line := e.lines.Bytes()
		switch {
		case len(line) == 0 && data != nil:
			return string(data), nil
		case len(line) > 0 && line[0] == ':':
			if data == nil {
				return "", nil
			}
		case bytes.HasPrefix(line, []byte("data:")):
			if len(data)+len(line) > maxBatchBytes {
				return "", fmt.Errorf("%w: longer than a batch may be", ErrForged)
			}
			data = append(data, bytes.TrimPrefix(line[len("data:"):], []byte(" "))...)
		}
	}
	switch err := e.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return "", fmt.Errorf("%w: longer than a batch may be", ErrForged)
	case err != nil:
		return "", err
	}
	return "", fmt.Errorf("%w: %w", errEnded, io.EOF) // what was not ended by an empty line does not count
}
