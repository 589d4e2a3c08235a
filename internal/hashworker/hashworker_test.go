package hashworker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

// TestMain is also a worker, a good one and bad ones.
func TestMain(m *testing.M) {
	switch kind := os.Getenv("JETON_TEST_WORKER"); kind {
	case "":
		os.Exit(m.Run())
	case "good":
		if err := Work(os.Stdin, os.Stdout, func() {}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "works once": // and ends when it has work again
		Work(os.Stdin, os.Stdout, func() { os.Exit(0) })
	case "ends at its first work":
		io.ReadFull(os.Stdin, make([]byte, 1))
	case "says nothing and stays":
		time.Sleep(time.Hour)
	case "says nonsense and stays":
		fmt.Println("I am no worker")
		time.Sleep(time.Hour)
	}
}

// workers makes a pool of good workers, and tells which there were.
func workers(t *testing.T, o Options) (*Pool, func() []*exec.Cmd) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var started []*exec.Cmd
	o.Command = func() *exec.Cmd {
		cmd := &exec.Cmd{Path: program, Env: append(os.Environ(), "JETON_TEST_WORKER=good"), Stderr: os.Stderr}
		mu.Lock()
		defer mu.Unlock()
		started = append(started, cmd)
		return cmd
	}
	if o.Idle == 0 {
		o.Idle = time.Hour
	}
	o.Patience = time.Minute
	if o.OnError == nil {
		o.OnError = func(err error) { t.Errorf("not by a worker: %v", err) }
	}
	p := New(o)
	t.Cleanup(func() {
		p.Close()
		p.processes.Wait()
	})
	return p, func() []*exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(started)
	}
}

func work(password string) issuer.HashWork {
	return issuer.HashWork{
		Password: []byte(password),
		Salt:     []byte("0123456789abcdef"),
		Params:   issuer.PasswordParams{MemoryKiB: 8192, Passes: 1, Threads: 1},
		KeyBytes: 32,
	}
}

// check hashes a password in a pool, and it must be what it is without one.
func check(t *testing.T, p *Pool, password string) {
	t.Helper()
	got, err := p.Hash(work(password))
	if err != nil {
		t.Errorf("hash: %v", err)
		return
	}
	want, err := work(password).Run()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q: %x, not %x (%v)", password, got, want, err)
	}
}

func TestWorkersHashAsThisProcessDoes(t *testing.T) {
	p, started := workers(t, Options{})
	for _, password := range []string{"correct horse battery", "a\nline", "\x00\xff", strings.Repeat("é", 4000)} {
		check(t, p, password)
	}
	if n := len(started()); n != 1 {
		t.Errorf("one after the other, and %d workers", n)
	}
}

func TestThereAreAsManyWorkersAsWork(t *testing.T) {
	p, started := workers(t, Options{})
	const callers, each = 4, 6
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for n := range each {
				check(t, p, fmt.Sprintf("%d of %d", n, c))
			}
		})
	}
	all.Wait()
	if n := len(started()); n > callers {
		t.Errorf("%d workers for %d callers", n, callers)
	}
}

func TestAWorkerWithoutWorkEnds(t *testing.T) {
	p, started := workers(t, Options{Idle: 10 * time.Millisecond})
	for n := 1; n <= 3; n++ {
		p.processes.Wait() // none is left
		check(t, p, "correct horse battery")
		if got := len(started()); got != n {
			t.Errorf("%d workers were started, not %d", got, n)
		}
	}
}

func TestAWorkerThatWasKilledWhileIdleIsReplaced(t *testing.T) {
	p, started := workers(t, Options{})
	for range 3 {
		check(t, p, "correct horse battery")
		last := started()[len(started())-1]
		if err := last.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(started()); n != 3 {
		t.Errorf("%d workers were started for three, of which each was killed", n)
	}
}

// What no worker does is told, without the password, and workers that can't work
// are not started for each login.
func TestWorkersThatCanNotWork(t *testing.T) {
	for _, kind := range []string{"ends at its first work", "says nonsense and stays", "says nothing and stays", "missing"} {
		t.Run(kind, func(t *testing.T) {
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var told []error
			started, now := 0, kind
			p := New(Options{
				Command: func() *exec.Cmd {
					started++
					if now == "missing" {
						return &exec.Cmd{Path: filepath.Join(t.TempDir(), "none")}
					}
					return &exec.Cmd{Path: program, Env: append(os.Environ(), "JETON_TEST_WORKER="+now)}
				},
				Idle: time.Hour, Again: time.Hour, Patience: 5 * time.Second,
				OnError: func(err error) { told = append(told, err) },
			})
			defer p.Close()
			fails := func() {
				t.Helper()
				for range 3 {
					key, err := p.Hash(work("correct horse battery"))
					if err == nil || strings.Contains(err.Error(), "correct horse") {
						t.Errorf("%x, %v", key, err)
					}
				}
			}
			if fails(); started != 1 || len(told) != 1 {
				t.Errorf("%d were started and %v told, where the first one failed and the others need not be tried", started, told)
			}
			p.resting, now = nil, "works once"
			if check(t, p, "correct horse battery"); started != 2 || len(told) != 1 {
				t.Errorf("%d were started when they may be again, not 2; told %v", started, told)
			}
			now = kind // the one that worked has ended
			if fails(); started != 3 || len(told) != 2 {
				t.Errorf("%d were started and %v told, after one that worked", started, told)
			}
			if kind == "missing" && !errors.Is(told[0], os.ErrNotExist) {
				t.Errorf("told %v", told)
			}
		})
	}
}

func TestWorkOutOfBoundsIsRefused(t *testing.T) {
	var told int
	p, started := workers(t, Options{OnError: func(error) { told++ }})
	for n, change := range []func(*issuer.HashWork){
		func(w *issuer.HashWork) { w.Params.Passes = 0 },
		func(w *issuer.HashWork) { w.Params.Threads = 0 },
		func(w *issuer.HashWork) { w.Params.MemoryKiB = 4 << 20 },
		func(w *issuer.HashWork) { w.Salt = nil },
		func(w *issuer.HashWork) { w.KeyBytes = 0 },
		func(w *issuer.HashWork) { w.KeyBytes = -1 },
		func(w *issuer.HashWork) { w.KeyBytes = 1 << 30 },
	} {
		w := work("correct horse battery")
		change(&w)
		if key, err := p.Hash(w); err == nil || told != n+1 {
			t.Errorf("%v: %x, told %d times", w, key, told)
		}
	}
	check(t, p, "correct horse battery")
	if n := len(started()); n != 1 {
		t.Errorf("%d workers: one was ended for what it was given", n)
	}
}

// The rest after a failure has an end, and doubles until a worker worked.
func TestTheRestHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{options: Options{Idle: time.Hour, Again: time.Minute}}
		rests := func() bool {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.resting != nil
		}
		check := func(want time.Duration) {
			t.Helper()
			p.rest()
			time.Sleep(time.Second)
			p.rest() // another had no luck either
			if time.Sleep(want - time.Second - time.Nanosecond); !rests() {
				t.Errorf("over before %v", want)
			}
			if time.Sleep(time.Nanosecond); rests() {
				t.Errorf("no end after %v", want)
			}
		}
		for _, minutes := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 64} {
			check(minutes * time.Minute)
		}
		p.give(&worker{})
		check(time.Minute)
		p.take()
	})
}

func TestCostlierWorkMayTakeLonger(t *testing.T) {
	p := &Pool{options: Options{Patience: 10 * time.Second}}
	for _, c := range []struct {
		costs issuer.PasswordParams
		want  time.Duration
	}{
		{issuer.PasswordParams{MemoryKiB: 19 * 1024, Passes: 2}, 10 * time.Second},
		{issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, 10 * time.Second},
		{issuer.PasswordParams{MemoryKiB: 38 * 1024, Passes: 4}, 40 * time.Second},
		{issuer.PasswordParams{MemoryKiB: 1 << 20, Passes: 64}, 10 * (1 << 26) / (38 * 1024) * time.Second},
	} {
		if got := p.patience(c.costs).Truncate(10 * time.Second); got != c.want.Truncate(10*time.Second) {
			t.Errorf("%+v: %v, want %v", c.costs, got, c.want)
		}
	}
}

func TestCloseEndsAllWorkers(t *testing.T) {
	p, started := workers(t, Options{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { check(t, p, "correct horse battery") })
	}
	all.Wait()
	p.Close()
	p.processes.Wait()
	for _, cmd := range started() {
		if cmd.ProcessState == nil || !cmd.ProcessState.Success() {
			t.Errorf("a worker after Close: %v", cmd.ProcessState)
		}
	}
}

// A worker ends with whoever gave it work, even if that was killed.
func TestWorkEndsWithItsInput(t *testing.T) {
	var out bytes.Buffer
	if err := Work(strings.NewReader(""), &out, func() { t.Error("nothing to tidy") }); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
	if err := Work(strings.NewReader(`{"Password":"cGFzc`), &out, func() {}); err == nil || out.Len() > 0 {
		t.Errorf("half of a piece of work: %v, %q", err, &out)
	}
	read, write := io.Pipe()
	write.Close()
	if err := Work(read, &out, func() {}); err != nil {
		t.Error(err)
	}
}
