package issuer

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNewerSchema: a newer version of jeton has changed the store, in ways that
// this one does not know. It would do harm, so it does nothing.
var ErrNewerSchema = errors.New("a newer jeton has used it")

// SchemaStep is one change of a store's schema.
type SchemaStep struct {
	Version   int64     // counts from 1
	Name      string    // "" if only a newer version of jeton knows it
	AppliedAt time.Time // zero: not yet
}

// SchemaSteps returns, for a store, the steps that it knows and those that were
// applied, in order. Known ones are files named VERSION_NAME.sql.
func SchemaSteps(files []string, applied map[int64]time.Time) []SchemaStep {
	var steps []SchemaStep
	known := make(map[int64]bool)
	for _, file := range files {
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic("issuer: a migration without a number: " + file) // embedded: never a user's
		}
		known[version] = true
		steps = append(steps, SchemaStep{version, strings.ReplaceAll(name, "_", " "), applied[version]})
	}
	for version, at := range applied {
		if !known[version] {
			steps = append(steps, SchemaStep{Version: version, AppliedAt: at})
		}
	}
	slices.SortFunc(steps, func(a, b SchemaStep) int { return cmp.Compare(a.Version, b.Version) })
	return steps
}

// SchemaVersions returns the version that a store has, 0 if it has none yet, and
// the newest that this version of jeton knows. present > newest: it must not be
// used.
func SchemaVersions(steps []SchemaStep) (present, newest int64) {
	for _, s := range steps {
		if !s.AppliedAt.IsZero() {
			present = max(present, s.Version)
		}
		if s.Name != "" {
			newest = max(newest, s.Version)
		}
	}
	return present, newest
}
