package revocation

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
)

// disk keeps batches in a file, a line each: an instant in seconds since 1970
// after which the batch says nothing any more, a mark if a snapshot begins there,
// a space, and the batch as it was signed. It is appended to, and written anew without what is over when it has
// become twice as long.
type disk struct {
	path    string
	pending bytes.Buffer
	size    int64     // of the file
	whole   int64     // its size when it was last written anew
	due     time.Time // of the next write
}

const (
	flushEvery   = 2 * time.Second
	flushBytes   = 1 << 20
	compactBytes = 256 << 10 // a shorter file is left alone
	// snapshotMark stands behind the instant of a batch where a snapshot begins.
	snapshotMark = "s"
)

// keep remembers a batch for the file.
func (f *Follower) keep(b *batch, token string) {
	d := f.disk
	if d == nil {
		return
	}
	var until int64
	for _, e := range b.Entries {
		until = max(until, e.until().Unix())
	}
	mark := ""
	if b.Snapshot {
		mark = snapshotMark
	}
	fmt.Fprintf(&d.pending, "%d%s %s\n", until, mark, token)
	if now := f.now(); d.pending.Len() > flushBytes || !now.Before(d.due) {
		d.due = now.Add(flushEvery)
		f.flush()
	}
}

func (f *Follower) flush() {
	d := f.disk
	if d == nil || d.pending.Len() == 0 {
		return
	}
	if !f.diskRead {
		return // what is there was not read yet, and must not be lost
	}
	err := d.append()
	if err == nil && d.size > compactBytes && d.size > 2*d.whole {
		err = d.compact(f.now().Unix())
	}
	if err != nil {
		if d.pending.Len() > 4*flushBytes {
			d.pending.Reset() // the issuer has it
		}
		f.onError(fmt.Errorf("revocation: snapshot file: %w", withoutPath(err)))
	}
}

func (d *disk) append() error {
	file, err := os.OpenFile(d.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	n, err := file.Write(d.pending.Bytes())
	d.size += int64(n)
	if err == nil {
		d.pending.Reset()
	} else {
		// A torn line must not swallow the next one.
		_, _ = file.WriteString("\n")
	}
	return errors.Join(err, file.Close())
}

// compact writes the file anew and puts it in the old one's place, whole or not
// at all. The last line stays: it says how fresh the file is.
func (d *disk) compact(now int64) (err error) {
	next, err := os.CreateTemp(filepath.Dir(d.path), filepath.Base(d.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, next.Close(), os.Remove(next.Name()))
		}
	}()
	w := bufio.NewWriter(next)
	d.whole = 0
	write := func(line string) {
		n, _ := w.WriteString(line + "\n") // the error is Flush's
		d.whole += int64(n)
	}
	var begin, last string
	err = d.lines(func(until int64, snapshot bool, line string) error {
		last = ""
		switch {
		case snapshot:
			begin = line // stays if what comes next does, so that both fit
		case until > now:
			if begin != "" {
				write(begin)
				begin = ""
			}
			write(line)
		case until > 0: // over
			begin, last = "", line
		default: // nothing new, and goes if another line comes
			last = line
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, line := range []string{begin, last} {
		if line != "" {
			write(line)
		}
	}
	if err := errors.Join(w.Flush(), next.Sync(), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	if err := os.Rename(next.Name(), d.path); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	d.size = d.whole
	return nil
}

// lines calls f for each line of the file that has the right form.
func (d *disk) lines(f func(until int64, snapshot bool, line string) error) error {
	file, err := os.Open(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 64<<10), maxBatchBytes+64)
	for lines.Scan() {
		first, token, _ := strings.Cut(lines.Text(), " ")
		first, snapshot := strings.CutSuffix(first, snapshotMark)
		until, err := strconv.ParseInt(first, 10, 64)
		if err != nil || token == "" {
			continue // torn by a crash
		}
		if err := f(until, snapshot, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// readDisk takes in what the file has, once. Nothing is believed but what the
// issuer signed. It does not say where to go on: the issuer's snapshot does, so
// that a file from which somebody cut something leaves no hole for long.
func (f *Follower) readDisk(ctx context.Context) {
	if f.disk == nil || f.diskRead {
		return
	}
	var asOf time.Time
	var last *batch
	refused := 0
	now := f.now()
	err := f.disk.lines(func(_ int64, _ bool, line string) error {
		f.disk.size += int64(len(line))
		_, token, _ := strings.Cut(line, " ")
		b, err := readBatch(ctx, f.verifier, token)
		if errors.Is(err, jeton.ErrKeysUnavailable) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			refused++
			last = nil
			return nil
		}
		for _, e := range b.Entries {
			if r := e.revoked(); f.set.Add(r) && f.onRevoke != nil {
				f.onRevoke(r)
			}
		}
		// The file is as fresh as its last batch if none is missing. They may
		// overlap, where a snapshot began and its beginning is over.
		if last != nil && !b.Snapshot && (b.Log != last.Log || b.From > last.To || b.From == last.To && b.Prev != last.Head) {
			refused++
		}
		last = b
		if b.To == b.Tip && !b.issued.After(now.Add(leeway)) && b.issued.After(asOf) {
			asOf = b.issued
		}
		return nil
	})
	if err == nil && refused > 0 {
		err = fmt.Errorf("%w: %d lines don't hold, or don't fit the one before", ErrForged, refused)
	}
	if err != nil {
		f.onError(fmt.Errorf("revocation: snapshot file: %w", withoutPath(err)))
	}
	if errors.Is(err, jeton.ErrKeysUnavailable) || ctx.Err() != nil {
		f.disk.size = 0
		return // again before the next connection
	}
	f.diskRead = true
	f.disk.whole = f.disk.size
	if refused == 0 && err == nil {
		f.fresh(asOf)
	}
}

// withoutPath takes off the layer that names the file: the program knows it.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
