package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// While this process and another one write, each backup opens, and holds every
// session that was acknowledged before it began, at least as far along.
func TestBackupUnderLoadHoldsWhatWasAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	s := mustOpen(t, path)
	createSessions(t, s)
	cmd, _ := start(t, "rotate", path)
	defer cmd.Wait()
	defer cmd.Process.Kill()

	var mu sync.Mutex
	var acknowledged []issuer.SessionID
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				made, err := s.CreateSession(t.Context(), newSession())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, made.ID)
				mu.Unlock()
			}
		})
	}
	defer writers.Wait()
	defer stop()

	for range 3 {
		mu.Lock()
		before := append([]issuer.SessionID(nil), acknowledged...)
		mu.Unlock()
		along := make(map[issuer.SessionID]uint32)
		for _, id := range sessionIDs {
			session, _, err := s.Session(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			along[id] = session.Generation
		}
		to := filepath.Join(t.TempDir(), "copy.db")
		if err := sqlite.Backup(t.Context(), path, to); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(to); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("the backup's mode: %v, %v", info.Mode(), err)
		}
		restored := mustOpen(t, to)
		for _, id := range before {
			if _, _, err := restored.Session(t.Context(), id); err != nil {
				t.Fatalf("a session that was acknowledged before: %v", err)
			}
		}
		for id, generation := range along {
			if session, _, err := restored.Session(t.Context(), id); err != nil || session.Generation < generation {
				t.Errorf("generation %d, which was acknowledged before, is %d: %v", generation, session.Generation, err)
			}
		}
		if _, err := restored.CreateSession(t.Context(), newSession()); err != nil {
			t.Errorf("the restored store takes no writes: %v", err)
		}
	}
}

func TestBackupRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path).Close()
	newer := filepath.Join(t.TempDir(), "newer.db")
	mustOpen(t, newer).Close()
	runOn(t, newer, "INSERT INTO schema_version (version_id, is_applied) VALUES (99, 1)")
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	runOn(t, foreign, "CREATE TABLE bookmarks (url TEXT)")
	there := filepath.Join(t.TempDir(), "there.db")
	overwrite(t, there, 0, "precious")
	for _, tt := range []struct {
		name, from, to string
		is             error
		says           string
	}{
		{"to overwrite", path, there, fs.ErrExist, "never overwrites"},
		{"to overwrite the store", path, path, fs.ErrExist, "never overwrites"},
		{"a store that is not there", path + "x", there + "2", fs.ErrNotExist, ""},
		{"a newer store", newer, there + "2", issuer.ErrNewerSchema, "schema version 99"},
		{"another program's file", foreign, there + "2", nil, "another program"},
		{"a directory that is not there", path, filepath.Join(there+"2", "x"), fs.ErrNotExist, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := sqlite.Backup(t.Context(), tt.from, tt.to)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v", err)
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(tt.to), "*backup*"))
			if _, err := os.Stat(there + "2"); err == nil || left != nil {
				t.Errorf("it left something behind: %v", left)
			}
		})
	}
	if b, _ := os.ReadFile(there); string(b) != "precious" {
		t.Error("a file was overwritten")
	}
	// A damaged store gives no backup that looks like a good one.
	s := mustOpen(t, path)
	for range 200 {
		if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, info.Size()/2, strings.Repeat("damage", 3000))
	if err := sqlite.Backup(t.Context(), path, there+"2"); err == nil {
		t.Error("a damaged store was backed up without a word")
	}
	if _, err := os.Stat(there + "2"); err == nil {
		t.Error("the backup of a damaged store has its name")
	}
}

func TestSchemaTellsWhatWasAppliedAndChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	if _, err := sqlite.Schema(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	overwrite(t, path, 0, "")
	steps, err := sqlite.Schema(t.Context(), path)
	present, newest := issuer.SchemaVersions(steps)
	if err != nil || present != 0 || newest == 0 || int(newest) != len(steps) || steps[0].Name != "initial" {
		t.Errorf("an empty file: %v, %v", steps, err)
	}
	if b, _ := os.ReadFile(path); len(b) > 0 {
		t.Error("Schema wrote to the file")
	}
	started := time.Now().Add(-time.Minute)
	mustOpen(t, path).Close()
	steps, err = sqlite.Schema(t.Context(), path)
	if present, newest = issuer.SchemaVersions(steps); err != nil || present != newest {
		t.Errorf("a store: %v, %v", steps, err)
	}
	for _, step := range steps {
		if step.AppliedAt.Before(started) || step.AppliedAt.After(time.Now().Add(time.Minute)) {
			t.Errorf("step %d was applied at %v", step.Version, step.AppliedAt)
		}
	}
	runOn(t, path, "INSERT INTO schema_version (version_id, is_applied) VALUES (99, 1)")
	steps, err = sqlite.Schema(t.Context(), path)
	if present, newest = issuer.SchemaVersions(steps); err != nil || present != 99 || newest == 99 || steps[len(steps)-1].Name != "" {
		t.Errorf("a newer store: %v, %v", steps, err)
	}
	if _, err := open(t, path); !errors.Is(err, issuer.ErrNewerSchema) {
		t.Errorf("a newer store is opened: %v", err)
	}
}
