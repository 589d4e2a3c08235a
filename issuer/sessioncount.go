package issuer

import (
	"context"
	"encoding/binary"
	"math"
)

// SessionCounter tells how many sessions there are.
type SessionCounter interface {
	// CountSessions returns how many sessions are live at the store's now. It
	// looks at no more than sample rows, those with the lowest ids: if there are
	// not more the answer is exact, else it is [EstimateSessions] of them. So it
	// costs the same however many sessions there are. sample must be positive.
	CountSessions(ctx context.Context, sample int) (live int64, exact bool, err error)
}

// EstimateSessions returns how many sessions are live if among those with the
// lowest ids, up to and including last, there are so many: ids are drawn at
// random, so what is below one is a fair sample. Of n in the sample the standard
// error is one part in the square root of n.
func EstimateSessions(live int, last SessionID) int64 {
	// One id in 64 is never drawn: see NewSessionID. They are all near the end.
	const drawn = 63.0 / 64
	below := (float64(binary.BigEndian.Uint64(last[:8])) + 1) / (1 << 64)
	return int64(math.Round(float64(live) / min(1, below/drawn)))
}
