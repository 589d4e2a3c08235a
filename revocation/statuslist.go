package revocation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
)

// StatusListType is the "typ" of a status list token.
const StatusListType = "statuslist+jwt"

// ErrStatus: a token's "status" claim, or the list that it names, can't be used:
// there is none, or it is malformed, of another place, signed by somebody else,
// or has no such index. It is a jeton.ErrRevoked: without its status the token is
// not accepted.
var ErrStatus = fmt.Errorf("%w: the status can't be found", jeton.ErrRevoked)

const (
	// maxLists bounds the lists that are held, and maxListBytes one of them:
	// 8,388,608 tokens of one bit. Together they take 64 MiB at most.
	maxLists      = 256
	maxListBytes  = 1 << 20
	maxHeldBytes  = 64 << 20
	maxTokenBytes = 2 << 20

	// fetchTime bounds one fetch, and fetchPause is how long a list that could
	// not be had is not asked for again.
	fetchTime  = 5 * time.Second
	fetchPause = time.Second

	// defaultTTL holds for a list that says nothing of it, leastTTL for one that
	// says too little, and mostTTL for one that says too much.
	defaultTTL = 15 * time.Second
	leastTTL   = time.Second
	mostTTL    = 24 * time.Hour
)

// StatusList refuses tokens that a Token Status List calls back
// (draft-ietf-oauth-status-list-21), for issuers that publish those, whether made
// by jeton or not. It is a [jeton.RevocationList], safe for concurrent use. Make
// it with [NewStatusList].
//
// It fetches the list that a token names, verifies it, and keeps it for as long
// as the list's "ttl" says. While tokens come, a list is fetched again before
// its time is over, and nobody waits; the first token of a list waits for it. So
// a revocation is known after the "ttl" at the latest; [Follow], where the issuer
// is jeton, is faster and needs no claim in the tokens.
type StatusList struct {
	options
	place    string
	issuer   string
	verifier *jeton.Verifier

	mu   sync.Mutex
	held map[string]*heldList
	size int // bytes of lists
}

// heldList is a list, or the wait for one.
type heldList struct {
	list     *statusList   // nil: none yet
	fetching chan struct{} // closed when the fetch under way ends; nil: none is
	after    time.Time     // not to be fetched before
	used     time.Time
}

// NewStatusList makes a list for tokens whose "status" names a list below place,
// an https URL that ends with a slash, such as
// "https://auth.example/v1/statuslists/". No other address is ever fetched,
// whatever a token says. keys verify the lists: those that verify the issuer's
// tokens. issuer is the "iss" of the tokens, which a list that has one must have.
//
// With [FailClosed], the default with what the list says of its own expiry, a
// token whose list can't be had is refused with ErrStale, and a list is used for
// so long at most after it was issued. With [FailOpen] such a token is accepted,
// but for one that a list of any age calls back. A list that is refused is one
// that can't be had: OnError tells which it was.
//
// Of the other options HTTPClient, InsecureHTTP, Clock and OnError apply. Errors:
// jeton.ErrInvalidPolicy.
func NewStatusList(place string, keys jeton.KeySet, issuer string, list ...Option) (*StatusList, error) {
	o := options{closed: true}
	for _, option := range list {
		if err := option(&o); err != nil {
			return nil, err
		}
	}
	if o.file != "" || o.polling || o.onRevoke != nil {
		return nil, refuse("an option that is for the feed and not for status lists")
	}
	o = o.complete() // a tolerance of 0: a list says itself
	if _, err := checkAddress(place, o.insecure); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(place, "/") {
		return nil, refuse("the place of status lists does not end with a slash")
	}
	if issuer == "" {
		return nil, refuse("no issuer")
	}
	s := &StatusList{options: o, place: place, issuer: issuer, held: map[string]*heldList{}}
	var err error
	s.verifier, err = jeton.NewVerifier(keys, jeton.Policy{
		AnyIssuer:              true, // "iss" is optional; see readStatusList
		AnyAudience:            true,
		Type:                   StatusListType,
		AllowMissingExpiration: true, // "exp" is optional, too
		Limits:                 jeton.Limits{TokenBytes: maxTokenBytes},
		Now:                    o.now,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// statusRef is what a token says of its status.
type statusRef struct {
	Status struct {
		StatusList *struct {
			Index *int64 `json:"idx"`
			URI   string `json:"uri"`
		} `json:"status_list"`
	} `json:"status"`
}

// CheckRevoked makes the list a [jeton.RevocationList]: jeton.ErrRevoked for a
// token whose status is another than VALID; ErrStatus for one that has none;
// ErrStale if its list can't be had.
func (s *StatusList) CheckRevoked(ctx context.Context, v *jeton.Verified) error {
	var ref statusRef
	if err := v.Decode(&ref); err != nil {
		return fmt.Errorf("%w: the claim is malformed", ErrStatus)
	}
	r := ref.Status.StatusList
	switch {
	case r == nil:
		return fmt.Errorf("%w: the token names no status list", ErrStatus)
	case r.Index == nil || *r.Index < 0:
		return fmt.Errorf("%w: no index", ErrStatus)
	case !strings.HasPrefix(r.URI, s.place) || !plainName(r.URI[len(s.place):]):
		return fmt.Errorf("%w: a list of another place", ErrStatus)
	}
	list, err := s.find(ctx, r.URI)
	if list != nil {
		status, ok := list.status(*r.Index)
		switch {
		case !ok:
			return fmt.Errorf("%w: the list has no such index", ErrStatus)
		case status != 0: // INVALID, SUSPENDED, or what only the issuer knows
			return fmt.Errorf("%w: status %d", jeton.ErrRevoked, status)
		}
	}
	if err != nil && !s.closed && ctx.Err() == nil {
		return nil
	}
	return err
}

// plainName admits as the rest of an address what can't lead anywhere else.
func plainName(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '/' || c == '.' || c == '~') {
			return false
		}
	}
	return name != "" && len(name) <= 256 && !strings.Contains(name, "..") && !strings.Contains(name, "//")
}

// find returns the list at an address, and an error if it is too old, or nil and
// an error if there is none.
func (s *StatusList) find(ctx context.Context, uri string) (*statusList, error) {
	for first := true; ; first = false {
		now := s.now()
		s.mu.Lock()
		h := s.held[uri]
		if h == nil {
			s.makeRoom(now)
			h = &heldList{}
			s.held[uri] = h
		}
		h.used = now
		list := h.list
		fresh := list != nil && now.Before(list.freshUntil)
		if h.fetching == nil && !now.Before(h.after) && (!fresh || !now.Before(list.renewAfter)) {
			h.fetching = make(chan struct{})
			go s.fetch(uri, h)
		}
		fetching := h.fetching
		s.mu.Unlock()
		switch {
		case fresh:
			return list, nil
		case fetching != nil && first:
			select {
			case <-fetching:
				continue
			case <-ctx.Done():
				return list, fmt.Errorf("%w: %w", ErrStale, ctx.Err())
			}
		case list != nil && now.Before(list.goodUntil(s.tolerate)):
			return list, nil
		}
		return list, ErrStale
	}
}

// makeRoom drops the list that was used longest ago while there are too many.
// s.mu is held.
func (s *StatusList) makeRoom(now time.Time) {
	for len(s.held) >= maxLists || s.size > maxHeldBytes {
		oldest := ""
		for uri, h := range s.held {
			if h.fetching == nil && (oldest == "" || h.used.Before(s.held[oldest].used)) {
				oldest = uri
			}
		}
		if oldest == "" {
			return // all of them are on their way
		}
		if l := s.held[oldest].list; l != nil {
			s.size -= len(l.bits)
		}
		delete(s.held, oldest)
	}
}

// fetch fetches a list for everybody who waits for it, whoever of them leaves.
func (s *StatusList) fetch(uri string, h *heldList) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	list, err := s.fetchList(ctx, uri)
	if err != nil {
		s.onError(err)
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	h.after = now.Add(fetchPause)
	if err == nil {
		if h.list != nil {
			s.size -= len(h.list.bits)
		}
		h.list, h.after = list, time.Time{}
		s.size += len(list.bits)
		s.makeRoom(now)
	}
	close(h.fetching)
	h.fetching = nil
}

// statusList is a list that was verified.
type statusList struct {
	width      int // of a status, in bits
	bits       []byte
	issued     time.Time
	expires    time.Time // zero: never
	renewAfter time.Time
	freshUntil time.Time
}

// status returns the status at an index (section 4.1: the lowest bits of a byte
// come first).
func (l *statusList) status(index int64) (status byte, ok bool) {
	perByte := int64(8 / l.width)
	if index < 0 || index/perByte >= int64(len(l.bits)) {
		return 0, false
	}
	shift := uint(index%perByte) * uint(l.width)
	return l.bits[index/perByte] >> shift & (1<<l.width - 1), true
}

// goodUntil is how long the list may be used while no other is to be had.
func (l *statusList) goodUntil(tolerate time.Duration) time.Time {
	until := l.expires
	if t := l.issued.Add(tolerate); tolerate > 0 && (until.IsZero() || t.Before(until)) {
		until = t
	}
	if until.IsZero() {
		return l.freshUntil
	}
	return until
}

// statusListClaims is the claims set of a status list token.
type statusListClaims struct {
	TTL  *json.Number `json:"ttl"`
	List *struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}
