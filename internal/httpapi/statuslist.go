package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

const statusListMedia = "application/" + issuer.StatusListType

var (
	noHistory     = answer{status: http.StatusNotImplemented, code: "invalid_request", description: "status lists of the past are not kept"}
	notAcceptable = answer{status: http.StatusNotAcceptable, code: "invalid_request", description: "a status list is " + statusListMedia}
)

// statusList is GET /v1/statuslists/{id} (draft-ietf-oauth-status-list-21
// section 8).
func (a *api) statusList(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Vary", "Accept")
	if r.URL.Query().Has("time") {
		a.fail(w, r, noHistory) // section 8.4
		return
	}
	if r.URL.RawQuery != "" {
		a.fail(w, r, badRequest("a status list takes no parameters"))
		return
	}
	if !acceptsStatusList(r) {
		a.fail(w, r, notAcceptable)
		return
	}
	list, err := a.issuer.StatusList(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	// Of the token, not of the bits: who has the bits of an older one would
	// otherwise be told to keep one that expires.
	sum := sha256.Sum256([]byte(list.Token))
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(list.MaxAge/time.Second)))
	h.Set("ETag", etag)
	if hasETag(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", statusListMedia)
	h.Set("Content-Length", fmt.Sprint(len(list.Token)))
	_, _ = w.Write([]byte(list.Token)) // the reader may be gone
}

// acceptsStatusList tells whether a request admits the one form that there is. It
// errs on the side of an answer.
func acceptsStatusList(r *http.Request) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		name, _, err := mime.ParseMediaType(part)
		if err != nil || name == statusListMedia || name == "*/*" || name == "application/*" {
			return true
		}
	}
	return false
}
