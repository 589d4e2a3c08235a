package issuer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jeton-go/jeton/issuer"
)

// What is in the log goes into a batch: nothing may be there that none could
// carry.
func TestWhatCanBeCalledBack(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		kind  issuer.EntryKind
		value string
		good  bool
	}{
		{issuer.EntrySubject, "alice", true},
		{issuer.EntryClient, "l'appli", true},
		{issuer.EntryAll, "", true},
		{issuer.EntrySubject, "", false},
		{issuer.EntryAll, "x", false},
		{issuer.EntrySession, issuer.NewSessionID().String(), false},
		{issuer.EntryKey, "kid", false},
		{"", "x", false},
		{issuer.EntrySubject, "a\xff", false},
		{issuer.EntrySubject, strings.Repeat("x", 8193), false},
	} {
		e, err := w.RevokeIssued(t.Context(), c.kind, c.value)
		if c.good != (err == nil) || !c.good && !errors.Is(err, issuer.ErrInvalidRequest) || c.good && e.Seq == 0 {
			t.Errorf("%q %.20q: %+v, %v", c.kind, c.value, e, err)
		}
	}
	for _, subject := range []string{"a\xff", strings.Repeat("x", 8193)} {
		if _, err := w.RevokeSubject(t.Context(), subject, issuer.ReasonRevoked); !errors.Is(err, issuer.ErrInvalidRequest) {
			t.Errorf("%.20q: %v", subject, err)
		}
	}
}
