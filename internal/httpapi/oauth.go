package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jeton-go/jeton/issuer"
)

// tokens writes the answer of RFC 6749 section 5.1.
func tokens(w http.ResponseWriter, p *issuer.TokenPair) {
	b := make([]byte, 0, 128+len(p.AccessToken)+len(p.RefreshToken)+len(p.Scope)+len(p.DeviceToken))
	b = appendJSON(append(b, `{"access_token":`...), p.AccessToken)
	b = append(b, `,"token_type":"Bearer","expires_in":`...)
	b = strconv.AppendInt(b, int64(p.ExpiresIn.Seconds()), 10)
	b = appendJSON(append(b, `,"refresh_token":`...), p.RefreshToken)
	b = appendJSON(append(b, `,"scope":`...), p.Scope)
	if p.DeviceToken != "" {
		b = appendJSON(append(b, `,"device_token":`...), p.DeviceToken)
	}
	writeText(w, http.StatusOK, append(b, '}', '\n'))
}

// appendJSON appends a string as encoding/json writes it.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic("httpapi: " + err.Error()) // a string always has a JSON form
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// login is POST /v1/login.
func (a *api) login(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Device   string `json:"device"`
		// DeviceToken of an earlier login; whatever it is, it is no error.
		DeviceToken string `json:"device_token"`
		Audience    string `json:"audience"`
		Scope       string `json:"scope"`
	}
	err := readJSON(w, r, &req)
	switch {
	case err != nil:
	case req.Username == "":
		err = badRequest("username is missing")
	case req.Password == "":
		err = badRequest("password is missing")
	default:
		err = checkScope(req.Scope)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	done, ok := a.admit(w, r, classLogin)
	if !ok {
		return
	}
	defer done()
	pair, err := a.issuer.Login(r.Context(), issuer.LoginRequest(req))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	tokens(w, pair)
}

// token is POST /oauth/token (RFC 6749 section 3.2).
func (a *api) token(w http.ResponseWriter, r *http.Request) {
	params, err := form(w, r)
	if err == nil {
		err = publicClient(r, params)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	switch grant := params["grant_type"]; {
	case grant == "":
		err = badRequest("grant_type is missing")
	case grant != "refresh_token":
		err = answer{status: http.StatusBadRequest, code: "unsupported_grant_type", description: "the grant types are: refresh_token"}
	case params["refresh_token"] == "":
		err = badRequest("refresh_token is missing")
	default:
		err = checkScope(params["scope"])
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	done, ok := a.admit(w, r, classRefresh)
	if !ok {
		return
	}
	defer done()
	pair, err := a.issuer.Refresh(r.Context(), issuer.RefreshRequest{
		RefreshToken: params["refresh_token"],
		ClientID:     params["client_id"],
		Scope:        params["scope"],
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	tokens(w, pair)
}

// revoke is POST /oauth/revoke (RFC 7009). A token that is none is answered
// like one that was revoked.
func (a *api) revoke(w http.ResponseWriter, r *http.Request) {
	params, err := form(w, r)
	if err == nil {
		err = publicClient(r, params)
	}
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
	if err := a.issuer.RevokeToken(r.Context(), params["token"], params["client_id"]); err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// publicClient refuses a client that authenticates: no client has a secret
// here, and to let a wrong one pass would be worse than to say so.
func publicClient(r *http.Request, params map[string]string) error {
	authenticates := params["client_secret"] != "" || params["client_assertion"] != ""
	for _, value := range r.Header.Values("Authorization") {
		scheme, _, _ := strings.Cut(value, " ")
		authenticates = authenticates || strings.EqualFold(scheme, "Basic")
	}
	if authenticates {
		return answer{status: http.StatusUnauthorized, code: "invalid_client", description: "clients have no secret here; send client_id alone"}
	}
	return nil
}

// checkScope gives a malformed scope its own code (RFC 6749 section 5.2).
func checkScope(scope string) error {
	_, err := issuer.ParseScope(scope)
	var rule *issuer.RequestError
	if errors.As(err, &rule) {
		return answer{status: http.StatusBadRequest, code: "invalid_scope", description: rule.Rule}
	}
	return err
}
