package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const page = 4096

// TestAFileWithADamagedPage overwrites each page in turn. Open says that the file
// is damaged, or what it has to do with is whole.
func TestAFileWithADamagedPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path).Close()
	intact, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for name, content := range map[string][]byte{"zeroes": make([]byte, page), "garbage": bytes.Repeat([]byte{0xA5}, page)} {
		for n := 1; n < len(intact)/page; n++ {
			path := filepath.Join(t.TempDir(), "jeton.db")
			text := bytes.Clone(intact)
			copy(text[n*page:], content)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := open(t, path)
			if err == nil {
				if err := s.Ping(t.Context()); err != nil {
					t.Errorf("%s on page %d: the store opens, and then says %v", name, n+1, err)
				}
				s.Close()
				continue
			}
			refused++
			if !strings.Contains(err.Error(), "the file is damaged; stop every program") {
				t.Errorf("%s on page %d: the error is %v", name, n+1, err)
			}
		}
	}
	// The root of each of at least seven tables, twice.
	if refused < 14 {
		t.Errorf("%d files were refused", refused)
	}
}

func TestAFileThatWasCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path).Close()
	intact, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{len(intact) - 1, len(intact) - 100, len(intact) - page, len(intact) / 2, page + 1, 600} {
		if err := os.WriteFile(path, intact[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, "the file is damaged; stop every program")
	}
}

// TestPingTellsOfATableThatCanNotBeRead: the service must not call itself ready
// when every request fails.
func TestPingTellsOfATableThatCanNotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jeton.db")
	mustOpen(t, path).Close()
	s := mustOpen(t, path)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// All but the first page, which a connection looks at first.
	overwrite(t, path, page, strings.Repeat("\xA5", int(info.Size())-page))
	s.Reader().SetMaxIdleConns(0) // connections that are open have copies of pages
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the file is damaged") {
		t.Errorf("the error is %v", err)
	}
}
