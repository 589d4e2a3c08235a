package httpapi

import (
	"net/http"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

type sessionView struct {
	ID         string    `json:"sid"`
	ClientID   string    `json:"client_id"`
	Device     string    `json:"device,omitempty"`
	Audience   []string  `json:"audience"`
	Scope      string    `json:"scope,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Current    bool      `json:"current"`
}

// listSessions is GET /v1/sessions: the caller's own live sessions.
func (a *api) listSessions(w http.ResponseWriter, r *http.Request) {
	sessions, current, ok := a.ownSessions(w, r)
	if !ok {
		return
	}
	views := make([]sessionView, len(sessions))
	for i, s := range sessions {
		views[i] = sessionView{
			ID:         s.ID.String(),
			ClientID:   s.ClientID,
			Device:     s.Device,
			Audience:   s.Audience,
			Scope:      s.Scope,
			CreatedAt:  s.CreatedAt,
			LastUsedAt: s.LastUsedAt(),
			ExpiresAt:  s.EndsAt(),
			Current:    s.ID == current,
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"sessions": views})
}

// ownSessions asks for them, which is the call that overload is about. A list of a
// thousand is as long in being sent as its reader likes, and that must not count.
// It has written the answer if ok is false.
func (a *api) ownSessions(w http.ResponseWriter, r *http.Request) (sessions []issuer.Session, current issuer.SessionID, ok bool) {
	done, ok := a.admit(w, r, classVerify)
	if !ok {
		return nil, current, false
	}
	defer done()
	subject, current, ok := a.bearer(w, r)
	if !ok {
		return nil, current, false
	}
	sessions, err := a.issuer.Sessions(r.Context(), subject)
	if err != nil {
		a.fail(w, r, err)
		return nil, current, false
	}
	return sessions, current, true
}

// revokeSession is DELETE /v1/sessions/{sid}. Another's session is answered
// like one that does not exist.
func (a *api) revokeSession(w http.ResponseWriter, r *http.Request) {
	subject, _, ok := a.bearer(w, r)
	if !ok {
		return
	}
	sid, err := issuer.ParseSessionID(r.PathValue("sid"))
	if err != nil {
		err = issuer.ErrNotFound
	} else {
		err = a.issuer.RevokeSessionOf(r.Context(), subject, sid, issuer.ReasonRevoked)
	}
	a.revoked(w, r, err)
}

// revokeSessions is DELETE /v1/sessions: all of the caller's, this one too.
func (a *api) revokeSessions(w http.ResponseWriter, r *http.Request) {
	subject, _, ok := a.bearer(w, r)
	if !ok {
		return
	}
	_, err := a.issuer.RevokeSubject(r.Context(), subject, issuer.ReasonRevoked)
	a.revoked(w, r, err)
}

// logout is POST /v1/logout.
func (a *api) logout(w http.ResponseWriter, r *http.Request) {
	subject, sid, ok := a.bearer(w, r)
	if !ok {
		return
	}
	a.revoked(w, r, a.issuer.RevokeSessionOf(r.Context(), subject, sid, issuer.ReasonLogout))
}

// revoked answers once the revocation is durable, or did not happen.
func (a *api) revoked(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
