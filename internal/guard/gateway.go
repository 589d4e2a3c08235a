package guard

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jeton-go/jeton/internal/authheaders"
)

// A Gateway says how the original request comes to the guard. Only the headers of
// the gateway that the policy names are looked at: any other may be the client's.
type Gateway string

// The gateways.
const (
	Nginx   Gateway = "nginx"
	Caddy   Gateway = "caddy"
	Traefik Gateway = "traefik"
	HAProxy Gateway = "haproxy"
	Envoy   Gateway = "envoy"
)

func gatewayNames() []string {
	return []string{string(Nginx), string(Caddy), string(Traefik), string(HAProxy), string(Envoy)}
}

// errNotTold: the gateway didn't say what the original request was.
var errNotTold = errors.New("guard: the gateway doesn't tell the original request")

// AuthPath is where a gateway other than Envoy asks.
const AuthPath = "/auth"

// original finds the request that the client made.
func (g Gateway) original(r *http.Request) (Request, error) {
	prefix := "X-Original-"
	switch g {
	case Envoy:
		// Envoy repeats the request itself.
		return Request{Method: r.Method, Host: r.Host, Target: r.RequestURI, Header: r.Header}, nil
	case Caddy, Traefik:
		prefix = "X-Forwarded-"
	}
	o := Request{Header: r.Header}
	for name, field := range map[string]*string{"Method": &o.Method, "Host": &o.Host, "Uri": &o.Target} {
		values := r.Header[prefix+name]
		if len(values) != 1 || values[0] == "" {
			return o, fmt.Errorf("%w: %d headers %s%s, want one", errNotTold, len(values), prefix, name)
		}
		*field = values[0]
	}
	return o, nil
}

// Handler answers the gateway over HTTP. current returns the guard that decides,
// told hears of each decision.
func Handler(current func() *Guard, told func(Request, Decision)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := current()
		gateway := g.policy.Gateway
		if gateway != Envoy && r.URL.Path != AuthPath {
			http.NotFound(w, r)
			return
		}
		var d Decision
		o, err := gateway.original(r)
		if err != nil {
			d = g.refuse(err, nil)
		} else {
			d = g.Decide(r.Context(), o)
		}
		told(o, d)
		gateway.write(w, d)
	})
}

func (g Gateway) write(w http.ResponseWriter, d Decision) {
	h := w.Header()
	for name, values := range d.Answer {
		h[name] = values
	}
	// All of them, always: a gateway that copies headers then overwrites those
	// that a client made up.
	var empty []string
	for _, each := range d.Headers {
		h.Set(each.Name, each.Value)
		if each.Value == "" {
			empty = append(empty, each.Name)
		}
	}
	status := d.Status
	switch {
	case g == Envoy && status == http.StatusOK && empty != nil:
		h.Set("X-Envoy-Auth-Headers-To-Remove", strings.Join(empty, ","))
		remove(h, d.Headers)
	case g == Nginx && status == http.StatusBadRequest:
		// To nginx anything but 2xx, 401 and 403 is an error of the guard.
		status = http.StatusForbidden
		if h.Get("WWW-Authenticate") != "" {
			status = http.StatusUnauthorized
		}
	}
	w.WriteHeader(status)
	// A gateway that has gone away is none of the guard's business.
	_, _ = w.Write(d.Body)
}

// remove takes empty headers out, for a gateway that is told what to remove.
func remove(h http.Header, all []authheaders.Header) {
	for _, each := range all {
		if each.Value == "" {
			h.Del(each.Name)
		}
	}
}
