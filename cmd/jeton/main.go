// Command jeton is the token service, and the tools around its tokens, in one
// binary.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
