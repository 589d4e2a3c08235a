package issuerhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/memory"
)

// A program with its own routes that serves an issuer beside them.
func Example() {
	ctx := context.Background()
	iss, err := issuer.New(ctx, issuer.Config{
		Store:     memory.New(time.Now),
		Issuer:    "https://shop.example",
		Audiences: []string{"orders"},
		Algorithm: jeton.HS256, // one program signs and verifies
		MasterKey: issuer.GenerateMasterKey(),
		Now:       time.Now,
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := iss.AddUser(ctx, issuer.NewUser{Name: "alice", Password: "correct horse battery staple"}); err != nil {
		log.Fatal(err)
	}
	tokens, err := issuerhttp.Public(iss, issuerhttp.Options{
		OnError: func(r *http.Request, status int, err error) { fmt.Println(r.Method, r.URL.Path, status, err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", tokens)
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, body := range []string{
		`{"username":"alice","password":"correct horse battery staple"}`,
		`{"username":"alice"}`,
	} {
		resp, err := http.Post(server.URL+"/v1/login", "application/json", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 200 OK
	// POST /v1/login 400 password is missing
	// 400 Bad Request
}

func TestAdminIsForAnotherListener(t *testing.T) {
	iss, err := issuer.New(t.Context(), issuer.Config{
		Store: memory.New(time.Now), Issuer: "https://auth.example", Audiences: []string{"orders"}, Algorithm: jeton.HS256,
		MasterKey: issuer.GenerateMasterKey(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	public, err := issuerhttp.Public(iss, issuerhttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		path    string
		status  int
	}{
		{"public", public, "/.well-known/jwks.json", 200},
		{"public", public, "/healthz", 404},
		{"admin", issuerhttp.Admin(iss, nil, issuerhttp.Options{}), "/readyz", 200},
		{"admin", issuerhttp.Admin(iss, nil, issuerhttp.Options{}), "/.well-known/jwks.json", 404},
		{"draining", issuerhttp.Admin(iss, func(context.Context) error { return errors.New("draining") }, issuerhttp.Options{}), "/readyz", 503},
		{"draining", issuerhttp.Admin(iss, func(context.Context) error { return errors.New("draining") }, issuerhttp.Options{}), "/healthz", 200},
	} {
		server := httptest.NewServer(c.handler)
		resp, err := http.Get(server.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		server.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.name, c.path, resp.StatusCode, body, c.status)
		}
	}
}
