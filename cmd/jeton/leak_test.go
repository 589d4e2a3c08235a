package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

// secretBook are the secrets that a test used, and what the program wrote.
type secretBook struct {
	secrets map[string][]byte // by what they are
	written map[string]string // by where
}

// add notes a secret.
func (b *secretBook) add(what string, secret []byte) {
	if len(secret) < 8 {
		panic("too short to be found by accident only: " + what)
	}
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s %d", what, i)
		if known, ok := b.secrets[name]; !ok {
			b.secrets[name] = bytes.Clone(secret)
			return
		} else if bytes.Equal(known, secret) {
			return
		}
	}
}

// addToken notes a token, and the parts of it that are worth as much.
func (b *secretBook) addToken(token string) {
	b.add("token", []byte(token))
	if payload, ok := strings.CutPrefix(token, issuer.RefreshTokenPrefix); ok {
		raw, err := base64.RawURLEncoding.DecodeString(payload)
		if err == nil && len(raw) > 32 {
			b.add("MAC of a refresh token", raw[len(raw)-32:])
		}
		return
	}
	if i := strings.LastIndex(token, "."); i > 0 {
		b.add("signature", []byte(token[i+1:]))
	}
}

// write notes something that the program wrote.
func (b *secretBook) write(where, text string) { b.written[where] += text }

// check looks for each secret, in all spellings, in all that was written.
func (b *secretBook) check(t *testing.T) {
	t.Helper()
	searched, size := 0, 0
	for _, text := range b.written {
		size += len(text)
	}
	for _, what := range slices.Sorted(maps.Keys(b.secrets)) {
		for form, spelling := range spellings(b.secrets[what]) {
			searched++
			for where, text := range b.written {
				if i := strings.Index(text, spelling); i >= 0 {
					t.Errorf("rule: nothing that the program writes has a secret in it; %s has a %s (%s):\n%q",
						where, what, form, text[max(0, i-100):min(len(text), i+len(spelling)+100)])
				}
			}
		}
	}
	t.Logf("searched for %d secrets in %d spellings, in %d bytes of %d outputs", len(b.secrets), searched, size, len(b.written))
}

// spellings are the forms in which a secret may be written down.
func spellings(secret []byte) map[string]string {
	hexed := hex.EncodeToString(secret)
	percent := ""
	for _, c := range secret {
		percent += fmt.Sprintf("%%%02X", c)
	}
	quoted, _ := json.Marshal(string(secret))
	all := map[string]string{
		"as it is":            string(secret),
		"hexadecimal":         hexed,
		"HEXADECIMAL":         strings.ToUpper(hexed),
		"every byte escaped":  percent,
		"in a query":          url.QueryEscape(string(secret)),
		"in a path":           url.PathEscape(string(secret)),
		"as JSON":             strings.Trim(string(quoted), `"`),
		"as Go":               strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"as numbers":          strings.Trim(fmt.Sprint(secret), "[]"),
		"as Go's byte values": strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"),
	}
	// In base64, alone and inside of something longer: at each of three places,
	// without the characters that its neighbours have a part in.
	for name, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for shift := range 3 {
			text := e.EncodeToString(append(make([]byte, shift), secret...))
			from := []int{0, 2, 3}[shift]
			all[fmt.Sprintf("%s, at %d", name, shift)] = text[from : len(text)-1]
		}
	}
	return all
}

// planted is a secret that nothing but the test knows.
func (b *secretBook) planted(what string) string {
	secret := "Zq" + rand.Text() + "/+?&é"
	b.add(what, []byte(secret))
	return secret
}

// run runs a command that must fail, and notes what it writes.
func (b *secretBook) run(t *testing.T, env []string, stdin string, args ...string) {
	t.Helper()
	cmd := exec.Command("jeton", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("jeton %s did not fail: %s", args[0], out)
	}
	b.write("jeton "+strings.Join(args[:min(2, len(args))], " "), string(out))
}

// TestNothingThatTheProgramWritesHasASecret (C15): the service with all its
// routes and most of its failures, the guard and the commands. What they wrote,
// logs at their most talkative, metrics, profiles and answers to what failed, is
// searched for every secret that took part.
func TestNothingThatTheProgramWritesHasASecret(t *testing.T) {
	b := &secretBook{map[string][]byte{}, map[string]string{}}
	for _, alg := range []string{"RS256", "ES256", "Ed25519", "HS256"} {
		leakService(t, b, alg)
	}
	leakCommands(t, b)
	b.check(t)
	if len(b.secrets) < 60 || len(b.written) < 20 {
		t.Errorf("%d secrets and %d outputs: the test looks at less than it did", len(b.secrets), len(b.written))
	}
}

// A search that finds nothing must be able to find.
func TestASecretIsFoundInEverySpelling(t *testing.T) {
	secret := []byte("correct horse/+é")
	for form, text := range map[string]string{
		"plain": string(secret), "hexadecimal": hex.EncodeToString(secret), "query": url.QueryEscape(string(secret)),
		"Basic": base64.StdEncoding.EncodeToString([]byte("alice:" + string(secret) + ":x")),
		"slice": fmt.Sprint(secret), "struct": fmt.Sprintf("%#v", secret), "quoted": fmt.Sprintf("%q", secret),
	} {
		found := false
		for _, spelling := range spellings(secret) {
			found = found || strings.Contains("before "+text+" after", spelling)
		}
		if !found {
			t.Errorf("%s: not found in %s", form, text)
		}
	}
}

func leakService(t *testing.T, b *secretBook, alg string) {
	data := t.TempDir()
	receiver := receiveTraces(t)
	flags := []string{"--alg", alg, "--log-level", "debug", "--pprof", "--refresh-grace", "0", "--otlp-endpoint", receiver.url}
	s := serve(t, data, flags...)
	where := func(what string) string { return what + " of " + alg }
	password := b.planted("password")
	tool(t, password+"\n", "user", "add", testUser, "--password-stdin", "--data", data, "--scope", "orders:read")
	admin := s.secret(adminTokenFile)
	b.add("admin token", []byte(admin))
	b.addServiceKeys(t, data)

	ask := func(method, target, contentType, body string, header ...string) answer {
		t.Helper()
		r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		a := answer{Status: res.StatusCode, Header: res.Header, Body: string(text)}
		_ = json.Unmarshal(text, &a) // not every answer is JSON
		if a.Status >= 400 {
			b.write(where("answers"), fmt.Sprintln(res.Header, a.Body))
		} else {
			b.write(where("headers"), fmt.Sprintln(res.Header))
		}
		for _, token := range []string{a.Access, a.Refresh} {
			if token != "" {
				b.addToken(token)
			}
		}
		return a
	}
	const form, asJSON = "application/x-www-form-urlencoded", "application/json"
	login := func(password string) answer {
		body, _ := json.Marshal(map[string]string{"username": testUser, "password": password})
		return ask("POST", "/v1/login", asJSON, string(body))
	}
	refresh := func(token string) answer {
		return ask("POST", "/oauth/token", form, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode())
	}

	first := s.want(200, "login", login(password))
	second := s.want(200, "refresh", refresh(first.Refresh))
	s.want(400, "reuse", refresh(first.Refresh))
	third := s.want(200, "login", login(password))
	s.want(200, "verify", ask("GET", "/verify", "", "", "Authorization", "Bearer "+third.Access))
	s.want(200, "sessions", ask("GET", "/v1/sessions", "", "", "Authorization", "Bearer "+third.Access))
	s.want(200, "introspection", ask("POST", "/oauth/introspect", form, url.Values{"token": {third.Refresh}}.Encode(), "Authorization", "Bearer "+admin))
	s.want(200, "feed", ask("GET", "/v1/revocations", "", ""))
	for _, document := range []string{"jwks.json", "openid-configuration", "oauth-authorization-server"} {
		ask("GET", "/.well-known/"+document, "", "")
	}

	// What is refused, and secrets where they don't belong.
	login(b.planted("wrong password"))
	refresh(first.Refresh[:len(first.Refresh)-4] + "AAAA")
	for _, token := range []string{second.Access, third.Access, third.Refresh, admin, password} {
		escaped := url.QueryEscape(token)
		for _, target := range []string{
			"/verify?access_token=" + escaped, "/v1/login?password=" + escaped, "/v1/revocations?after=" + escaped, "/metrics?" + escaped,
		} {
			ask("GET", target, "", "")
			ask("POST", target, asJSON, "{}")
		}
		for _, value := range []string{"Bearer " + token + "x", "Basic " + base64.StdEncoding.EncodeToString([]byte(testUser+":"+token)), token} {
			if !strings.ContainsAny(value, "é") {
				ask("GET", "/verify", "", "", "Authorization", value)
				ask("POST", "/oauth/introspect", form, "token="+escaped, "Authorization", value)
			}
		}
		ask("POST", "/v1/login", asJSON, `{"username":"`+token+`","password":"`+token)
		ask("POST", "/v1/login", asJSON, `{"username":"`+token+`","password":["`+token+`"]}`)
		ask("POST", "/v1/login", asJSON, `{"username":"alice","password":"x","`+token+`":1,"`+token+`":2}`)
		ask("POST", "/oauth/token", form, "grant_type="+escaped)
		ask("POST", "/oauth/token", form, "grant_type=refresh_token&refresh_token="+escaped+"&refresh_token="+escaped)
		ask("POST", "/oauth/token", form, "grant_type=refresh_token&refresh_token="+escaped+"%zz")
		ask("POST", "/oauth/revoke", form, "token="+escaped+"&client_id=other")
	}
	// A path and these headers are for tokens alone: they are masked by their
	// length, and a password in a path can't be told from a name.
	for _, token := range []string{second.Access, third.Access, third.Refresh} {
		ask("GET", "/v1/sessions/"+token, "", "")
		ask("DELETE", "/v1/sessions/"+token, "", "", "Authorization", "Bearer "+third.Access)
		ask("GET", "/"+token+"/x", "", "")
		ask("GET", "/nothing", "", "", "X-Request-Id", token, "User-Agent", token, "Referer", "https://x/?"+token, "Cookie", "s="+token)
	}
	ask("GET", "/nothing", "", "", "X-Request-Id", admin)
	for _, garbage := range []string{password + "\r\n\r\n", "GET /" + third.Refresh + " HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n" + third.Refresh + "\r\n\r\n"} {
		b.write(where("answers"), rawHTTP(t, s.url, garbage))
	}
	for _, page := range []string{"/metrics", "/readyz", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/cmdline", "/debug/pprof/allocs"} {
		b.write(where("admin listener"), s.adminPage(page, admin))
	}
	b.write(where("commands beside the service"), tool(t, "", "keys", "list", "--data", data)+tool(t, "", "session", "list", "--data", data)+tool(t, "", "user", "list", "--data", data))

	s.want(204, "logout", ask("POST", "/v1/logout", "", "", "Authorization", "Bearer "+third.Access))
	next := b.planted("new password")
	tool(t, next+"\n", "user", "passwd", testUser, "--password-stdin", "--data", data)
	login(password)
	last := s.want(200, "login with the new password", login(next))
	tool(t, "", "keys", "rotate", "--now", "--data", data)
	b.addServiceKeys(t, data)

	// The store fails, and SIGTERM comes.
	breakStore(t, filepath.Join(data, databaseFile))
	s.eventually("the store fails", func() bool { return login(next).Status == 500 })
	refresh(last.Refresh)
	ask("GET", "/verify", "", "", "Authorization", "Bearer "+last.Access)
	b.write(where("admin listener"), s.adminPage("/metrics", admin)+s.adminPage("/readyz", admin))
	s.stop()
	b.write(where("log"), s.log())
	b.write(where("traces"), receiver.raw())
	if !strings.Contains(receiver.raw(), "/v1/login") {
		t.Error("no traces came")
	}
	b.run(t, nil, "", append([]string{"serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, flags...)...)
}

// addServiceKeys notes the master key and every key of a service.
func (b *secretBook) addServiceKeys(t *testing.T, data string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, masterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	b.add("master key", master)
	store, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile), sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keys, _, err := store.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(master)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		// Behind a mark and the master key's id, bound to the row.
		plain, err := aead.Open(nil, nil, k.Sealed[12:], fmt.Appendf(nil, "jeton key v2|%s|%s|%s", k.Use, k.Algorithm, k.ID))
		if err != nil {
			t.Fatal(err)
		}
		if k.Use == issuer.UseRefresh {
			b.add("refresh key", plain)
			continue
		}
		var members map[string]string
		if err := json.Unmarshal(plain, &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if half, err := base64.RawURLEncoding.DecodeString(members[name]); err == nil && len(half) > 0 {
				b.add("member "+name+" of a signing key", half)
			}
		}
	}
	sessions, _, err := store.Sessions(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		b.add("seed of a session", s.Seed[:])
	}
}

// breakStore writes over a database, but for its first page.
func breakStore(t *testing.T, name string) {
	t.Helper()
	for _, name := range []string{name, name + "-wal"} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(max(0, info.Size()-4096))), 4096)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// rawHTTP sends bytes that are no HTTP and returns the answer.
func rawHTTP(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn) // the server may just hang up
	return string(answer)
}

// adminPage is an answer of the admin listener, as the admin.
func (s *service) adminPage(path, token string) string {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.admin+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintln(res.Status, res.Header, string(text))
}

// leakCommands are commands that fail with secrets in their hands.
func leakCommands(t *testing.T, b *secretBook) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	// The database's password: in a flag, in the environment, where no argument
	// belongs, and in addresses that can't be read.
	password := "Zq" + rand.Text()
	b.add("password of a database", []byte(password))
	for _, db := range []string{
		"postgres://jeton:" + password + "@127.0.0.1:1/jeton?connect_timeout=1",
		"postgres://jeton:" + password + "@127.0.0.1:port/jeton",
		"postgres://jeton:" + password + "%zz@127.0.0.1/jeton",
		"postgres://jeton:" + password + "@/x@127.0.0.1:port/jeton",
		"postgres://127.0.0.1:1/jeton?user=jeton&password=" + password + "&sslmode=nonsense",
		"mysql://jeton:" + password + "@127.0.0.1/jeton",
		"host=127.0.0.1 port=1 user=jeton password=" + password,
	} {
		b.run(t, nil, "", "serve", "--db", db, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--data", dir)
		b.run(t, []string{"JETON_DB=" + db}, "", "user", "list")
		b.run(t, nil, "", "serve", db)
	}

	hmacFile := filepath.Join(dir, "hmac.json")
	tool(t, "", "keygen", "--alg", "HS256", "--out", hmacFile)
	text, err := os.ReadFile(hmacFile)
	if err != nil {
		t.Fatal(err)
	}
	var jwk struct{ K string }
	if err := json.Unmarshal(text, &jwk); err != nil {
		t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(jwk.K)
	if err != nil {
		t.Fatal(err)
	}
	b.add("HMAC key", secret)
	token := tool(t, "", "sign", "--key", hmacFile, "--ttl", "1m", `{"iss":"i","aud":"a","sub":"s"}`)
	b.addToken(token)
	other := b.planted("HMAC secret")
	short := "hunter22"
	b.add("short HMAC secret", []byte(short))
	otherFile, shortFile := file("other", other), file("short", short)
	b.run(t, nil, "", "verify", "--key", hmacFile, "--iss", "i", "--aud", "b", token)
	b.run(t, nil, "", "verify", "--secret-file", otherFile, "--any-iss", "--any-aud", token)
	b.run(t, nil, "", "verify", "--secret", other, "--any-iss", "--any-aud", token)
	b.run(t, nil, token, "verify", "--secret-file", shortFile, "--any-iss", "--any-aud", "-")
	b.run(t, nil, "", "verify", "--key", hmacFile, "--any-iss", "--any-aud", token+"x")
	b.run(t, nil, "", "verify", "--key", file("broken.json", string(text[:len(text)/2])), "--any-iss", "--any-aud", token)
	b.run(t, nil, "", "verify", "--key", file("pem", "-----BEGIN PRIVATE KEY-----\n"+other+"\n-----END PRIVATE KEY-----\n"), "--any-iss", "--any-aud", token)
	b.run(t, nil, "", "verify", "--secrt="+other, token)
	b.run(t, nil, "", "sign", "--secret-file", shortFile, `{"sub":"s"}`)
	b.run(t, nil, `{"sub":`, "sign", "--secret", other, "-")
	b.run(t, nil, "", "key", "public", hmacFile)
	b.run(t, nil, "", "keygen", "--alg", "HS256", "--out", hmacFile)
	b.run(t, nil, "", "decode", strings.ReplaceAll(token, ".", "!"))

	// Passwords that are no good, and a master key that is none.
	data := filepath.Join(dir, "data")
	serve(t, data).stop()
	b.addServiceKeys(t, data)
	long := strings.Repeat(b.planted("password"), 100)
	b.run(t, nil, long+"\n", "user", "add", "bob", "--password-stdin", "--data", data)
	b.run(t, nil, b.planted("password")+"\x01\n", "user", "add", "bob", "--password-stdin", "--data", data)
	b.run(t, nil, b.planted("password")+"\n", "user", "passwd", "nobody", "--password-stdin", "--data", data)
	otherMaster := make([]byte, 32)
	rand.Read(otherMaster)
	b.add("master key", otherMaster)
	listen := []string{"serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}
	b.run(t, []string{"JETON_MASTER_KEY=" + base64.StdEncoding.EncodeToString(otherMaster)}, "", listen...)
	b.run(t, []string{"JETON_MASTER_KEY=" + b.planted("text for a master key")}, "", listen...)
	b.run(t, nil, "", append(listen, "--master-key-file", file("master", hex.EncodeToString(otherMaster)))...)
	b.run(t, nil, "", append(listen, "--admin-token-file", file("admin", "two words "+other))...)
	certificate := file("cert.pem", "none")
	b.run(t, nil, "", append(listen, "--tls-cert", certificate, "--tls-key", file("key.pem", other))...)
	b.run(t, nil, "", append(listen, "--config", file("jeton.yaml", "db: postgres://jeton:"+password+"@127.0.0.1:1/x\nnonsense: "+other+"\n"))...)
}
