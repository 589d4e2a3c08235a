// Package testenv finds what a test needs that is not in Go itself. On a
// developer's machine a test whose need is missing is skipped and says what to
// install; where the environment variable JETON_CI is 1 it fails, so that a gate
// can't pass by skipping.
//
// Only tests import it.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Missing ends the test because what it needs is absent. It skips with a message
// that names what is missing and how to get it, and fails with the same message
// when the environment variable JETON_CI is 1.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if os.Getenv("JETON_CI") == "1" {
		t.Fatalf("needs %s: %s", what, how)
	}
	t.Skipf("needs %s: %s", what, how)
}

// Python returns the path of a python3 that can import jwt (PyJWT) and
// cryptography. If there is none, it ends the test as [Missing] does.
func Python(t testing.TB) string {
	t.Helper()
	path := firstThatRuns("import jwt, cryptography", pythons)
	if path == "" {
		Missing(t, "python3 with jwt and cryptography", "apt-get install python3-jwt python3-cryptography")
	}
	return path
}

// PlainPython returns the path of a python3, of which no more than the standard
// library may be expected. If there is none, it ends the test as [Missing] does.
func PlainPython(t testing.TB) string {
	t.Helper()
	path := firstThatRuns("", pythons)
	if path == "" {
		Missing(t, "python3", "apt-get install python3")
	}
	return path
}

// Shell returns the path of a POSIX shell, which a test needs to prepare what an
// exec then keeps: a limit, or a variable with its own process id. If there is none,
// it ends the test as [Missing] does.
func Shell(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		Missing(t, "sh", "it is in /bin or /usr/bin, which PATH must name")
	}
	return path
}

// pythons are tried in this order. The distribution's comes first: packages of
// the distribution belong to it, and a python3 earlier in PATH often doesn't see
// them.
var pythons = []string{"/usr/bin/python3", "python3"}

// firstThatRuns returns the path of the first interpreter that runs the program
// without an error, or "".
func firstThatRuns(program string, interpreters []string) string {
	for _, name := range interpreters {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if exec.Command(path, "-c", program).Run() == nil {
			return path
		}
	}
	return ""
}
