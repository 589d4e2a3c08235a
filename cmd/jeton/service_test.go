package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// service is a running "jeton serve".
type service struct {
	t     *testing.T
	data  string
	url   string // of the public listener, and the issuer
	admin string
	cmd   *exec.Cmd

	mu   sync.Mutex
	logs bytes.Buffer
	done chan struct{} // closed when stderr ends
}

const (
	testUser     = "alice"
	testPassword = "correct horse battery staple"
)

// serve starts the program on free ports and waits until it serves.
func serve(t *testing.T, data string, args ...string) *service {
	t.Helper()
	args = append([]string{"serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json"}, args...)
	return start(t, data, exec.Command("jeton", args...), slices.Contains(args, "--tls-cert"))
}

// start starts a "jeton serve" and waits until it serves.
func start(t *testing.T, data string, cmd *exec.Cmd, encrypted bool) *service {
	t.Helper()
	s := &service{t: t, data: data, cmd: cmd, done: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.done
		s.cmd.Wait()
	})
	serving := make(chan [2]string, 1)
	go func() {
		defer close(s.done)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.logs.Write(append(lines.Bytes(), '\n'))
			s.mu.Unlock()
			var entry struct{ Msg, Address, Admin string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "serving" {
				serving <- [2]string{entry.Address, entry.Admin}
			}
		}
	}()
	select {
	case addresses := <-serving:
		s.url, s.admin = "http://"+addresses[0], "http://"+addresses[1]
		if encrypted {
			s.url = "https://" + addresses[0]
		}
	case <-s.done:
		t.Fatalf("the service ended: %s", s.log())
	case <-time.After(time.Minute):
		t.Fatalf("the service does not start: %s", s.log())
	}
	return s
}

func (s *service) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.String()
}

// stop sends SIGTERM and returns the exit status.
func (s *service) stop() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// kill ends the service as a power cut would.
func (s *service) kill() {
	s.cmd.Process.Kill()
	<-s.done
	s.cmd.Wait()
}

// tool runs the program and returns its output; it must succeed.
func tool(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("jeton", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("jeton %s: %v\n%s", strings.Join(args, " "), err, errOut.String())
	}
	return strings.TrimSpace(out.String())
}

func addUser(t *testing.T, data string, flags ...string) {
	t.Helper()
	tool(t, testPassword+"\n", append([]string{"user", "add", testUser, "--password-stdin", "--data", data}, flags...)...)
}

type answer struct {
	Status  int
	Header  http.Header
	Body    string
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

func (s *service) do(method, path, contentType, body, bearer string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.log())
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Body: string(b)}
	json.Unmarshal(b, &a) // not every answer is JSON
	return a
}

func (s *service) login() answer {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"username": testUser, "password": testPassword, "device": "test"})
	a := s.do("POST", "/v1/login", "application/json", string(body), "")
	if a.Status != http.StatusOK || a.Access == "" || a.Refresh == "" {
		s.t.Fatalf("login: %d %s\n%s", a.Status, a.Body, s.log())
	}
	return a
}

func (s *service) refresh(token string) answer {
	s.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	return s.do("POST", "/oauth/token", "application/x-www-form-urlencoded", form.Encode(), "")
}

// want fails the test if an answer has another status.
func (s *service) want(status int, what string, a answer) answer {
	s.t.Helper()
	if a.Status != status {
		s.t.Errorf("%s: status %d, want %d: %s", what, a.Status, status, a.Body)
	}
	return a
}

// eventually waits until what a running service does by itself is done.
func (s *service) eventually(what string, holds func() bool) {
	s.t.Helper()
	for range 600 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("%s: not in 30 s\n%s", what, s.log())
}

// refused runs the program, which must exit with a status and say why.
func refused(t *testing.T, status int, why string, args ...string) {
	t.Helper()
	cmd := exec.Command("jeton", args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != status || !strings.Contains(errOut.String(), why) {
		t.Errorf("jeton %s: %v, want status %d and %q\n%s", strings.Join(args, " "), err, status, why, errOut.String())
	}
}
