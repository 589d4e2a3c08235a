package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

const (
	// maxPollWait is how long a long poll may wait for something new.
	maxPollWait = 30 * time.Second
	// feedWrite is how long a reader may take to accept a batch. One that is
	// slower is cut off, and comes back to where it was.
	feedWrite = 10 * time.Second
	// How long caches may keep a batch. One with entries stays true, but the key
	// that signed it may go; where a snapshot begins soon changes.
	batchMaxAge    = 60
	snapshotMaxAge = 5
)

// revocations is GET /v1/revocations: the feed, as Server-Sent Events for who
// accepts those, else one batch.
func (a *api) revocations(w http.ResponseWriter, r *http.Request) {
	feed := a.issuer.Feed()
	after, wait, err := feedQuery(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	stream := accepts(r, "text/event-stream")
	if id := r.Header.Get("Last-Event-ID"); stream && id != "" {
		after = id
	}
	w.Header().Set("Vary", "Accept")
	reader, err := feed.Read(r.Context(), after)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer reader.Close()
	rc := http.NewResponseController(w)
	if stream {
		a.streamFeed(w, r, rc, reader)
	} else {
		a.pollFeed(w, r, rc, reader, wait)
	}
}

func (a *api) streamFeed(w http.ResponseWriter, r *http.Request, rc *http.ResponseController, reader *issuer.FeedReader) {
	// The first batch before the first byte: if there is none, the reader learns
	// why.
	b, err := reader.Next(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what must go out
	for err == nil && r.Method != http.MethodHead {
		setWriteDeadline(rc)
		if _, err = fmt.Fprintf(w, "id: %s\nevent: revocations\ndata: %s\n\n", b.ID(), b.Token); err == nil {
			err = rc.Flush()
		}
		if err == nil {
			b, err = reader.Next(r.Context())
		}
	}
	// The reader left, was too slow, or the feed ended: it will come again.
}

func (a *api) pollFeed(w http.ResponseWriter, r *http.Request, rc *http.ResponseController, reader *issuer.FeedReader, wait time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	// The server's limit must not end the wait. An error says that the
	// connection knows no deadlines, here as below.
	_ = rc.SetWriteDeadline(time.Time{})
	var b *issuer.Batch
	var err error
	if wait > 0 {
		b, err = reader.NextEntries(ctx)
		if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
			b, err = reader.Next(r.Context()) // the time was over before it had caught up
		}
	} else {
		b, err = reader.Next(r.Context())
	}
	setWriteDeadline(rc)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jwt")
	h.Set("Content-Length", fmt.Sprint(len(b.Token)))
	switch {
	case b.Snapshot:
		h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", snapshotMaxAge))
	case b.Empty():
		h.Set("Cache-Control", "no-store")
	default:
		h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", batchMaxAge))
	}
	_, _ = w.Write([]byte(b.Token)) // the reader may be gone
}

// setWriteDeadline gives the next write its time, by the machine's clock: a
// context's deadline is made from that, whatever clock the service runs by.
func setWriteDeadline(rc *http.ResponseController) {
	ctx, cancel := context.WithTimeout(context.Background(), feedWrite)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_ = rc.SetWriteDeadline(deadline)
}

// feedQuery reads the parameters of a long poll.
func feedQuery(r *http.Request) (after string, wait time.Duration, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", 0, badRequest("the query is malformed")
	}
	for name, values := range query {
		switch {
		case len(values) > 1:
			return "", 0, badRequest("a parameter is repeated")
		case name == "after":
			after = values[0]
		case name == "wait":
			if wait, err = time.ParseDuration(values[0]); err != nil || wait < 0 || wait > maxPollWait {
				return "", 0, badRequest("wait is a duration from 0s to 30s")
			}
		default:
			return "", 0, badRequest("the feed has the parameters after and wait")
		}
	}
	return after, wait, nil
}

// accepts tells whether a media type is among those that a request names.
func accepts(r *http.Request, mediaType string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		name, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), mediaType) {
			return true
		}
	}
	return false
}
