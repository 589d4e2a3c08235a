package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"
)

// TestACommandBesideABusyServiceGetsItsTurn: the service begins a transaction a
// moment after the one before has ended.
func TestACommandBesideABusyServiceGetsItsTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	service := mustOpen(t, path)
	db := mustOther(t, service)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			time.Sleep(time.Microsecond)
			for _, statement := range []string{"BEGIN IMMEDIATE", "UPDATE clock SET latest = latest", "COMMIT"} {
				// It may be the command that has the lock.
				for _, err := db.Exec(statement); err != nil; _, err = db.Exec(statement) {
				}
				if statement != "COMMIT" {
					time.Sleep(20 * time.Millisecond) // as a slow disk
				}
			}
		}
	}()
	for range 4 {
		command := mustOpen(t, path)
		if _, err := command.CreateSession(t.Context(), newSession()); err != nil {
			t.Error(err)
		}
		command.Close()
	}
	close(done)
	<-ended
}
