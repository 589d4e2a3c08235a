package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/internal/authheaders"
	"github.com/jeton-go/jeton/issuer"
)

// verify is GET /verify, for a gateway that asks before it lets a request
// through: 200 with X-Auth-* headers, or the answer that the client should get.
func (a *api) verify(w http.ResponseWriter, r *http.Request) {
	need, err := parseNeed(r.URL.RawQuery)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	auth := a.auth
	if len(need.scopes) > 0 {
		auth = auth.Require(httpauth.Scope(need.scopes...))
	}
	if len(need.roles) > 0 {
		auth = auth.Require(httpauth.Role(need.roles...))
	}
	v, err := auth.Check(r)
	if err == nil {
		_, err = identify(v)
	}
	if err == nil && need.audience != "" && !v.Claims().Audience.Contains(need.audience) {
		err = fmt.Errorf("%w: not for the audience that the gateway names", jeton.ErrAudience)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	h := w.Header()
	for _, each := range authheaders.Of(v) {
		h.Set(each.Name, each.Value)
	}
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// need is what a gateway's route requires: all of the scopes, one of the roles,
// and the audience if there is one.
type need struct {
	scopes   []string
	roles    []string
	audience string
}

// parseNeed reads the query of GET /verify. What it does not understand it
// refuses: a mistake in a gateway's configuration must let nobody through.
func parseNeed(query string) (need, error) {
	var n need
	params, err := url.ParseQuery(query)
	if err != nil {
		return n, badRequest("the query is malformed")
	}
	for name, values := range params {
		switch name {
		case "scope":
			for _, value := range values {
				names, err := issuer.ParseScope(value)
				if err != nil {
					return n, err
				}
				if len(names) == 0 {
					return n, badRequest("a scope without a name")
				}
				n.scopes = append(n.scopes, names...)
			}
		case "role":
			if slices.Contains(values, "") {
				return n, badRequest("a role without a name")
			}
			n.roles = values
		case "audience":
			if len(values) > 1 || values[0] == "" {
				return n, badRequest("audience takes one name")
			}
			n.audience = values[0]
		case "access_token":
			// httpauth refuses it, with the challenge that belongs to it.
		default:
			return n, badRequest("the parameters are scope, role and audience")
		}
	}
	return n, nil
}
