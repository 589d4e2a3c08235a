package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/issuer"
)

// Options are what the handlers need besides the issuer.
type Options struct {
	// OnError, if set, is told of each request that was answered with an
	// error: refusals (4xx) and failures (5xx). The error holds no secret.
	OnError func(r *http.Request, status int, err error)
}

type api struct {
	Options
	issuer *issuer.Issuer
	auth   *httpauth.Auth
}

// Public returns the routes of the public listener.
func Public(iss *issuer.Issuer, o Options) (http.Handler, error) {
	a := &api{Options: o, issuer: iss}
	var err error
	if a.auth, err = httpauth.New(iss.Verifier(), httpauth.Options{Realm: iss.Issuer()}); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/login", a.login)
	mux.HandleFunc("POST /oauth/token", a.token)
	mux.HandleFunc("POST /oauth/revoke", a.revoke)
	mux.HandleFunc("GET /v1/sessions", a.listSessions)
	mux.HandleFunc("DELETE /v1/sessions", a.revokeSessions)
	mux.HandleFunc("DELETE /v1/sessions/{sid}", a.revokeSession)
	mux.HandleFunc("POST /v1/logout", a.logout)
	mux.HandleFunc("GET /verify", a.verify)
	mux.HandleFunc("GET /.well-known/jwks.json", a.keys)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", a.metadata)
	mux.HandleFunc("GET /.well-known/openid-configuration", a.metadata)
	return a.frame(mux), nil
}

// Admin returns the routes of the admin listener. ready tells whether the
// service can work; nil means that it asks the issuer.
func Admin(iss *issuer.Issuer, ready func(context.Context) error, o Options) http.Handler {
	a := &api{Options: o, issuer: iss}
	if ready == nil {
		ready = iss.Ping
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			if a.OnError != nil {
				a.OnError(r, http.StatusServiceUnavailable, err)
			}
			w.Header().Set("Retry-After", "1")
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	return a.frame(mux)
}

// frame puts around a mux what holds for every answer, those to unknown routes
// and methods included.
func (a *api) frame(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux knows whether it is the route or the method; its text is
		// not JSON.
		unread := discard{http.Header{}}
		h.ServeHTTP(unread, r)
		if allow := unread.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			a.fail(w, r, answer{http.StatusMethodNotAllowed, "invalid_request", "this route takes " + allow})
			return
		}
		a.fail(w, r, answer{http.StatusNotFound, "not_found", "there is no such route"})
	})
}

// discard is a ResponseWriter of which only the header is of interest.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// bearer names the client's own session, from its access token. It has written
// the answer if ok is false.
func (a *api) bearer(w http.ResponseWriter, r *http.Request) (subject string, sid issuer.SessionID, ok bool) {
	v, err := a.auth.Check(r)
	if err == nil {
		sid, err = issuer.ParseSessionID(v.StringClaim("sid"))
	}
	if err != nil {
		a.refuse(w, r, err)
		return "", sid, false
	}
	return v.Subject(), sid, true
}

// refuse answers a request whose access token does not hold (RFC 6750 section
// 3).
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if a.OnError != nil {
		a.OnError(r, httpauth.Status(err), err)
	}
	a.auth.WriteError(w, err)
}

func (a *api) url(path string) string {
	return strings.TrimSuffix(a.issuer.Issuer(), "/") + path
}
