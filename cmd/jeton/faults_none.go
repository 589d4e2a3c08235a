//go:build !faults || !unix

package main

import "github.com/jeton-go/jeton/issuer/sqlite"

// storeFault: without the tag nothing fails on purpose.
func storeFault() func(sqlite.FaultPoint) error { return nil }
