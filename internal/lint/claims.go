package lint

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

const (
	longLife     = 24 * time.Hour
	veryLongLife = 366 * 24 * time.Hour
	leeway       = 30 * time.Second
	// milliseconds is where a date is no longer one in seconds: the year 5138.
	milliseconds = 1e11
)

// text returns a claim that is a text; "" for none.
func (l *linter) text(name string) string {
	var s string
	json.Unmarshal(l.claims[name], &s)
	return s
}

func (l *linter) present(name string) bool {
	raw, there := l.claims[name]
	return there && string(raw) != "null"
}

func (l *linter) checkClaims() {
	for name, id := range map[string]string{"exp": "exp-missing", "iss": "iss-missing", "aud": "aud-missing", "sub": "sub-missing", "iat": "iat-missing"} {
		if !l.present(name) {
			l.add(id, "")
		}
	}
	if strings.EqualFold(strings.TrimPrefix(l.seen.Type, "application/"), "at+jwt") {
		var missing []string
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id"} {
			if !l.present(name) {
				missing = append(missing, name)
			}
		}
		if missing != nil {
			l.add("at-jwt-claims", "%s", strings.Join(missing, ", "))
		}
	}
	if u, err := url.Parse(l.text("iss")); err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		l.add("iss-clear-text", "")
	}
	if l.present("aud") {
		audiences := []string{l.text("aud")}
		var list []string
		if json.Unmarshal(l.claims["aud"], &list) == nil {
			audiences = list
		}
		anybody := len(audiences) == 0
		for _, each := range audiences {
			anybody = anybody || each == "" || strings.Contains(each, "*")
		}
		if anybody {
			l.add("aud-any", "")
		}
	}
}

// date returns a date; zero and a finding if it is there and none.
func (l *linter) date(name string) time.Time {
	if !l.present(name) {
		return time.Time{}
	}
	var number float64
	var at jeton.NumericDate
	raw := l.claims[name]
	switch {
	case json.Unmarshal(raw, &number) != nil:
		l.add("date-type", "%s", name)
	case number >= milliseconds && number < 1e15:
		l.add("date-milliseconds", "%s is meant to be %s", name, time.UnixMilli(int64(number)).UTC().Format(time.RFC3339))
	case at.UnmarshalJSON(raw) != nil:
		l.add("date-type", "%s is out of range", name)
	default:
		return at.Time()
	}
	return time.Time{}
}

func (l *linter) checkDates() {
	exp, iat, nbf := l.date("exp"), l.date("iat"), l.date("nbf")
	for _, start := range []struct {
		name string
		at   time.Time
	}{{"iat", iat}, {"nbf", nbf}} {
		if !exp.IsZero() && !start.at.IsZero() && !exp.After(start.at) {
			l.add("exp-before-start", "exp is %s and %s %s", exp.Format(time.RFC3339), start.name, start.at.Format(time.RFC3339))
		}
	}
	if iat.After(l.now.Add(leeway)) {
		l.add("iat-future", "%s", iat.Format(time.RFC3339))
	}
	if exp.IsZero() {
		return
	}
	from := iat
	if from.IsZero() {
		from = l.now // at least
	}
	switch life := exp.Sub(from); {
	case life > veryLongLife:
		l.add("very-long-life", "%d days", int(life.Hours()/24))
	case life > longLife:
		l.add("long-life", "%d hours", int(life.Hours()))
	}
	if !exp.After(l.now) {
		l.add("expired", "on %s", exp.Format(time.RFC3339))
	}
}
