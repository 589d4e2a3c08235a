package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/internal/strictjson"
	"github.com/jeton-go/jeton/issuer"
)

// pollRequest is the body of RFC 8936 section 2.2.
type pollRequest struct {
	MaxEvents         *int                  `json:"maxEvents"`
	ReturnImmediately bool                  `json:"returnImmediately"`
	Acknowledged      []string              `json:"ack"`
	Errors            map[string]eventError `json:"setErrs"`
}

type eventError struct {
	Code string `json:"err"`
}

// pollAnswer is the answer of section 2.3 there.
type pollAnswer struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable,omitempty"`
}

// pollMembers bounds the members of a poll: acknowledgements of several full
// answers.
const pollMembers = 1024

// pollEvents is POST /v1/events/poll: security event tokens, by poll (RFC 8936).
func (a *api) pollEvents(w http.ResponseWriter, r *http.Request) {
	receiver, err := a.receiver(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	var body pollRequest
	if err := readJSONWithin(w, r, &body, strictjson.Limits{Depth: 8, Members: pollMembers}); err != nil {
		a.fail(w, r, err)
		return
	}
	poll := issuer.EventPoll{Receiver: receiver, Max: issuer.MaxPolledEvents, Acknowledged: body.Acknowledged, Refused: map[string]string{}}
	if body.MaxEvents != nil {
		if poll.Max = *body.MaxEvents; poll.Max < 0 {
			a.fail(w, r, badRequest("maxEvents is not negative"))
			return
		}
	}
	for id, e := range body.Errors {
		poll.Refused[id] = e.Code
	}
	wait := maxPollWait
	if body.ReturnImmediately {
		wait = 0
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // see pollFeed
	events, err := a.issuer.PollEvents(r.Context(), poll, wait)
	setWriteDeadline(rc)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer := pollAnswer{Sets: make(map[string]string, len(events.Events)), More: events.More}
	for _, e := range events.Events {
		answer.Sets[e.ID] = e.Token
	}
	writeJSON(w, http.StatusOK, answer)
}

// receiver finds out which receiver of events asks. Each secret is compared,
// whichever it is, so that the time it takes tells nothing.
func (a *api) receiver(r *http.Request) (string, error) {
	token, err := bearerToken(r)
	if err != nil {
		return "", err
	}
	got := sha256.Sum256([]byte(token))
	found := ""
	for name, secret := range a.EventReceivers {
		want := sha256.Sum256([]byte(secret))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			found = name
		}
	}
	if found == "" {
		return "", fmt.Errorf("%w: not a receiver of events", httpauth.ErrInvalidToken)
	}
	return found, nil
}

// checkReceivers sees that each receiver of the issuer's has a secret of its own.
func checkReceivers(iss *issuer.Issuer, secrets map[string]string) error {
	names := iss.EventReceivers()
	seen := map[string]bool{}
	for name, secret := range secrets {
		switch {
		case !slices.Contains(names, name):
			return fmt.Errorf("httpapi: the issuer has no receiver of events %q", name)
		case len(secret) < minReceiverSecret:
			return fmt.Errorf("httpapi: the secret of the receiver %q is shorter than %d characters", name, minReceiverSecret)
		case seen[secret]:
			return errors.New("httpapi: two receivers of events have one secret")
		}
		seen[secret] = true
	}
	for _, name := range names {
		if _, ok := secrets[name]; !ok {
			return fmt.Errorf("httpapi: the receiver of events %q has no secret", name)
		}
	}
	return nil
}

const minReceiverSecret = 32
