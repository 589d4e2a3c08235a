package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/jeton-go/jeton/internal/strictjson"
)

// maxBody bounds every request body.
const maxBody = 16 << 10

func badRequest(description string) error {
	return answer{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

// body reads a request body of one media type, whole and within the limit.
func body(w http.ResponseWriter, r *http.Request, mediaType string) ([]byte, error) {
	// A token in a query string ends up in logs and histories; whoever sends
	// one there must notice.
	if r.URL.RawQuery != "" {
		return nil, badRequest("parameters belong in the body, not in the URL")
	}
	if !isMediaType(r.Header.Get("Content-Type"), mediaType) {
		return nil, answer{status: http.StatusUnsupportedMediaType, code: "invalid_request", description: "the body must be " + mediaType}
	}
	b, err := readAll(http.MaxBytesReader(innermost(w), r.Body, maxBody), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, answer{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the body is too large"}
	case err != nil:
		return nil, badRequest("the body could not be read")
	}
	return b, nil
}

// isMediaType tells whether a Content-Type is of a media type.
func isMediaType(contentType, mediaType string) bool {
	if contentType == mediaType { // what nearly everybody sends
		return true
	}
	got, _, err := mime.ParseMediaType(contentType)
	return err == nil && got == mediaType
}

// readAll is io.ReadAll with room for what is announced, which is -1 if nothing
// is.
func readAll(r io.Reader, announced int64) ([]byte, error) {
	b := make([]byte, 0, max(512, min(announced, maxBody)+1)) // one more, for a reader that tells of the end by itself
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// innermost is the writer inside of those that wrap it. A reader of a body that
// is too large tells net/http's own, which then does not read the rest.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

// form reads the parameters of an OAuth request (RFC 6749 appendix B). A
// parameter without a value reads like an absent one and a repeated one is
// refused (section 3.2).
func form(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	b, err := body(w, r, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	params := make(map[string]string, 4)
	repeated := false
	for pair := range strings.SplitSeq(string(b), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		// A semicolon divides pairs for some readers and not for others.
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") {
			return nil, badRequest("the body is not a form")
		}
		if _, there := params[name]; there {
			repeated = true
		}
		params[name] = value
	}
	if repeated {
		return nil, badRequest("a parameter is repeated")
	}
	return params, nil
}

// readJSON reads a JSON body into dst, strictly.
func readJSON(w http.ResponseWriter, r *http.Request, dst any) error {
	return readJSONWithin(w, r, dst, strictjson.Limits{Depth: 8, Members: 64})
}

func readJSONWithin(w http.ResponseWriter, r *http.Request, dst any, limits strictjson.Limits) error {
	b, err := body(w, r, "application/json")
	if err != nil {
		return err
	}
	err = strictjson.Unmarshal(b, dst, limits)
	var wrong *strictjson.TypeError
	switch {
	case errors.As(err, &wrong) && wrong.Path != "":
		return badRequest(wrong.Path + " is not of the right type") // a name of ours
	case errors.Is(err, strictjson.ErrDuplicate):
		return badRequest("a member of the JSON body is repeated")
	case errors.Is(err, strictjson.ErrNUL):
		return badRequest("a NUL character in the JSON body")
	case err != nil:
		return badRequest("the body is not one JSON object")
	}
	return nil
}
