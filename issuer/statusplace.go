package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"strings"
	"sync"

	"github.com/jeton-go/jeton/internal/base64url"
)

const (
	// listPlaces is how many places a status list has. Half of them are given
	// out, so that a free one is found at random in two draws.
	listPlaces = 1 << 20
	listFull   = listPlaces / 2
	// maxOpenLists bounds the clients for which a node has a list open, of 128
	// KiB each.
	maxOpenLists = 64
)

// listName names a list: drawn at random by the node that opens it, which alone
// gives out its places. So nodes need not agree on anything.
type listName [6]byte

// statusPlace is where a session stands.
type statusPlace struct {
	list  listName
	index uint32
}

// listVariant is a list as verifiers fetch it. All of its tokens are of one
// client and were issued in or after a second, so that tokens of one session
// from before and after a cut-off stand in different ones.
type listVariant struct {
	list   listName
	client [8]byte // a tag of the client's id
	since  int64   // seconds since 1970; 0: whenever
}

// statusPlaces gives sessions their places. A session's place is in its id,
// encrypted: the id is as random to everybody else as any, and whoever has the
// service's root (see MasterKey.root) finds the place of a session in the revocation log without asking
// for its row, which may be gone.
type statusPlaces struct {
	ids cipher.Block
	key [32]byte // of tags and of the lists' ids

	mu   sync.Mutex
	open map[string]*openList // by client
}

// openList is a list of which this node gives out places.
type openList struct {
	name  listName
	taken [listPlaces / 64]uint64
	count int
}

func newStatusPlaces(root []byte) *statusPlaces {
	derive := func(label string) [32]byte {
		mac := hmac.New(sha256.New, root)
		mac.Write([]byte(label))
		return [32]byte(mac.Sum(nil))
	}
	idKey := derive("jeton status list v1: session ids")
	ids, err := aes.NewCipher(idKey[:])
	if err != nil {
		panic("issuer: " + err.Error()) // 32 bytes are always a key
	}
	return &statusPlaces{ids: ids, key: derive("jeton status list v1: list ids"), open: map[string]*openList{}}
}

// A session id with a place is, before it is encrypted, placeZeros bytes of
// zeros, by which it is told from a random one, the list, the index and random
// bytes.
const (
	placeZeros = 4
	placeList  = placeZeros + len(listName{})
	placeIndex = placeList + 3
)

// newSessionID draws an id whose place nobody else has or will have.
func (p *statusPlaces) newSessionID(client string) SessionID {
	place := p.take(client)
	var plain, id SessionID
	copy(plain[placeZeros:], place.list[:])
	var index [4]byte
	binary.BigEndian.PutUint32(index[:], place.index)
	copy(plain[placeList:], index[1:])
	for {
		rand.Read(plain[placeIndex:])
		p.ids.Encrypt(id[:], plain[:])
		if id[0]>>2 != dash { // see NewSessionID
			return id
		}
	}
}

// take gives out a place in the open list of a client.
func (p *statusPlaces) take(client string) statusPlace {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.open[client]
	if l == nil || l.count >= listFull {
		for other := range p.open {
			if len(p.open) < maxOpenLists {
				break
			}
			delete(p.open, other) // whichever: it is opened anew
		}
		l = &openList{}
		rand.Read(l.name[:])
		p.open[client] = l
	}
	for {
		var b [4]byte
		rand.Read(b[:])
		i := binary.BigEndian.Uint32(b[:]) % listPlaces
		if word, bit := &l.taken[i/64], uint64(1)<<(i%64); *word&bit == 0 {
			*word |= bit
			l.count++
			return statusPlace{l.name, i}
		}
	}
}

// place finds a session's place; false for one that has none.
func (p *statusPlaces) place(id SessionID) (statusPlace, bool) {
	var plain SessionID
	p.ids.Decrypt(plain[:], id[:])
	var zeros [placeZeros]byte
	var index [4]byte
	copy(index[1:], plain[placeList:placeIndex])
	s := statusPlace{listName(plain[placeZeros:placeList]), binary.BigEndian.Uint32(index[:])}
	return s, [placeZeros]byte(plain[:placeZeros]) == zeros && s.index < listPlaces
}

func (p *statusPlaces) sum(label string, data []byte) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(label))
	mac.Write(data)
	return mac.Sum(nil)
}

func (p *statusPlaces) clientTag(client string) [8]byte {
	return [8]byte(p.sum("client|", []byte(client)))
}

// id returns the text by which a list is asked for. It is authentic, so that
// nobody can have lists made that are in no token.
func (p *statusPlaces) id(v listVariant) string {
	b := append(make([]byte, 0, listIDBytes), v.list[:]...)
	b = append(b, v.client[:]...)
	b = append(b, binary.BigEndian.AppendUint64(nil, uint64(v.since))[3:]...)
	return base64url.Encode(append(b, p.sum("id|", b)[:8]...))
}

// listIDBytes: the list, its client, the second and a MAC.
const listIDBytes = 6 + 8 + 5 + 8

func (p *statusPlaces) parse(id string) (listVariant, bool) {
	b, err := base64url.Decode(id)
	if err != nil || len(b) != listIDBytes {
		return listVariant{}, false
	}
	b, mac := b[:listIDBytes-8], b[listIDBytes-8:]
	if subtle.ConstantTimeCompare(mac, p.sum("id|", b)[:8]) != 1 {
		return listVariant{}, false
	}
	since := append(make([]byte, 3, 8), b[14:]...)
	return listVariant{listName(b[:6]), [8]byte(b[6:14]), int64(binary.BigEndian.Uint64(since))}, true
}

func trimSlash(url string) string { return strings.TrimSuffix(url, "/") }
