package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/jeton-go/jeton/httpauth"
)

// introspection is the answer of RFC 7662 section 2.2. What is not active has
// no other member.
type introspection struct {
	Active    bool            `json:"active"`
	TokenType string          `json:"token_type,omitempty"`
	Scope     string          `json:"scope,omitempty"`
	ClientID  string          `json:"client_id,omitempty"`
	Subject   string          `json:"sub,omitempty"`
	Audience  []string        `json:"aud,omitempty"`
	Issuer    string          `json:"iss,omitempty"`
	IssuedAt  int64           `json:"iat,omitempty"`
	ExpiresAt int64           `json:"exp,omitempty"`
	ID        string          `json:"jti,omitempty"`
	SessionID string          `json:"sid,omitempty"`
	Roles     json.RawMessage `json:"roles,omitempty"`
}

// introspect is POST /oauth/introspect. Who may not ask learns nothing, not even
// whether the form was right (RFC 7662 section 2.1: no scanning for tokens).
func (a *api) introspect(w http.ResponseWriter, r *http.Request) {
	if err := a.mayIntrospect(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	params, err := form(w, r)
	if err == nil && params["token"] == "" {
		err = badRequest("token is missing")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	done, ok := a.admit(w, r, classVerify)
	if !ok {
		return
	}
	defer done()
	t, err := a.issuer.Introspect(r.Context(), params["token"])
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if !t.Active {
		writeJSON(w, http.StatusOK, introspection{})
		return
	}
	answer := introspection{
		Active: true, TokenType: "Bearer", Scope: t.Scope, ClientID: t.ClientID, Subject: t.Subject, Audience: t.Audience,
		Issuer: a.issuer.Issuer(), IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.ExpiresAt.Unix(), ID: t.ID,
		SessionID: t.SessionID.String(), Roles: t.Roles,
	}
	if t.Refresh {
		answer.TokenType = "" // it is no type of RFC 6749 section 7.1
	}
	writeJSON(w, http.StatusOK, answer)
}

// mayIntrospect compares digests, so that the time it takes tells nothing about
// the token, its length included.
func (a *api) mayIntrospect(r *http.Request) error {
	token, err := bearerToken(r)
	if err != nil {
		return err
	}
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(a.IntrospectionToken))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || a.IntrospectionToken == "" {
		return fmt.Errorf("%w: not the token of introspection", httpauth.ErrInvalidToken)
	}
	return nil
}

// bearerToken returns the one Bearer token of a request.
func bearerToken(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", httpauth.ErrNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", fmt.Errorf("%w: not one Bearer token in the Authorization header", httpauth.ErrNoToken)
	}
	return token, nil
}
