package postgres

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// instant is a stored instant as the contract wants it.
func instant(micro int64) time.Time { return time.UnixMicro(micro).UTC() }

// optional is an instant that may be missing: NULL in the database, zero in Go.
func optional(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	micro := t.UnixMicro()
	return &micro
}

func optionalInstant(micro *int64) time.Time {
	if micro == nil {
		return time.Time{}
	}
	return instant(*micro)
}

// minute is an instant as the column due has it, rounded down.
func minute(micro int64) int32 {
	return int32(min(micro/time.Minute.Microseconds(), 1<<31-1))
}

// checkTexts refuses what PostgreSQL can't store as a text. In a batch one such
// text would spoil the others' writes.
func checkTexts(texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return errors.New("a text is not valid UTF-8")
		}
		if strings.ContainsRune(s, 0) {
			return errors.New("a text holds a NUL, which PostgreSQL can't store")
		}
	}
	return nil
}

// formatList writes a list of strings as a JSON array. JSON escapes NUL.
func formatList(list []string) (string, error) {
	for _, s := range list {
		if !utf8.ValidString(s) {
			return "", errors.New("a string is not valid UTF-8")
		}
	}
	if len(list) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func parseList(text string) ([]string, error) {
	if text == "[]" {
		return nil, nil
	}
	if one, ok := strings.CutPrefix(text, `["`); ok { // one plain name, as nearly always
		if one, ok = strings.CutSuffix(one, `"]`); ok && !strings.ContainsFunc(one, func(r rune) bool {
			return r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError
		}) {
			return []string{one}, nil
		}
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, errors.Join(errDamaged, err)
	}
	return list, nil
}
