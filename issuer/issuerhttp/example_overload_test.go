package issuerhttp_test

import (
	"fmt"
	"time"

	"github.com/jeton-go/jeton/issuer/issuerhttp"
)

// Handed to Public, an Overload can be asked what it turned away.
func ExampleNewOverload() {
	overload := issuerhttp.NewOverload(time.Now)
	options := issuerhttp.Options{Overload: overload}
	stats := options.Overload.Stats()
	fmt.Println(stats.Shed["login"], "logins were turned away, of at most", stats.Limit, "calls", stats.UnderWay["verify"], "are under way")
	// Output: 0 logins were turned away, of at most 4096 calls 0 are under way
}
