package strictjson

import (
	"errors"
	"fmt"
)

// The reasons for a refusal. A message carries an offset or a Go type, never a
// part of the text that was read.
var (
	ErrSyntax      = errors.New("not JSON")
	ErrUTF8        = errors.New("not valid UTF-8")
	ErrNUL         = errors.New("a NUL character in a string")
	ErrRange       = errors.New("a number beyond the range of a double")
	ErrDuplicate   = errors.New("a duplicate member name")
	ErrDepth       = errors.New("nested too deeply")
	ErrMembers     = errors.New("too many members")
	ErrTrailing    = errors.New("data after the value")
	ErrNotObject   = errors.New("not a JSON object")
	ErrType        = errors.New("a value of the wrong type")
	ErrUnsupported = errors.New("a Go type that can't be decoded into")
)

func (s *cursor) fail(reason error) error {
	return fmt.Errorf("%w at offset %d", reason, s.pos)
}

// TypeError reports a member whose value does not fit the Go value that it is
// decoded into. errors.Is finds ErrType.
type TypeError struct {
	Path string // the member's name, with those of its parents: "address.zip", "list.0", and "*" for a map's
	Want string // what was expected, in words or as a Go type
}

func (e *TypeError) Error() string {
	if e.Path == "" {
		return "want " + e.Want
	}
	return fmt.Sprintf("member %q: want %s", e.Path, e.Want)
}

// Is makes errors.Is(err, ErrType) true.
func (e *TypeError) Is(target error) bool { return target == ErrType }
