package revocation_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/sqlite"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

// rounds is how often the issuer is killed, cut off or restarted; JETON_FEED_ROUNDS
// asks for more.
const rounds = 20

// childEnv makes this test program an issuer, which is there to be killed. Its
// value is the data directory and the issuer's URL.
const childEnv = "JETON_TEST_FEED_ISSUER"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		if err := serveChild(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveChild serves an issuer and does what the lines on stdin say, each
// answered with "ok" once it is durable.
func serveChild(spec string) error {
	dir, url, _ := strings.Cut(spec, " ")
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "jeton.db"), sqlite.Options{Now: time.Now})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "master.key"))
	if err != nil {
		return err
	}
	master, err := issuer.ParseMasterKey(string(text))
	if err != nil {
		return err
	}
	iss, err := issuer.New(ctx, issuer.Config{
		Store: store, Issuer: url, Audiences: []string{"orders"}, Algorithm: jeton.ES256, MasterKey: master,
		AccessTTL: time.Hour, // nothing leaves a set while the test runs
		Password:  issuer.PasswordParams{MemoryKiB: 8192, Passes: 1}, Now: time.Now,
	})
	if err != nil {
		return err
	}
	handler, err := issuerhttp.Public(iss, issuerhttp.Options{})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(listener, handler)
	fmt.Println(listener.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		what, value, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "session":
			id := issuer.NewSessionID()
			if _, err := store.CreateSession(ctx, issuer.NewSession{ID: id, Subject: value, ClientID: "web", Seed: issuer.NewSeed(), Lifetime: time.Hour}); err != nil {
				return err
			}
			err = iss.RevokeSession(ctx, id, issuer.ReasonLogout)
		case "subject":
			_, err = iss.RevokeSubject(ctx, value, issuer.ReasonRevoked)
		default:
			_, err = iss.RevokeIssued(ctx, issuer.EntryKind(what), value)
		}
		if err != nil {
			return err
		}
		fmt.Println("ok")
	}
	return nil
}

// child is an issuer in a process of its own.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	addr string
}

func startChild(t testing.TB, dir, url string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+dir+" "+url)
	c.cmd.Stderr = os.Stderr
	var err error
	c.in, err = c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	c.out = bufio.NewScanner(out)
	must(t, c.cmd.Start())
	if !c.out.Scan() {
		t.Fatal("the issuer did not start")
	}
	c.addr = c.out.Text()
	return c
}

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// say has the issuer do something, and waits for its answer.
func (c *child) say(t testing.TB, line string) {
	t.Helper()
	fmt.Fprintln(c.in, line)
	if !c.out.Scan() || c.out.Text() != "ok" {
		t.Fatalf("%s: %q", line, c.out.Text())
	}
}

// wire is a proxy before an issuer that can stall and break.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	resume   *sync.Cond
	target   string // "": refuse
	stalled  bool
	conns    map[net.Conn]bool
}

func newWire(t testing.TB) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{listener: l, conns: map[net.Conn]bool{}}
	w.resume = sync.NewCond(&w.mu)
	t.Cleanup(func() { l.Close(); w.set("", false); w.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(in)
		}
	}()
	return w
}

func (w *wire) set(target string, stalled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.target, w.stalled = target, stalled
	w.resume.Broadcast()
}

// cut breaks every connection.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

func (w *wire) carry(in net.Conn) {
	defer in.Close()
	w.mu.Lock()
	target := w.target
	w.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if target == "" || err != nil {
		return
	}
	defer out.Close()
	w.mu.Lock()
	w.conns[in], w.conns[out] = true, true
	w.mu.Unlock()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			w.copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

func (w *wire) copy(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		w.mu.Lock()
		for w.stalled {
			w.resume.Wait()
		}
		w.mu.Unlock()
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// failures are what followers told of.
type failures struct {
	mu  sync.Mutex
	all []error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, err)
}

func (f *failures) last(n int) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all[max(0, len(f.all)-n):])
}

// said is what a log says, without what a follower adds to it.
func said(kind revocation.Kind, value string, before time.Time) string {
	if kind == revocation.Session {
		return fmt.Sprint(kind, " ", value)
	}
	return fmt.Sprint(kind, " ", value, " ", before.Unix())
}

// logged reads the whole log.
func logged(t testing.TB, log issuer.RevocationLog) []string {
	t.Helper()
	latest := map[string]issuer.Entry{}
	for after := uint64(0); ; {
		entries, _, _, err := log.Revocations(t.Context(), after, 1000)
		must(t, err)
		for _, e := range entries {
			latest[string(e.Kind)+" "+e.Value] = e
			after = e.Seq
		}
		if len(entries) == 0 {
			break
		}
	}
	var out []string
	for _, e := range latest {
		out = append(out, said(revocation.Kind(e.Kind), e.Value, e.Before))
	}
	slices.Sort(out)
	return out
}

func held(f *revocation.Follower) []string {
	var out []string
	for _, e := range f.Entries() {
		out = append(out, said(e.Kind, e.Value, e.Before))
	}
	slices.Sort(out)
	return out
}

// Whatever happens to the issuer and to the way there, in the end every follower
// has what the log has, no more and no less.
func TestFollowersConvergeWhateverHappens(t *testing.T) {
	n := rounds
	if more := os.Getenv("JETON_FEED_ROUNDS"); more != "" {
		var err error
		n, err = strconv.Atoi(more)
		must(t, err)
	} else if testing.Short() {
		n = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d rounds", seed, n)
	random := rand.New(rand.NewPCG(seed, 1))

	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "master.key"), []byte(issuer.GenerateMasterKey().Text()), 0o600))
	w := newWire(t)
	url := "http://" + w.listener.Addr().String()
	iss := startChild(t, dir, url)
	defer func() { iss.kill() }()
	w.set(iss.addr, false)
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "jeton.db"), sqlite.Options{Now: time.Now})
	must(t, err)
	defer store.Close()

	keys, err := jwks.NewRemote(url+"/.well-known/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true})
	must(t, err)
	must(t, keys.Refresh(t.Context()))
	var told failures
	start := func(options ...revocation.Option) *revocation.Follower {
		options = append(options, revocation.OnError(told.add))
		f, err := revocation.Follow(t.Context(), url+"/v1/revocations", keys, url, options...)
		must(t, err)
		return f
	}
	followers := []*revocation.Follower{start(), start(revocation.LongPoll())}
	file := revocation.SnapshotFile(filepath.Join(dir, "snapshot"))
	restarted := start(file)
	defer func() {
		for _, f := range append(followers, restarted) {
			f.Close()
		}
	}()
	followed := 0
	for round := range n {
		what := func() string {
			followed++
			switch random.IntN(10) {
			case 0:
				return fmt.Sprint("client c", random.IntN(5))
			case 1:
				return "all "
			case 2, 3:
				return fmt.Sprint("subject u", random.IntN(20))
			}
			return fmt.Sprint("session u", random.IntN(20))
		}
		some := func() {
			for range random.IntN(4) {
				iss.say(t, what())
			}
		}
		some()
		switch random.IntN(5) {
		case 0: // stalled, then closed
			w.set(iss.addr, true)
			some()
			w.cut()
			w.set(iss.addr, false)
		case 1: // broken
			w.set("", false)
			w.cut()
			some()
			w.set(iss.addr, false)
		case 2, 3: // killed, with a revocation under way
			fmt.Fprintln(iss.in, what())
			if random.IntN(2) == 0 {
				time.Sleep(time.Duration(random.IntN(4)) * time.Millisecond)
			}
			iss.kill()
			if random.IntN(2) == 0 {
				w.cut()
			}
			iss = startChild(t, dir, url)
			some()
			w.set(iss.addr, false)
		case 4: // the follower restarts
			restarted.Close()
			some()
			restarted = start(file)
		}
		some()
		want := logged(t, store)
		for i, f := range append(followers, restarted) {
			for deadline := time.Now().Add(time.Minute); !slices.Equal(held(f), want); time.Sleep(2 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("round %d: follower %d has %d entries, and the log has %d; %+v; it failed with %v",
						round, i, len(held(f)), len(want), f.Stats(), told.last(10))
				}
			}
		}
	}
	for _, f := range append(followers, restarted) {
		if s := f.Stats(); s.Refused != 0 {
			t.Errorf("batches of an honest issuer were refused: %+v", s)
		}
	}
	t.Logf("%d revocations", followed)
}
