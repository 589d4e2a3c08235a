package sqlite

import (
	"sync/atomic"

	"github.com/jeton-go/jeton/issuer"
)

// recentRows are sessions that were just read. A refresh reads its session, finds
// its token good, and then rotates: a rotation that has the row need not look for
// it again, which among millions of sessions is most of what it would do. It is
// no cache that anybody relies on: the statement that rotates says what the row
// must still be, and changes nothing if it is another by now.
//
// Each session has one place, by its id, which is random; who comes later takes
// the place, and who is displaced has his row looked for.
type recentRows [4096]atomic.Pointer[row]

func (t *recentRows) place(id issuer.SessionID) *atomic.Pointer[row] {
	return &t[(int(id[0])<<8|int(id[1]))%len(t)]
}

// put keeps a row. The caller may do with its own what it likes.
func (t *recentRows) put(r row) {
	r = r.clone()
	t.place(r.ID).Store(&r)
}

// take returns a session's row and forgets it, or nil.
func (t *recentRows) take(id issuer.SessionID) *row {
	place := t.place(id)
	if r := place.Load(); r != nil && r.ID == id && place.CompareAndSwap(r, nil) {
		return r
	}
	return nil
}
