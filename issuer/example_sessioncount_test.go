package issuer_test

import (
	"fmt"

	"github.com/jeton-go/jeton/issuer"
)

func ExampleEstimateSessions() {
	// The 2,000 sessions with the lowest ids end at a tenth of all that is drawn,
	// and 1,500 of them are live.
	last := issuer.SessionID{0x19, 0x33, 0x33}
	fmt.Println(issuer.EstimateSessions(1500, last))
	// Output: 15000
}
