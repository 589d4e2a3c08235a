package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

func TestExamineTellsTheHealthOfAFileBesideItsUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	if _, err := sqlite.Examine(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	s := mustOpen(t, path)
	before := time.Now().Truncate(time.Microsecond)
	if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
		t.Fatal(err)
	}
	key := issuer.StoredKey{ID: "k", Use: issuer.UseAccess, Algorithm: "RS256", State: issuer.KeyNext, CreatedAt: before, ActiveAt: before.Add(time.Hour)}
	err := s.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return []issuer.StoredKey{key}, nil })
	if err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Examine(t.Context(), path)
	if err != nil || len(e.Damage) > 0 || e.Size == 0 || e.Log == 0 || e.Latest.Before(before) {
		t.Errorf("%+v, %v", e, err)
	}
	if len(e.Keys) != 1 || !e.Keys[0].ActiveAt.Equal(key.ActiveAt) {
		t.Errorf("keys: %v", e.Keys)
	}
	if _, err := s.CreateSession(t.Context(), newSession()); err != nil {
		t.Errorf("after the examination: %v", err)
	}
}

func TestExamineTellsOfDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path).Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, info.Size()-8192, strings.Repeat("\xff", 4096))
	if e, err := sqlite.Examine(t.Context(), path); err == nil && len(e.Damage) == 0 {
		t.Errorf("a page of ones: %+v", e)
	}
}
