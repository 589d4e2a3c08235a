package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// AuditAction says what was done.
type AuditAction string

// The actions in the audit log. Of refreshes there is none: they happen all the
// time and change nobody's rights; what is wrong with one is here.
const (
	AuditLogin        AuditAction = "login"         // a session was opened with a password; Count: those that had to go for it
	AuditLoginRefused AuditAction = "login_refused" // Detail says why; Count: so many, which were too many to be told apart
	AuditReuse        AuditAction = "reuse"         // a superseded refresh token came back: its session was revoked
	AuditStoreBehind  AuditAction = "store_behind"  // an authentic refresh token was newer than the store
	AuditRevoke       AuditAction = "revoke"        // sessions were revoked; Count: how many
	AuditRecall       AuditAction = "recall"        // access tokens were called back, without a session's end
	AuditUserAdd      AuditAction = "user_add"      // a user was made
	AuditUserPassword AuditAction = "user_password" // a user has a new password; Count: sessions that ended
	AuditUserDisable  AuditAction = "user_disable"  // a user was locked out; Count: sessions that ended
	AuditUserEnable   AuditAction = "user_enable"   // a user was let in again
	AuditKey          AuditAction = "key"           // a key was made, took over, retired, went, or was revoked
	AuditKeyExport    AuditAction = "key_export"    // a secret was given out
)

// Who did it, in AuditRecord.Actor, beside "user:" and a subject, "client:" and a
// client id, and whatever RequestInfo.Actor says.
const (
	ActorService = "service" // the service by itself, or the program that it is part of
	ActorUnknown = "unknown" // whoever failed to log in
)

// AuditRecord tells of one thing that was done. It never holds a token, a
// password or a key. What does not apply is empty.
type AuditRecord struct {
	Action   AuditAction
	Actor    string // who: "user:SUBJECT", "client:ID", "cli:NAME", ActorService, ActorUnknown
	Subject  string // whose session, tokens or account
	User     string // the name of that account, as it was then
	ClientID string // of the session or the tokens
	Session  string // id of the session
	Key      string // id of the key
	Reason   Reason
	Detail   string // for humans
	Count    int64
	Address  string // where the request came from
	Agent    string // what the client says it is
	Request  string // the request's id, as in logs and in the answer
}

// AuditEntry is a record in its place in the audit log.
type AuditEntry struct {
	Seq uint64    // counts from 1, without gaps, in the order of commits
	At  time.Time // the store's now; never earlier than that of an entry before
	AuditRecord
	// Chain is a digest of this entry and, through the one before, of the whole
	// log up to it. See [AuditEntry.Link].
	Chain Chain
}

// texts are a record's texts, in the order of the canonical form, each with the
// longest form that is kept, in bytes.
func (r *AuditRecord) texts() []struct {
	text *string
	max  int
} {
	const id, text = 1024, 256
	return []struct {
		text *string
		max  int
	}{
		{(*string)(&r.Action), 64}, {&r.Actor, id}, {&r.Subject, id}, {&r.User, id}, {&r.ClientID, id}, {&r.Session, 64}, {&r.Key, id},
		{(*string)(&r.Reason), text}, {&r.Detail, text}, {&r.Address, text}, {&r.Agent, text}, {&r.Request, 128},
	}
}

// Link returns the chain of this entry when prev is that of the entry before: the
// SHA-256 of "jeton audit v1", prev, Seq, At in microseconds since 1970 and Count
// (8 bytes each, big endian), and then of each text, Action, Actor, Subject, User,
// ClientID, Session, Key, Reason, Detail, Address, Agent and Request, its length
// (4 bytes, big endian) and its bytes.
func (e AuditEntry) Link(prev Chain) Chain {
	b := make([]byte, 0, 512)
	b = append(b, "jeton audit v1"...)
	b = append(b, prev[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Count))
	for _, t := range e.texts() {
		b = binary.BigEndian.AppendUint32(b, uint32(len(*t.text)))
		b = append(b, *t.text...)
	}
	return sha256.Sum256(b)
}

// AuditHead is where an audit log begins and ends.
type AuditHead struct {
	Log   [16]byte  // names the log; drawn when the store was made
	Seq   uint64    // of the last entry ever written; 0: none yet
	Chain Chain     // of that entry
	At    time.Time // of that entry; zero: none yet
	// Pruned is the number of the last entry that was deleted because it was old
	// enough, and PrunedChain its chain, which the oldest entry links to.
	Pruned      uint64
	PrunedChain Chain
	Seal        AuditSeal // the latest
}

// Append completes a record that was done at an instant, and moves the head on
// to it. It is for stores: whoever appends has the head to itself. Texts that a
// database could not keep as they are are cut and mended.
func (h *AuditHead) Append(at time.Time, r AuditRecord) AuditEntry {
	for _, t := range r.texts() {
		*t.text = storable(*t.text, t.max)
	}
	if at = at.Truncate(time.Microsecond).UTC(); at.Before(h.At) {
		at = h.At
	}
	e := AuditEntry{Seq: h.Seq + 1, At: at, AuditRecord: r}
	e.Chain = e.Link(h.Chain)
	h.Seq, h.Chain, h.At = e.Seq, e.Chain, e.At
	return e
}

// Audit completes records of what revoked sessions of a subject: see
// [Revocation]. It is for stores, and changes nothing in records.
func (done Revoked) Audit(subject string, records []AuditRecord) []AuditRecord {
	out := slices.Clone(records)
	for i := range out {
		out[i].Count = int64(len(done.Sessions))
		if out[i].Subject == "" {
			out[i].Subject = subject
		}
	}
	return out
}

// Audit completes records of what created a session: see [NewSession]. It is for
// stores, and changes nothing in records.
func (c Created) Audit(records []AuditRecord) []AuditRecord {
	out := slices.Clone(records)
	for i := range out {
		if out[i].Session == c.ID.String() {
			out[i].Count = int64(len(c.Ended))
		}
	}
	return out
}

// storable is text as every store keeps it: UTF-8 without NUL, and not long.
func storable(text string, most int) string {
	if len(text) > most {
		text = text[:most]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		if r, n := utf8.DecodeLastRuneInString(text); r == utf8.RuneError && n == 1 {
			text = text[:len(text)-1]
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// AuditSeal says, with a key that only who has the master key has, that the log was whole up to an entry.
// Whoever can write the store and lacks the master key can't make one, so what
// is sealed can't be rewritten.
type AuditSeal struct {
	Seq   uint64 // 0: there is no seal
	Chain Chain  // of that entry
	At    time.Time
	MAC   []byte // of the log's name, number, chain and instant, by a key that is derived from one under the master key
}

// AuditLog is the store's record of who did what. The methods that change
// something take the records that tell of it and append them in their own
// transaction: what they did and its record are both there or neither is. Where
// a condition fails, or there is nothing left to revoke, nothing is appended.
//
// Its order is that of commits, as of the [RevocationLog].
type AuditLog interface {
	// AppendAudit appends records of what changed nothing in the store.
	AppendAudit(ctx context.Context, records ...AuditRecord) error

	// Audit returns, from one state of the store, the entries after a number, in
	// order and at most limit, and where the log begins and ends. limit must be
	// positive.
	Audit(ctx context.Context, after uint64, limit int) ([]AuditEntry, AuditHead, error)

	// SealAudit stores a seal in place of the one before. ErrConflict if that is
	// of a later entry, or if number and chain are not those of an entry that is
	// there.
	SealAudit(ctx context.Context, seal AuditSeal) error
}
