// Package crashtest kills the real program, under load, with its disk full or
// failing, and compares what its clients were told with what it still knows
// afterwards. It has tests alone:
//
//	go test ./internal/crashtest -rounds 200 -v
package crashtest
