package issuer

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/jeton-go/jeton/internal/base64url"
)

// Notice says that a session was revoked, for a system outside that is to be
// told: see [Issuer.PollEvents].
type Notice struct {
	NoticeID
	Subject string
	Reason  Reason
}

// NoticeID tells a notice from all others: a session is revoked once.
type NoticeID struct {
	At      time.Time // when it was revoked, in the store's time
	Session SessionID
}

// NoticeStore keeps what receivers have yet to acknowledge.
//
// [SessionStore.Revoke], [SessionStore.CreateSession] where it revokes, and the
// methods of [UserStore] that revoke leave a Notice for every receiver there is,
// of every session that they revoke, in their own transaction, unless the reason is ReasonExpired. Without receivers they leave
// none.
type NoticeStore interface {
	// NameReceivers says who is to get notices from now on, besides those that
	// were named before. One that was not named again for Retention.Notices is
	// forgotten by Prune, with all that waits for it. No name may be empty.
	NameReceivers(ctx context.Context, names []string) error

	// Notices returns what waits for a receiver, oldest first by At and then by
	// Session, at most limit; none for a receiver that was not named. limit must
	// be positive.
	Notices(ctx context.Context, receiver string, limit int) ([]Notice, error)

	// DropNotices deletes what a receiver has acknowledged. What is not there
	// is no error.
	DropNotices(ctx context.Context, receiver string, ids []NoticeID) error
}

// String returns the text form, the "jti" of a security event token: base64url of
// the instant in microseconds since 1970, as 8 bytes, and of the session.
func (id NoticeID) String() string {
	return base64url.Encode(append(binary.BigEndian.AppendUint64(nil, uint64(id.At.UnixMicro())), id.Session[:]...))
}

func parseNoticeID(text string) (NoticeID, bool) {
	b, err := base64url.Decode(text)
	if err != nil || len(b) != 8+len(SessionID{}) {
		return NoticeID{}, false
	}
	return NoticeID{time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), SessionID(b[8:])}, true
}
