package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jeton-go/jeton/internal/loadgen"
)

// benchDisplay is one line on a terminal that is written over and over.
type benchDisplay struct {
	w     io.Writer
	paint paint
	live  bool

	mu   sync.Mutex
	last loadgen.Progress
}

const eraseLine = "\r\x1b[K"

func (d *benchDisplay) line(format string, args ...any) {
	if !d.live {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprint(d.w, eraseLine+d.paint.faint(fmt.Sprintf(format, args...)))
}

func (d *benchDisplay) progress(p loadgen.Progress, whole time.Duration) {
	since := p.Elapsed - d.last.Elapsed
	if since <= 0 {
		return
	}
	d.line("%3.0f of %.0f s  %8.0f/s  p50 %s  p99 %s  errors %d", p.Elapsed.Seconds(), whole.Seconds(),
		float64(p.Ops-d.last.Ops)/since.Seconds(), p.P50.Round(10*time.Microsecond), p.P99.Round(10*time.Microsecond), p.Errors)
	d.last = p
}

func (d *benchDisplay) clear() {
	if d.live {
		d.mu.Lock()
		defer d.mu.Unlock()
		fmt.Fprint(d.w, eraseLine)
	}
}
