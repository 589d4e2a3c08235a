package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	userName = "alice"
	password = "correct horse battery staple"
)

// errUnanswered: the program did not answer. What was asked may have happened.
var errUnanswered = errors.New("no answer")

type answer struct {
	status  int
	Refresh string `json:"refresh_token"`
	Access  string `json:"access_token"`
	Code    string `json:"error"`
}

// post sends a request and reads its whole answer.
func (p *program) post(path, contentType, body string) (answer, error) {
	res, err := p.client.Post(p.url+path, contentType, strings.NewReader(body))
	if err != nil {
		return answer{}, errors.Join(errUnanswered, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, errors.Join(errUnanswered, err)
	}
	a := answer{status: res.StatusCode}
	if len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &a); err != nil {
			return answer{}, errors.Join(errUnanswered, err)
		}
	}
	return a, nil
}

func (p *program) form(path string, values url.Values) (answer, error) {
	return p.post(path, "application/x-www-form-urlencoded", values.Encode())
}

func (p *program) refresh(token string) (answer, error) {
	return p.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (p *program) login() (answer, error) {
	body, err := json.Marshal(map[string]string{"username": userName, "password": password})
	if err != nil {
		panic(err) // strings have a JSON form
	}
	return p.post("/v1/login", "application/json", string(body))
}

// load is clients at work on a program.
type load struct {
	h *history
	p *program
	// strict: the program makes no use of a window, and fails at nothing. So an
	// honest token is always answered with another, and an old one is reuse.
	strict bool
	// every is how many steps there are to one that ends a session.
	every int
	// After so many answers, or so many sessions that ended, do is called once.
	after, afterEnds int64
	do               func()
	answers, ends    atomic.Int64
}

// run lets each of a number of clients use sessions of its own until the context
// ends or the program does not answer.
func (l *load) run(ctx context.Context, clients int) {
	var all sync.WaitGroup
	shares := make([][]*session, clients)
	for i, s := range l.h.sessions {
		shares[i%clients] = append(shares[i%clients], s)
	}
	for i, mine := range shares {
		all.Go(func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))
			for ctx.Err() == nil {
				if r.IntN(400) == 0 {
					if l.login(&mine) != nil {
						return
					}
				}
				if len(mine) == 0 {
					return
				}
				s := mine[r.IntN(len(mine))]
				dead := s.ended != ""
				if l.step(r, s) != nil {
					return
				}
				if s.ended != "" && !dead {
					if l.ends.Add(1) == l.afterEnds {
						l.do()
					}
					if l.useDead(s) != nil {
						return
					}
				}
				if l.answers.Add(1) == l.after {
					l.do()
				}
			}
		})
	}
	all.Wait()
}

func (l *load) login(mine *[]*session) error {
	l.count(1)
	a, err := l.p.login()
	if err != nil {
		return err
	}
	if a.status >= 500 {
		return nil // it may have happened
	}
	l.count(-1)
	if a.status != http.StatusOK {
		l.h.violated(staysSignedIn, "a login was answered with %d %s", a.status, a.Code)
		return nil
	}
	*mine = append(*mine, l.h.add(a.Refresh))
	l.h.tell("login")
	return nil
}

func (l *load) count(n int) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.logins += n
}

// step does one thing with a session.
func (l *load) step(r *rand.Rand, s *session) error {
	if s.pending != nothing {
		time.Sleep(time.Millisecond)
		return nil // what it asked and got no answer to is looked at afterwards
	}
	if s.ended != "" {
		if r.IntN(20) > 0 {
			return nil
		}
		return l.useDead(s)
	}
	if r.IntN(l.every) > 0 {
		return l.refresh(s)
	}
	switch n := r.IntN(4); {
	case n == 0 && l.strict && s.old != "":
		return l.replay(s)
	case n == 1 && l.strict:
		return l.twice(s)
	default:
		return l.revoke(s)
	}
}

// useDead presents the newest token of a session that has ended.
func (l *load) useDead(s *session) error {
	a, err := l.p.refresh(s.token)
	if err == nil && a.status == http.StatusOK {
		l.h.violated(s.ended, "session %s was answered", s.id)
	}
	if err == nil && a.status == http.StatusBadRequest {
		l.h.tell("refusal of a dead session")
	}
	return err
}

func (l *load) refresh(s *session) error {
	s.pending = refresh
	a, err := l.p.refresh(s.token)
	s.noted(refresh, a, err)
	if err != nil || a.status >= 500 {
		return err
	}
	s.pending = nothing
	switch {
	case a.status == http.StatusOK && l.strict && a.Refresh == s.token:
		l.h.violated(oneSuccessor, "session %s: there is no window and the token was not superseded", s.id)
	case a.status == http.StatusOK:
		l.h.answered(s, s.token, a.Refresh)
		l.h.tell("refresh")
	case s.brief:
		s.ended = expiredIsOver
		l.h.tell("refusal of an expired session")
	default:
		l.h.violated(staysSignedIn, "session %s: its newest token was answered with %d %s", s.id, a.status, a.Code)
		s.ended = staysSignedIn
	}
	return nil
}

func (l *load) revoke(s *session) error {
	s.pending = revoke
	a, err := l.p.form("/oauth/revoke", url.Values{"token": {s.token}})
	s.noted(revoke, a, err)
	if err != nil || a.status >= 500 {
		return err
	}
	s.pending = nothing
	if a.status != http.StatusOK {
		l.h.violated(revokedIsDead, "session %s: the revocation was answered with %d", s.id, a.status)
		return nil
	}
	s.ended = revokedIsDead
	l.h.tell("revocation")
	return nil
}

// replay presents a token that was superseded, outside of any window.
func (l *load) replay(s *session) error {
	s.pending = replay
	a, err := l.p.refresh(s.old)
	s.noted(replay, a, err)
	if err != nil || a.status >= 500 {
		return err
	}
	s.pending = nothing
	s.ended = reuseKills
	if a.status == http.StatusOK {
		l.h.violated(reuseKills, "session %s: a superseded token was answered", s.id)
	}
	l.h.tell("reuse")
	return nil
}

// twice presents the newest token two times at once. One at most is answered,
// and then the other was reuse.
func (l *load) twice(s *session) error {
	s.pending = twice
	var answers [2]answer
	var errs [2]error
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() { answers[i], errs[i] = l.p.refresh(s.token) })
	}
	both.Wait()
	sent, won := s.token, 0
	for i, a := range answers {
		s.noted(twice, a, errs[i])
		if errs[i] == nil && a.status == http.StatusOK {
			won++
			l.h.answered(s, sent, a.Refresh)
		}
	}
	if won == 2 {
		l.h.violated(oneSuccessor, "session %s: one token was answered twice", s.id)
	}
	failed := false
	for i, a := range answers {
		if errs[i] == nil && a.status == http.StatusBadRequest {
			s.ended = reuseKills // that is final, whatever became of the other
		}
		failed = failed || errs[i] != nil || a.status >= 500
	}
	if failed {
		return errors.Join(errs[:]...)
	}
	s.pending = nothing
	s.ended = reuseKills
	l.h.tell("two at once")
	return nil
}
