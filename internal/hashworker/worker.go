// Package hashworker hashes passwords in processes of their own. So it is the
// system that shares out the cores among hashes and everything else, in slices of
// a few milliseconds, where Go would let everything else wait for whole hashes;
// and the memory of a hash, which is much and comes at once, is reused in its
// process and is no business of the service's collector. docs/design/0026 has the
// figures.
package hashworker

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/jeton-go/jeton/issuer"
)

// answer is what a worker says of a piece of work, a line of JSON as the work is.
type answer struct {
	Key   []byte `json:"key,omitempty"`
	Error string `json:"error,omitempty"`
}

// Work is what a worker does: it reads work and writes answers until there is no
// more work, and calls tidy after each answer. The error is that of the reader or
// the writer.
func Work(in io.Reader, out io.Writer, tidy func()) error {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var work issuer.HashWork
		if err := from.Decode(&work); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		key, err := work.Run()
		if err != nil {
			a.Error = err.Error()
		}
		a.Key = key
		if err := to.Encode(a); err != nil {
			return err
		}
		tidy()
	}
}
