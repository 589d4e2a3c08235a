package acmetest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const domain = "auth.example.com"

// TestCertificateFromAnAuthority: the service gets a certificate before a client
// comes, keeps it over a restart, and asks for none in anybody else's name.
func TestCertificateFromAnAuthority(t *testing.T) {
	if _, err := os.Stat("/etc/ssl/certs"); err != nil {
		t.Skip("the authority's own certificate is made known by SSL_CERT_FILE, which this system does not read")
	}
	dir := t.TempDir()
	build(t, "../..", filepath.Join(dir, "jeton"), "./cmd/jeton")
	a := startAuthority(t, dir)

	s := a.serve(t, "--acme-domain", domain)
	s.await(t, "the certificate is there")
	roots := a.roots(t)
	first, err := s.handshake(roots, domain)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, s.output(), a.output())
	}
	if _, err := s.handshake(roots, "other.example.com"); err == nil {
		t.Error("it has a certificate for a name that it was not told of")
	}
	res, err := s.get(roots)
	if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("the published keys: %v, %v", res, err)
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit status %d\n%s", code, s.output())
	}
	for _, name := range []string{domain, "acme_account+key"} {
		info, err := os.Stat(filepath.Join(dir, "data", "acme", name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v; want a file for its owner alone", name, info, err)
		}
	}

	// Nobody needs the authority for it: it is in the directory.
	a.cmd.Process.Kill()
	<-a.ended
	s = a.serve(t, "--acme-domain", domain)
	again, err := s.handshake(roots, domain)
	if err != nil {
		t.Fatalf("after a restart: %v\n%s", err, s.output())
	}
	if first.SerialNumber.Cmp(again.SerialNumber) != 0 {
		t.Error("after a restart it has another certificate")
	}
	s.stop(t)
}

// TestAuthorityThatIsNotKnown: the log says what is wrong at the start.
func TestAuthorityThatIsNotKnown(t *testing.T) {
	dir := t.TempDir()
	build(t, "../..", filepath.Join(dir, "jeton"), "./cmd/jeton")
	a := startAuthority(t, dir)
	a.trust = "" // the authority's own certificate
	s := a.serve(t, "--acme-domain", domain)
	s.await(t, "there is no certificate yet")
	if !strings.Contains(s.output(), "certificate signed by unknown authority") {
		t.Errorf("the log does not say why:\n%s", s.output())
	}
	s.stop(t)
}

// authority is pebble, and a name server for which every name is this machine.
type authority struct {
	*process
	dir, directory, management string
	trust                      string // file with the certificate of its listener
	port                       int    // on which it looks for challenges
}

func startAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	build(t, ".", filepath.Join(dir, "pebble"), "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build(t, ".", filepath.Join(dir, "names"), "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	ports := freePorts(t, 5)
	a := &authority{dir: dir, port: ports[0],
		directory:  fmt.Sprintf("https://localhost:%d/dir", ports[1]),
		management: fmt.Sprintf("https://localhost:%d", ports[2]),
	}
	var key string
	a.trust, key = certificate(t, dir)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":           fmt.Sprintf("127.0.0.1:%d", ports[1]),
		"managementListenAddress": fmt.Sprintf("127.0.0.1:%d", ports[2]),
		"certificate":             a.trust, "privateKey": key,
		"httpPort": 1, "tlsPort": a.port, "keyAlgorithm": "ecdsa",
	}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(name, config, 0o600); err != nil {
		t.Fatal(err)
	}
	names := fmt.Sprintf("127.0.0.1:%d", ports[3])
	run(t, nil, filepath.Join(dir, "names"), "-dnsserver", names, "-management", fmt.Sprintf("127.0.0.1:%d", ports[4]),
		"-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "").await(t, "Starting management server")
	a.process = run(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20"},
		filepath.Join(dir, "pebble"), "-strict", "-config", name, "-dnsserver", names)
	a.await(t, "ACME directory available at")
	return a
}

// roots are what clients of the service trust: pebble makes a root each time.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	listener := x509.NewCertPool()
	listener.AppendCertsFromPEM(read(t, a.dir, "authority.pem"))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: listener}}}
	defer client.CloseIdleConnections()
	res, err := client.Get(a.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no root: %s", text)
	}
	return roots
}

type service struct {
	*process
	address string
}

// serve runs the program where the authority looks for challenges.
func (a *authority) serve(t *testing.T, more ...string) *service {
	t.Helper()
	s := &service{address: "127.0.0.1:" + strconv.Itoa(a.port)}
	var env []string
	if a.trust != "" {
		env = []string{"SSL_CERT_FILE=" + a.trust, "SSL_CERT_DIR=" + a.dir}
	}
	s.process = run(t, env, filepath.Join(a.dir, "jeton"), append([]string{"serve", "--data", filepath.Join(a.dir, "data"), "--addr", s.address,
		"--admin-addr", "127.0.0.1:0", "--issuer", "https://" + domain, "--alg", "Ed25519", "--log-format", "json", "--acme-directory", a.directory}, more...)...)
	s.await(t, `"msg":"serving"`)
	return s
}

func (s *service) handshake(roots *x509.CertPool, name string) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: time.Minute}
	c, err := tls.DialWithDialer(dialer, "tcp", s.address, &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

func (s *service) get(roots *x509.CertPool) (*http.Response, error) {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: domain}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + s.address + "/.well-known/jwks.json")
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

// process is a running program.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	lines bytes.Buffer
}

func run(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.mu.Lock()
			p.lines.Write(append(lines.Bytes(), '\n'))
			p.mu.Unlock()
		}
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines.String()
}

// await waits until the program has said something.
func (p *process) await(t *testing.T, what string) {
	t.Helper()
	for range 6000 {
		if strings.Contains(p.output(), what) {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("it ended: %s", p.output())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("it did not say %q in a minute: %s", what, p.output())
}

func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// build builds a program; a machine that can't fetch its source skips, unless it
// is the gate.
func build(t *testing.T, dir, out, what string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", out, what)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("JETON_CI") == "1" || dir != "." {
		t.Fatalf("build %s: %v\n%s", what, err, text)
	}
	t.Skipf("needs %s, which can't be had from here: %v\n%s", what, err, text)
}

// freePorts are ports that nobody listens on right now.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// certificate is that of the authority's listener, signed by itself.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "authority.pem"), filepath.Join(dir, "authority-key.pem")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der},
		keyFile:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
