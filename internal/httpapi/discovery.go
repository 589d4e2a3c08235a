package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// keys is GET /.well-known/jwks.json (RFC 7517 section 5). The answer depends
// on nothing in the request but If-None-Match, so no cache can be poisoned.
func (a *api) keys(w http.ResponseWriter, r *http.Request) {
	a.cacheable(w, r, a.issuer.Keys())
}

const metadataPath = "/.well-known/oauth-authorization-server"

// metadata is the document of RFC 8414, under its own name and under the one
// that OpenID Connect clients look for.
func (a *api) metadata(w http.ResponseWriter, r *http.Request) {
	doc := map[string]any{
		"issuer":                 a.issuer.Issuer(),
		"token_endpoint":         a.url("/oauth/token"),
		"introspection_endpoint": a.url("/oauth/introspect"),
		"introspection_endpoint_auth_methods_supported": []string{"Bearer"}, // an access token type: RFC 8414 section 2
		"revocation_endpoint":                           a.url("/oauth/revoke"),
		"jwks_uri":                                      a.url("/.well-known/jwks.json"),
		"grant_types_supported":                         []string{"refresh_token"},
		"response_types_supported":                      []string{}, // none, and required
		"token_endpoint_auth_methods_supported":         []string{"none"},
		"revocation_endpoint_auth_methods_supported":    []string{"none"},
		"access_token_signing_alg_values_supported":     []string{string(a.issuer.Algorithm())},
	}
	if a.issuer.Algorithm().Symmetric() {
		doc["jeton_note"] = "access tokens are signed with an HMAC secret: jwks_uri has no key, verifiers need the secret itself, and whoever has it can make tokens"
	}
	b, err := json.Marshal(doc)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.cacheable(w, r, b)
}

// metadataAtPath is the document where RFC 8414 section 3 wants it for an issuer
// whose URL has a path: the path comes behind the well-known name. The proxy that
// puts the service below a path has to route this name too.
func (a *api) metadataAtPath(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(a.issuer.Issuer())
	if err != nil || r.URL.EscapedPath() != metadataPath+strings.TrimSuffix(u.EscapedPath(), "/") {
		a.fail(w, r, noRoute)
		return
	}
	a.metadata(w, r)
}

func (a *api) cacheable(w http.ResponseWriter, r *http.Request, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(a.issuer.KeysMaxAge().Seconds())))
	h.Set("ETag", etag)
	if hasETag(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	w.Write(body)
}

// hasETag tells whether the client has what it asks for (RFC 9110 section
// 13.1.2).
func hasETag(r *http.Request, etag string) bool {
	for _, tag := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
