package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/issuer"
)

// verify is GET /verify, for a gateway that asks before it lets a request
// through: 200 with X-Auth-* headers, or the answer that the client should get.
// The query may name what the route needs: scope (all of them), role (one of
// them), audience.
func (a *api) verify(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	scopes, err := issuer.ParseScope(strings.Join(q["scope"], " "))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	roles := slices.DeleteFunc(q["role"], func(name string) bool { return name == "" })
	auth := a.auth
	if len(scopes) > 0 {
		auth = auth.Require(httpauth.Scope(scopes...))
	}
	if len(roles) > 0 {
		auth = auth.Require(httpauth.Role(roles...))
	}
	v, err := auth.Check(r)
	if err == nil && q.Has("audience") && !v.Claims().Audience.Contains(q.Get("audience")) {
		err = fmt.Errorf("%w: not for the audience that the gateway names", jeton.ErrAudience)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	c := v.Claims()
	h := w.Header()
	for name, value := range map[string]string{
		"X-Auth-Subject":    c.Subject,
		"X-Auth-Client-Id":  v.StringClaim("client_id"),
		"X-Auth-Session-Id": v.StringClaim("sid"),
		"X-Auth-Scope":      v.StringClaim("scope"),
		"X-Auth-Roles":      rolesHeader(v),
		"X-Auth-Audience":   strings.Join(c.Audience, " "),
		"X-Auth-Expires-At": c.ExpiresAt.Time().Format(time.RFC3339),
	} {
		h.Set(name, headerValue(value))
	}
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func rolesHeader(v *jeton.Verified) string {
	value, ok := v.Claim("roles")
	var names []string
	if !ok || json.Unmarshal(value, &names) != nil {
		return ""
	}
	for i, name := range names {
		names[i] = strings.ReplaceAll(headerValue(name), " ", "%20")
	}
	return strings.Join(names, " ")
}

// headerValue writes what is not printable ASCII, and the percent sign, in
// percent encoding: a claim can't smuggle a header.
func headerValue(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
