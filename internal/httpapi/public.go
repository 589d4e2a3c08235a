package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/issuer"
)

// Options are what the handlers need besides the issuer.
type Options struct {
	// OnError, if set, is told of each request that is answered with an
	// error: refusals (4xx) and failures (5xx). The error holds no secret, and
	// the request is a copy without credentials, query and body, in which
	// "[redacted]" stands for whatever else could be a token. It is called on
	// the request's goroutine, before the answer is sent.
	OnError func(r *http.Request, status int, err error)
	// IntrospectionToken is the Bearer token of those who may introspect
	// (POST /oauth/introspect). Without it nobody may.
	IntrospectionToken string
	// TrustedProxies are the proxies in front whose X-Forwarded-For is believed:
	// the client is the right-most address in it that is none of theirs. Without
	// them it is the peer of the connection, whatever a header says. It becomes
	// issuer.RequestInfo.Client, by which logins are limited.
	TrustedProxies []netip.Prefix
	// Overload turns requests away when there is too much to do; nil for one of
	// the handler's own. A program that serves an issuer in several ways hands the
	// same one to each.
	Overload *Overload
	// EventReceivers has the Bearer token of each of the issuer's receivers of
	// security events (POST /v1/events/poll; issuer.Config.EventReceivers), by
	// name: at least 32 characters, and no two the same.
	EventReceivers map[string]string
	// Observe, if set, is called for each route when the handler is made, with
	// its pattern ("GET /verify"), and once with "" for what no route takes. The
	// observer that it returns is told of each request of the route.
	Observe func(pattern string) Observer
	// Now is the clock of Answer.Took; nil for none.
	Now func() time.Time
	// Metrics answers GET /metrics of the admin listener, without
	// authentication; nil for no such route.
	Metrics http.Handler
	// Profiles answers GET /debug/pprof/{profile} of the admin listener, for who
	// has the IntrospectionToken; nil for no such route.
	Profiles http.Handler
}

type api struct {
	Options
	issuer *issuer.Issuer
	auth   *httpauth.Auth
}

// Public returns the routes of the public listener.
func Public(iss *issuer.Issuer, o Options) (http.Handler, error) {
	if err := checkReceivers(iss, o.EventReceivers); err != nil {
		return nil, err
	}
	a := &api{Options: o, issuer: iss}
	if a.Overload == nil {
		a.Overload = NewOverload(iss.Now)
	}
	var err error
	if a.auth, err = httpauth.New(iss.Verifier(), httpauth.Options{Realm: iss.Issuer()}); err != nil {
		return nil, err
	}
	return a.frame(a.publicRoutes()), nil
}

// route is a pattern of http.ServeMux and what answers it.
type route struct {
	pattern string
	handle  http.HandlerFunc
}

func (a *api) publicRoutes() []route {
	return []route{
		{"POST /v1/login", a.login},
		{"POST /oauth/token", a.token},
		{"POST /oauth/revoke", a.revoke},
		{"POST /oauth/introspect", a.introspect},
		{"GET /v1/sessions", a.listSessions},
		{"DELETE /v1/sessions", a.admitted(classVerify, a.revokeSessions)},
		{"DELETE /v1/sessions/{sid}", a.admitted(classVerify, a.revokeSession)},
		{"POST /v1/logout", a.admitted(classVerify, a.logout)},
		{"GET /v1/revocations", a.revocations},
		{"POST /v1/events/poll", a.pollEvents},
		{"GET " + issuer.StatusListPath + "{id}", a.statusList},
		{"GET /verify", a.admitted(classVerify, a.verify)},
		{"GET /.well-known/jwks.json", a.keys},
		{"GET " + metadataPath, a.metadata},
		{"GET " + metadataPath + "/{path...}", a.metadataAtPath},
		{"GET /.well-known/openid-configuration", a.metadata},
	}
}

// Admin returns the routes of the admin listener. ready tells whether the
// service can work; nil means that it asks the issuer.
func Admin(iss *issuer.Issuer, ready func(context.Context) error, o Options) http.Handler {
	a := &api{Options: o, issuer: iss}
	var err error
	if a.auth, err = httpauth.New(iss.Verifier(), httpauth.Options{Realm: "jeton admin"}); err != nil {
		panic("httpapi: " + err.Error()) // a constant realm is good or it is not
	}
	if ready == nil {
		ready = iss.Ping
	}
	return a.frame(a.adminRoutes(ready))
}

var notReady = answer{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "not ready"}

func (a *api) adminRoutes(ready func(context.Context) error) []route {
	routes := a.healthRoutes(ready)
	if a.Metrics != nil {
		routes = append(routes, route{"GET /metrics", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			a.Metrics.ServeHTTP(w, r)
		}})
	}
	if a.Profiles != nil {
		routes = append(routes, route{"GET /debug/pprof/{profile}", func(w http.ResponseWriter, r *http.Request) {
			if err := a.mayIntrospect(r); err != nil {
				a.refuse(w, r, err)
				return
			}
			w.Header().Set("Cache-Control", "no-store")
			a.Profiles.ServeHTTP(w, r)
		}})
	}
	return routes
}

func (a *api) healthRoutes(ready func(context.Context) error) []route {
	return []route{
		{"GET /healthz", func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		}},
		{"GET /readyz", func(w http.ResponseWriter, r *http.Request) {
			if err := ready(r.Context()); err != nil {
				a.report(r, notReady.status, err)
				writeAnswer(w, notReady)
				return
			}
			writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
		}},
	}
}

// frame puts around the routes what holds for every answer, those to unknown
// routes and methods included.
func (a *api) frame(routes []route) http.Handler {
	mux := http.NewServeMux()
	// Of a path without a wildcard nobody but its own route takes a request: it
	// can be looked up.
	type place struct{ method, path string }
	plain := make(map[place]route)
	for _, r := range routes {
		r.handle = a.watched(r.pattern, r.handle)
		mux.HandleFunc(r.pattern, r.handle)
		if method, path, found := strings.Cut(r.pattern, " "); found && !strings.ContainsRune(path, '{') {
			plain[place{method, path}] = r
		}
	}
	unrouted := a.watched("", func(w http.ResponseWriter, r *http.Request) { a.unrouted(mux, w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r = a.named(w, r)
		if known, ok := plain[place{r.Method, r.URL.Path}]; ok && r.URL.RawPath == "" {
			r.Pattern = known.pattern
			known.handle(w, r)
			return
		}
		if oneSpelling(r) {
			if _, pattern := mux.Handler(r); pattern != "" {
				mux.ServeHTTP(w, r)
				return
			}
		}
		unrouted(w, r)
	})
}

// oneSpelling tells whether the path is spelled as routes are. The mux would
// redirect from other spellings, token in the query and all.
func oneSpelling(r *http.Request) bool {
	p := r.URL.EscapedPath()
	return path.Clean(p) == p
}

// unrouted answers a request that no route takes.
func (a *api) unrouted(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	if oneSpelling(r) {
		// The mux knows whether it is the route or the method; its text is not
		// JSON.
		h, _ := mux.Handler(r)
		unread := discard{http.Header{}}
		h.ServeHTTP(unread, r)
		if allow := unread.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			a.fail(w, r, answer{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "this route takes " + allow})
			return
		}
	}
	a.fail(w, r, noRoute)
}

var noRoute = answer{status: http.StatusNotFound, code: "not_found", description: "there is no such route"}

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
		sid, err = identify(v)
	}
	if err != nil {
		a.refuse(w, r, err)
		return "", sid, false
	}
	return v.Subject(), sid, true
}

// identify returns the session of a verified token. A token that names no session
// or no subject is refused: to the issuer, no subject means everybody.
func identify(v *jeton.Verified) (issuer.SessionID, error) {
	sid, err := issuer.ParseSessionID(v.StringClaim("sid"))
	if err != nil || v.Subject() == "" {
		return issuer.SessionID{}, fmt.Errorf("%w: without a session or a subject", httpauth.ErrInvalidToken)
	}
	return sid, nil
}

// refuse answers a request whose access token does not hold (RFC 6750 section
// 3).
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.report(r, httpauth.Status(err), err)
	a.auth.WriteError(w, err)
}

func (a *api) url(path string) string {
	return strings.TrimSuffix(a.issuer.Issuer(), "/") + path
}
