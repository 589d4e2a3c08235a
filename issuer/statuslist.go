package issuer

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

const (
	// StatusListType is the "typ" of a status list token, and behind
	// "application/" its media type (draft-ietf-oauth-status-list-21 section
	// 5.1).
	StatusListType = "statuslist+jwt"
	// StatusListPath is where below the issuer's URL the status lists are. The
	// list's id follows.
	StatusListPath = "/v1/statuslists/"

	// listExpiry is the "exp" of a status list, in units of its "ttl": so long a
	// verifier may go by it that can't fetch another.
	listExpiry = 4
	// maxListTokens bounds how many signed lists are kept.
	maxListTokens = 1024
	// allTokens as a mark's instant: those issued before the end of time.
	allTokens = math.MaxInt64
)

// StatusList is a signed status list.
type StatusList struct {
	Token string // a JWT of StatusListType
	// MaxAge is how long from now on a cache may hand it out, by its "ttl".
	MaxAge time.Duration
}

// statusLists publishes the lists of an issuer.
type statusLists struct {
	*statusPlaces
	issuer *Issuer

	mu      sync.Mutex // of what follows; held while a list is made
	signing *jeton.SigningKey
	signer  *jeton.Signer
	tokens  map[listVariant]*listToken
}

// listToken is a signed list and what it was made from.
type listToken struct {
	token   string
	issued  time.Time
	marks   uint64
	wide    uint64
	signing *jeton.SigningKey
}

// statusClaims is the claims set of a status list token
// (draft-ietf-oauth-status-list-21 section 5.1).
type statusClaims struct {
	Issuer    string            `json:"iss"`
	Subject   string            `json:"sub"`
	IssuedAt  jeton.NumericDate `json:"iat"`
	ExpiresAt jeton.NumericDate `json:"exp"`
	TTL       int64             `json:"ttl"`
	List      statusListClaim   `json:"status_list"`
}

type statusListClaim struct {
	Bits int    `json:"bits"`
	List string `json:"lst"`
}

// statusRef is the "status" claim of an access token (section 6.2 there).
type statusRef struct {
	StatusList statusListRef `json:"status_list"`
}

type statusListRef struct {
	Index uint32 `json:"idx"`
	URI   string `json:"uri"`
}

func newStatusLists(i *Issuer) *statusLists {
	return &statusLists{statusPlaces: newStatusPlaces(i.ring.Load().root), issuer: i, tokens: map[listVariant]*listToken{}}
}

// newSessionID draws an id for a session that is opened. Every session that this
// issuer opens gets its id here.
func (i *Issuer) newSessionID(client string) SessionID {
	if i.status == nil {
		return NewSessionID()
	}
	return i.status.newSessionID(client)
}

// statusOf returns the "status" claim for an access token of a session that is
// issued now, or nil: none are published, or the session was opened before they
// were.
func (i *Issuer) statusOf(s *Session, issued time.Time) *statusRef {
	if i.status == nil {
		return nil
	}
	place, ok := i.status.place(s.ID)
	if !ok {
		return nil
	}
	v := listVariant{list: place.list, client: i.status.clientTag(s.ClientID), since: i.recalls.since(s, issued)}
	return &statusRef{statusListRef{place.index, i.status.uri(v)}}
}

func (l *statusLists) uri(v listVariant) string {
	return trimSlash(l.issuer.cfg.Issuer) + StatusListPath + l.id(v)
}

// StatusList returns the status list with an id, as of now: every revocation
// that any node on the store has answered is in it. ErrNotFound for an id that
// is in no token, and if none are published (Config.StatusListTTL). Errors of the
// store.
func (i *Issuer) StatusList(ctx context.Context, id string) (StatusList, error) {
	if i.status == nil {
		return StatusList{}, because(ErrNotFound, "no status lists are published")
	}
	v, ok := i.status.parse(id)
	if !ok {
		return StatusList{}, because(ErrNotFound, "no status list of this issuer")
	}
	// Before the log is read: what the list says holds at this instant.
	now := i.cfg.Now()
	if err := i.recalls.read(ctx); err != nil {
		return StatusList{}, err
	}
	return i.status.token(v, now)
}

// token returns the kept token of a list, or makes one if that says something
// else by now or has lived half of its time.
func (l *statusLists) token(v listVariant, now time.Time) (StatusList, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	signing := l.issuer.ring.Load().signing
	ttl := l.issuer.cfg.StatusListTTL
	marks, wide := l.issuer.recalls.versions(v.list)
	t := l.tokens[v]
	if t == nil || t.marks != marks || t.wide != wide || t.signing != signing ||
		now.Sub(t.issued) > ttl/2 || now.Before(t.issued) {
		made := &listToken{issued: now.Truncate(time.Second), marks: marks, wide: wide, signing: signing}
		var err error
		if made.token, err = l.sign(v, made); err != nil {
			return StatusList{}, err
		}
		if len(l.tokens) >= maxListTokens {
			clear(l.tokens) // simple, and rare: that is some 500,000,000 sessions
		}
		l.tokens[v], t = made, made
	}
	return StatusList{Token: t.token, MaxAge: max(0, ttl-now.Sub(t.issued))}, nil
}

func (l *statusLists) sign(v listVariant, t *listToken) (string, error) {
	if l.signing != t.signing {
		signer, err := jeton.NewSigner(t.signing, jeton.Type(StatusListType), jeton.TokenLimits(jeton.Limits{TokenBytes: 1 << 20}))
		if err != nil {
			return "", err
		}
		l.signing, l.signer = t.signing, signer
	}
	ttl := l.issuer.cfg.StatusListTTL
	return l.signer.Sign(statusClaims{
		Issuer:    l.issuer.cfg.Issuer,
		Subject:   l.uri(v),
		IssuedAt:  jeton.At(t.issued),
		ExpiresAt: jeton.At(t.issued.Add(listExpiry * ttl)),
		TTL:       int64(ttl / time.Second),
		List:      statusListClaim{Bits: 1, List: compress(l.issuer.recalls.bits(v, l.clientTag))},
	})
}

// compress is the "lst" of a list's bytes (section 4.1): ZLIB, in base64url.
func compress(list []byte) string {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err == nil {
		_, err = z.Write(list)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic("issuer: " + err.Error()) // neither level nor buffer can fail
	}
	return base64url.Encode(b.Bytes())
}

// versions tells apart what a list is made from.
func (r *recalls) versions(name listName) (marks, wide uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lists[name]; l != nil {
		marks = l.version
	}
	return marks, r.wide
}

// bits returns a list, a bit for each place, 1 for INVALID, the lowest bit of a
// byte first (section 4.1).
func (r *recalls) bits(v listVariant, tag func(client string) [8]byte) []byte {
	list := make([]byte, listPlaces/8)
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.cutoffs {
		if !r.alive(e) || e.Before.Unix() <= v.since {
			continue
		}
		if key.kind == EntryAll || key.kind == EntryClient && tag(key.value) == v.client {
			for i := range list {
				list[i] = 0xff
			}
			return list
		}
	}
	if l := r.lists[v.list]; l != nil {
		for _, m := range l.marks {
			if m.before > v.since {
				list[m.index/8] |= 1 << (m.index % 8)
			}
		}
	}
	return list
}

// addStatus puts a "status" claim behind the members of a claims set.
func addStatus(set []byte, ref *statusRef) ([]byte, error) {
	if ref == nil {
		return set, nil
	}
	value, err := json.Marshal(ref)
	if err != nil {
		return nil, err
	}
	return append(append(append(set[:len(set)-1:len(set)-1], `,"status":`...), value...), '}'), nil
}
