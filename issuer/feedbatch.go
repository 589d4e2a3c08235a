package issuer

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/base64url"
)

// BatchType is the "typ" of a batch of the feed.
const BatchType = "jeton-revocations+jwt"

const (
	// pageEntries is how many entries a batch has at most.
	pageEntries = 512
	// pageBytes bounds what the values of a batch take as JSON.
	pageBytes = 256 << 10
)

// keyCopies is how long verifiers may go by a copy of the key set, if they can't
// fetch it: package jwks does for a day.
const keyCopies = 24*time.Hour + Leeway

// Batch is a signed part of the revocation log: the entries after From up to To.
// It can't be forged, nor can entries be left out of it or out of a sequence of
// batches, so it may pass through caches. See docs/revocation.md for its claims.
type Batch struct {
	Log      [16]byte
	From, To uint64
	// Snapshot: a reader may begin here that knows nothing; what is before is
	// over.
	Snapshot bool
	Token    string // the JWT
	head     Chain
}

// ID names the place in the log where a batch ends, for asking for the next one:
// the log's name and a number.
func (b *Batch) ID() string {
	return base64url.Encode(b.Log[:]) + "." + strconv.FormatUint(b.To, 10)
}

// Empty tells whether a batch has no entries and only says that there are none.
func (b *Batch) Empty() bool { return b.From == b.To && !b.Snapshot }

// place is what an ID says. A number alone is a place too, in whatever log.
type place struct {
	log    [16]byte
	anyLog bool
	seq    uint64
}

func parsePlace(id string) (place, error) {
	log, number, named := strings.Cut(id, ".")
	p := place{anyLog: !named}
	if !named {
		number = log
	}
	bad := badRequest("a place in the feed is the id of a batch")
	if named {
		b, err := base64url.Decode(log)
		if err != nil || len(b) != len(p.log) {
			return p, bad
		}
		p.log = [16]byte(b)
	}
	var err error
	if p.seq, err = strconv.ParseUint(number, 10, 63); err != nil || strconv.FormatUint(p.seq, 10) != number {
		return p, bad
	}
	return p, nil
}

// batchClaims is the claims set of a batch.
type batchClaims struct {
	Issuer   string            `json:"iss"`
	IssuedAt jeton.NumericDate `json:"iat"`
	Log      string            `json:"log"`
	From     uint64            `json:"from"`
	To       uint64            `json:"to"`
	Tip      uint64            `json:"tip"`
	Prev     string            `json:"prev"`
	Head     string            `json:"head"`
	Snapshot bool              `json:"snapshot,omitempty"`
	Entries  []entryClaims     `json:"entries"`
}

type entryClaims struct {
	Seq     uint64    `json:"seq"`
	Kind    EntryKind `json:"kind"`
	Value   string    `json:"value,omitempty"`
	Before  int64     `json:"before,omitempty"` // seconds since 1970
	At      int64     `json:"at"`               // microseconds since 1970
	Expires int64     `json:"expires"`          // seconds since 1970
}

// part is what becomes a batch.
type part struct {
	log      [16]byte
	from     uint64
	prev     Chain
	entries  []Entry
	tip      uint64
	snapshot bool
	at       time.Time // when the log was read
}

// sign makes a batch of a part, with the key that signs access tokens now.
func (f *Feed) sign(p part) (*Batch, error) {
	signer, err := f.batchSigner()
	if err != nil {
		return nil, err
	}
	b := &Batch{Log: p.log, From: p.from, To: p.from, Snapshot: p.snapshot, head: p.prev}
	claims := batchClaims{
		Issuer:   f.issuer.cfg.Issuer,
		IssuedAt: jeton.At(p.at.Truncate(time.Millisecond)),
		Log:      base64url.Encode(p.log[:]),
		From:     p.from,
		Tip:      p.tip,
		Prev:     base64url.Encode(p.prev[:]),
		Snapshot: p.snapshot,
		Entries:  make([]entryClaims, len(p.entries)),
	}
	for i, e := range p.entries {
		life := f.issuer.RevocationLife()
		if e.Kind == EntryKey {
			life = max(life, keyCopies) // what a thief signs says itself when it expires
		}
		c := entryClaims{
			Seq: e.Seq, Kind: e.Kind, Value: e.Value, At: e.At.UnixMicro(),
			Expires: e.At.Add(life + time.Second - 1).Unix(),
		}
		if !e.Before.IsZero() {
			c.Before = e.Before.Unix()
		}
		claims.Entries[i] = c
		b.To, b.head = e.Seq, e.Chain
	}
	claims.To, claims.Head = b.To, base64url.Encode(b.head[:])
	claims.Tip = max(claims.Tip, b.To)
	if b.Token, err = signer.Sign(claims); err != nil {
		return nil, err
	}
	return b, nil
}

// batchSigner is a signer of batches for the active key.
func (f *Feed) batchSigner() (*jeton.Signer, error) {
	key := f.issuer.ring.Load().signing
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signing != key {
		signer, err := jeton.NewSigner(key, jeton.Type(BatchType), jeton.TokenLimits(jeton.Limits{TokenBytes: 1 << 20, Members: 16_384}))
		if err != nil {
			return nil, err
		}
		f.signing, f.signer = key, signer
		// A reader may not know the key that signed these much longer.
		clear(f.pages)
		f.beginAt = nil
	}
	return f.signer, nil
}

// fitting is as many of the entries as fit into a batch, at least one.
func fitting(entries []Entry) []Entry {
	size := 0
	for i, e := range entries {
		// A character may become six in JSON.
		if size += 6 * len(e.Value); i > 0 && size > pageBytes {
			return entries[:i]
		}
	}
	return entries
}

// linked tells whether entries follow a place in the log and each other.
func linked(from uint64, prev Chain, entries []Entry) bool {
	for _, e := range entries {
		if e.Seq != from+1 || e.Chain != e.Link(prev) {
			return false
		}
		from, prev = e.Seq, e.Chain
	}
	return true
}

// beyond is a number that no log reaches: a reader who asks for what is after
// it gets the head alone.
const beyond = math.MaxInt64
