package issuer_test

import (
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// A store knows two steps, and one was taken.
func ExampleSchemaSteps() {
	steps := issuer.SchemaSteps(
		[]string{"00001_initial.sql", "00002_audit_log.sql"},
		map[int64]time.Time{1: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	for _, s := range steps {
		fmt.Println(s.Version, s.Name, !s.AppliedAt.IsZero())
	}
	present, newest := issuer.SchemaVersions(steps)
	fmt.Println("at", present, "of", newest)
	// Output:
	// 1 initial true
	// 2 audit log false
	// at 1 of 2
}
