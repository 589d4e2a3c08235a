package hashworker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// Options are the settings of a Pool.
type Options struct {
	// Command makes the command of a worker, which is to call [Work] with its
	// standard input and output.
	Command func() *exec.Cmd
	// Idle is how long a worker without work stays.
	Idle time.Duration
	// Patience is how long a worker may take for 19 MiB and two passes, its start
	// included, and in proportion longer for what costs more. Then it is ended.
	Patience time.Duration
	// Again is how long no worker is started after one could not be, or ended at
	// its first work. It doubles each time in a row, up to 64 times as long.
	Again time.Duration
	// OnError is told why work was not done by a worker, if one was asked.
	OnError func(error)
}

// A Pool keeps workers: as many as have been busy at once of late. Make it with
// [New]. It is safe for concurrent use.
type Pool struct {
	options Options

	mu        sync.Mutex
	idle      []*worker // the latest used last
	closed    bool
	resting   *time.Timer // nil if workers may be started
	failures  int         // in a row
	processes sync.WaitGroup
}

// New makes a pool. No worker is started before there is work.
func New(o Options) *Pool { return &Pool{options: o} }

// errResting is why no worker is asked for a while.
var errResting = errors.New("a moment ago no process that hashes passwords could be started")

// Hash does a piece of work in a worker of its own: an idle one, or a new one. It
// is what [issuer.Config] has for hashing elsewhere. Errors: no worker could be
// started, or it came to an end, or it was given what is no work.
func (p *Pool) Hash(work issuer.HashWork) (key []byte, err error) {
	key, err = p.hash(work)
	if err != nil && err != errResting {
		p.options.OnError(err)
	}
	return key, err
}

func (p *Pool) hash(work issuer.HashWork) ([]byte, error) {
	for {
		w := p.take()
		fresh := w == nil
		if fresh {
			var err error
			if w, err = p.start(); err != nil {
				return nil, err
			}
		}
		a, err := w.do(work, p.patience(work.Params))
		if err == nil {
			p.give(w)
			if a.Error != "" {
				return nil, errors.New(a.Error)
			}
			return a.Key, nil
		}
		w.process.Process.Kill() // whatever it does
		p.end(w)
		if fresh {
			p.rest()
			return nil, fmt.Errorf("the process that hashes passwords ended: %w", err)
		}
		// It may have ended, or been ended, while it was idle.
	}
}

// Close ends the workers, those that are busy as soon as they are not, and waits
// for none. Hash must not be called afterwards.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, w := range idle {
		w.late.Stop()
		p.end(w)
	}
}

// take returns the idle worker that was used last, so that others have their time
// to be idle; nil if there is none.
func (p *Pool) take() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	w := p.idle[last]
	p.idle = p.idle[:last]
	w.late.Stop()
	return w
}

// give makes a worker idle.
func (p *Pool) give(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.end(w)
		return
	}
	p.failures = 0
	p.idle = append(p.idle, w)
	w.late = time.AfterFunc(p.options.Idle, func() { p.retire(w) })
}

// retire ends a worker that is idle still.
func (p *Pool) retire(w *worker) {
	p.mu.Lock()
	at := slices.Index(p.idle, w)
	if at >= 0 {
		p.idle = slices.Delete(p.idle, at, at+1)
	}
	p.mu.Unlock()
	if at >= 0 {
		p.end(w)
	}
}

// A worker is a process that hashes one password at a time.
type worker struct {
	process *exec.Cmd
	in      io.WriteCloser
	to      *json.Encoder
	from    *json.Decoder
	late    *time.Timer // since it is idle
}

func (p *Pool) start() (*worker, error) {
	p.mu.Lock()
	resting := p.resting
	p.mu.Unlock()
	if resting != nil {
		return nil, errResting
	}
	w := &worker{process: p.options.Command()}
	err := w.start()
	if err != nil {
		p.rest()
		return nil, fmt.Errorf("a process that hashes passwords can't be started: %w", err)
	}
	p.processes.Add(1)
	return w, nil
}

// rest starts no workers for a while from now on, if it is not said already:
// those that fail together are one failure.
func (p *Pool) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resting != nil {
		return
	}
	p.resting = time.AfterFunc(p.options.Again<<p.failures, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.resting = nil
	})
	p.failures = min(p.failures+1, 6)
}

// patience is how long a worker may take for work of such costs.
func (p *Pool) patience(costs issuer.PasswordParams) time.Duration {
	const usual = 2 * 19 * 1024
	passes := uint64(costs.MemoryKiB) * uint64(costs.Passes)
	return max(p.options.Patience, time.Duration(float64(p.options.Patience)*float64(passes)/usual))
}

func (w *worker) start() error {
	in, err := w.process.StdinPipe()
	if err != nil {
		return err
	}
	out, err := w.process.StdoutPipe()
	if err != nil {
		return err
	}
	w.in, w.to, w.from = in, json.NewEncoder(in), json.NewDecoder(out)
	return w.process.Start()
}

func (w *worker) do(work issuer.HashWork, patience time.Duration) (a answer, err error) {
	// Without an end, one that neither answers nor ends would hold a place for ever.
	late := time.AfterFunc(patience, func() { w.process.Process.Kill() })
	defer late.Stop()
	if err := w.to.Encode(work); err != nil {
		return a, err
	}
	err = w.from.Decode(&a)
	return a, err
}

// end ends a worker that nobody uses: it has no more work.
func (p *Pool) end(w *worker) {
	w.in.Close()
	go func() {
		defer p.processes.Done()
		w.process.Wait()
	}()
}
