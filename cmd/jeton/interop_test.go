package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/testenv"
)

// python runs a script of testdata/python.
func python(interpreter, stdin, script string, args ...string) (string, error) {
	cmd := exec.Command(interpreter, append([]string{filepath.Join("testdata", "python", script)}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil {
		return errOut.String(), err
	}
	return strings.TrimSpace(out.String()), nil
}

const interopSecret = "a-secret-of-at-least-thirty-two-bytes"

func interopClaims() string {
	now := time.Now()
	return fmt.Sprintf(`{"iss":"me","aud":"you","sub":"élan","iat":%d,"exp":%d}`, now.Unix(), now.Add(time.Hour).Unix())
}

func TestHS256WithPythonAlone(t *testing.T) {
	py := testenv.PlainPython(t)
	flags := []string{"verify", "--secret", interopSecret, "--iss", "me", "--aud", "you", "-"}

	theirs, err := python(py, interopClaims(), "hs256.py", "sign", interopSecret)
	if err != nil {
		t.Fatalf("%v: %s", err, theirs)
	}
	if claims := tool(t, theirs, flags...); !strings.Contains(claims, `\u00e9lan`) && !strings.Contains(claims, "élan") {
		t.Errorf("jeton reads Python's token as %s", claims)
	}
	ours := tool(t, interopClaims(), "sign", "--secret", interopSecret, "-")
	if claims, err := python(py, "", "hs256.py", "verify", interopSecret, ours); err != nil || !strings.Contains(claims, `"iss": "me"`) {
		t.Errorf("Python on jeton's token: %v, %s", err, claims)
	}
	if out, err := python(py, "", "hs256.py", "verify", "another"+interopSecret, ours); err == nil {
		t.Errorf("Python accepts jeton's token with another secret: %s", out)
	}
}

func TestRS256WithPyJWT(t *testing.T) {
	py := testenv.Python(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	private := file("key.pem", tool(t, "", "keygen", "--alg", "RS256", "--format", "pem"))
	public := file("public.pem", tool(t, "", "key", "public", private))

	theirs, err := python(py, interopClaims(), "rs256.py", "sign", private)
	if err != nil {
		t.Fatalf("%v: %s", err, theirs)
	}
	tool(t, theirs, "verify", "--key", public, "--iss", "me", "--aud", "you", "-")

	ours := tool(t, interopClaims(), "sign", "--key", private, "-")
	if out, err := python(py, "", "rs256.py", "verify", public, "me", "you", ours); err != nil {
		t.Errorf("PyJWT on jeton's token: %v, %s", err, out)
	}
	if out, err := python(py, "", "rs256.py", "verify", public, "me", "others", ours); err == nil {
		t.Errorf("PyJWT accepts another audience: %s", out)
	}
}

func TestAFreshTokenThroughTheKeySetWithPyJWT(t *testing.T) {
	py := testenv.Python(t)
	data := t.TempDir()
	s := serve(t, data, "--audience", "orders")
	addUser(t, data)
	a := s.login()
	keys := s.url + "/.well-known/jwks.json"
	claims, err := python(py, "", "rs256.py", "verify-jwks", keys, s.url, "orders", a.Access)
	if err != nil || !strings.Contains(claims, `"client_id"`) {
		t.Errorf("PyJWT on a token of /v1/login: %v, %s", err, claims)
	}
	if out, err := python(py, "", "rs256.py", "verify-jwks", keys, s.url, "others", a.Access); err == nil {
		t.Errorf("PyJWT accepts it for another audience: %s", out)
	}
	tool(t, a.Access, "verify", "--jwks", keys, "--iss", s.url, "--aud", "orders", "--typ", "at+jwt", "-")
}
