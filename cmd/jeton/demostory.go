package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jeton-go/jeton/unverified"
)

// demoStory tells the flow step by step and checks each one.
type demoStory struct {
	*demoWorld
	out   io.Writer
	paint paint
	pause time.Duration
	step  int
	shown bool // what the API answers, once
}

type demoTokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int    `json:"expires_in"`
}

func (s *demoStory) tell(ctx context.Context) error {
	s.say("An issuer at %s, with a user %s; an API at %s that knows the issuer's URL and nothing else.", s.auth, demoUser, s.api)

	s.heading(ctx, "%s logs in", demoUser)
	first, err := s.login(ctx)
	if err != nil {
		return err
	}
	s.ok("an access token for %d s, signed with RS256, and a refresh token", first.Expires)
	if err := s.show(first.Access); err != nil {
		return err
	}
	s.say("refresh token: %s (opaque, good at the token endpoint only)", short(first.Refresh))

	s.heading(ctx, "The API without a token, and with it")
	if err := s.orders(ctx, "", http.StatusUnauthorized); err != nil {
		return err
	}
	if err := s.orders(ctx, first.Access, http.StatusOK); err != nil {
		return err
	}
	s.say("The API verified signature and claims by itself, with the issuer's public keys.")
	if err := s.orders(ctx, first.Refresh, http.StatusUnauthorized); err != nil {
		return err
	}
	s.say("That was the refresh token: to an API it is nothing.")

	s.heading(ctx, "Refresh: the next pair")
	second, err := s.refresh(ctx, first.Refresh)
	if err != nil {
		return err
	}
	if second.Refresh == first.Refresh {
		return errors.New("the refresh token did not rotate")
	}
	s.ok("a fresh access token, and refresh token %s", short(second.Refresh))

	s.heading(ctx, "The answer got lost, the client tries again")
	again, err := s.refresh(ctx, first.Refresh)
	if err != nil {
		return err
	}
	if again.Refresh != second.Refresh {
		return errors.New("the retry got another refresh token")
	}
	s.ok("the very same refresh token %s: a retry logs nobody out", short(again.Refresh))

	s.heading(ctx, "A thief comes back with the old refresh token, after the grace window of %s", demoGrace)
	if err := s.sleep(ctx, demoGrace+100*time.Millisecond); err != nil {
		return err
	}
	if err := s.refused(ctx, first.Refresh); err != nil {
		return err
	}
	s.say("Two parties hold tokens of one session, so the session is over:")
	if err := s.refused(ctx, second.Refresh); err != nil {
		return err
	}
	if err := s.ordersNoMore(ctx, second.Access); err != nil {
		return err
	}
	s.say("That access token has minutes to live. The API refuses it all the same: it follows the issuer's feed of revocations.")

	s.heading(ctx, "%s logs in again, and out", demoUser)
	third, err := s.login(ctx)
	if err != nil {
		return err
	}
	if err := s.orders(ctx, third.Access, http.StatusOK); err != nil {
		return err
	}
	status, _, err := s.request(ctx, http.MethodPost, s.auth+"/v1/logout", "", nil, third.Access)
	if err != nil {
		return err
	}
	if err := s.expect("logout", status, http.StatusNoContent); err != nil {
		return err
	}
	if err := s.refused(ctx, third.Refresh); err != nil {
		return err
	}
	if err := s.ordersNoMore(ctx, third.Access); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%s\n", s.paint.green("Every step did what it says."))
	s.byHand()
	return nil
}

func (s *demoStory) login(ctx context.Context) (demoTokens, error) {
	body, err := json.Marshal(map[string]string{"username": demoUser, "password": demoPassword, "device": "demo"})
	if err != nil {
		return demoTokens{}, err
	}
	return s.tokens(ctx, "login", s.auth+"/v1/login", "application/json", body)
}

func refreshForm(token string) []byte {
	return []byte(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode())
}

const formType = "application/x-www-form-urlencoded"

func (s *demoStory) refresh(ctx context.Context, token string) (demoTokens, error) {
	return s.tokens(ctx, "refresh", s.auth+"/oauth/token", formType, refreshForm(token))
}

// refused presents a refresh token that must be good for nothing.
func (s *demoStory) refused(ctx context.Context, token string) error {
	status, body, err := s.request(ctx, http.MethodPost, s.auth+"/oauth/token", formType, refreshForm(token), "")
	if err != nil {
		return err
	}
	if !bytes.Contains(body, []byte(`"invalid_grant"`)) {
		return fmt.Errorf("the refresh was answered with %s", body)
	}
	return s.expect("refresh with "+short(token)+", answered with invalid_grant", status, http.StatusBadRequest)
}

func (s *demoStory) orders(ctx context.Context, token string, want int) error {
	status, body, err := s.request(ctx, http.MethodGet, s.api+"/orders", "", nil, token)
	if err != nil {
		return err
	}
	what := "GET /orders with " + short(token)
	if token == "" {
		what = "GET /orders without a token"
	}
	if err := s.expect(what, status, want); err != nil {
		return err
	}
	if want == http.StatusOK && !s.shown {
		s.shown = true
		s.say("%s", strings.TrimSpace(string(body)))
	}
	return nil
}

// ordersNoMore waits until the API has learned that a token was revoked, which
// takes the time of the feed, and says how long that was.
func (s *demoStory) ordersNoMore(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	begin := time.Now()
	for {
		status, _, err := s.request(ctx, http.MethodGet, s.api+"/orders", "", nil, token)
		switch {
		case err != nil:
			return fmt.Errorf("the API did not learn of the revocation: %w", err)
		case status != http.StatusOK:
			what := fmt.Sprintf("GET /orders with %s, %d ms later", short(token), time.Since(begin).Milliseconds())
			return s.expect(what, status, http.StatusUnauthorized)
		}
		if err := s.sleep(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("the API did not learn of the revocation: %w", err)
		}
	}
}

func (s *demoStory) expect(what string, status, want int) error {
	if status != want {
		return fmt.Errorf("%s: status %d, want %d", what, status, want)
	}
	s.ok("%s: %d %s", what, status, http.StatusText(status))
	return nil
}

// show prints what an access token says.
func (s *demoStory) show(token string) error {
	t, err := unverified.Decode(token)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		json []byte
	}{{"header", t.Header}, {"claims", t.Claims}} {
		var b bytes.Buffer
		if err := json.Indent(&b, part.json, "    ", "  "); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "    %s %s\n", part.name, s.paint.cyan(b.String()))
	}
	return nil
}

func (s *demoStory) tokens(ctx context.Context, what, address, contentType string, body []byte) (t demoTokens, err error) {
	status, answer, err := s.request(ctx, http.MethodPost, address, contentType, body, "")
	if err != nil {
		return t, err
	}
	if status != http.StatusOK {
		return t, fmt.Errorf("%s: status %d: %s", what, status, answer)
	}
	return t, json.Unmarshal(answer, &t)
}

func (s *demoStory) request(ctx context.Context, method, address, contentType string, body []byte, bearer string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, answer, err
}

func (s *demoStory) heading(ctx context.Context, format string, args ...any) {
	s.sleep(ctx, s.pause)
	s.step++
	fmt.Fprintf(s.out, "\n%s\n", s.paint.bold(fmt.Sprintf("%d. ", s.step)+fmt.Sprintf(format, args...)))
}

func (s *demoStory) ok(format string, args ...any) {
	fmt.Fprintf(s.out, "  %s %s\n", s.paint.green("ok"), fmt.Sprintf(format, args...))
}

func (s *demoStory) say(format string, args ...any) {
	fmt.Fprintf(s.out, "  %s\n", s.paint.faint(fmt.Sprintf(format, args...)))
}

func (s *demoStory) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// short shows enough of a token to tell two of one session apart.
func short(token string) string {
	if len(token) < 24 {
		return token
	}
	return token[:4] + "..." + token[len(token)-8:]
}
