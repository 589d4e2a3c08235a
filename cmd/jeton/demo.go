package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/examples/orders/ordersapi"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
	"github.com/jeton-go/jeton/issuer/sqlite"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

type demoCmd struct {
	NoWait bool `help:"Don't pause between the steps."`
}

func (c *demoCmd) Help() string {
	return `Everything happens in this process, over real HTTP on loopback, with a store in a temporary directory that is removed at the end. Exit status 0 only if every step did what it says.`
}

const (
	demoUser     = "alice"
	demoPassword = "correct horse battery staple"
	demoAudience = "orders"
	demoScope    = "orders:read"
	demoGrace    = time.Second // so that nobody waits for the usual 10 s
	demoTTL      = 5 * time.Minute
)

func (c *demoCmd) Run(ctx context.Context, s *streams) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	world, err := newDemoWorld(ctx)
	if err != nil {
		return err
	}
	defer world.close()
	pause := 250 * time.Millisecond
	if c.NoWait {
		pause = 0
	}
	story := &demoStory{demoWorld: world, out: s.out, paint: painter(s.out), pause: pause}
	return story.tell(ctx)
}

// demoWorld is an issuer and an API that trusts it, each behind a listener.
type demoWorld struct {
	dir     string
	store   *sqlite.Store
	auth    string // URL of the issuer
	api     string // URL of the API
	servers []*http.Server
	revoked *revocation.Follower // the API's
}

func newDemoWorld(ctx context.Context) (w *demoWorld, err error) {
	w = &demoWorld{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "jeton-demo-"); err != nil {
		return w, err
	}
	if w.store, err = sqlite.Open(ctx, filepath.Join(w.dir, databaseFile), sqlite.Options{Now: time.Now}); err != nil {
		return w, err
	}
	authListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return w, err
	}
	apiListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return w, errors.Join(err, authListener.Close())
	}
	w.auth = "http://" + authListener.Addr().String()
	w.api = "http://" + apiListener.Addr().String()

	iss, err := issuer.New(ctx, issuer.Config{
		Store:        w.store,
		Issuer:       w.auth,
		Audiences:    []string{demoAudience},
		MasterKey:    issuer.GenerateMasterKey(),
		AccessTTL:    demoTTL,
		RefreshGrace: demoGrace,
		Now:          time.Now,
	})
	if err != nil {
		return w, errors.Join(err, authListener.Close(), apiListener.Close())
	}
	_, err = iss.AddUser(ctx, issuer.NewUser{Name: demoUser, Password: demoPassword, Scopes: []string{demoScope}})
	if err != nil {
		return w, errors.Join(err, authListener.Close(), apiListener.Close())
	}
	authHandler, err := issuerhttp.Public(iss, issuerhttp.Options{})
	if err != nil {
		return w, errors.Join(err, authListener.Close(), apiListener.Close())
	}
	w.serve(authListener, authHandler)
	apiHandler, err := w.newAPI(ctx)
	if err != nil {
		return w, errors.Join(err, apiListener.Close())
	}
	w.serve(apiListener, apiHandler)
	return w, w.revoked.Wait(ctx)
}

func (w *demoWorld) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	w.servers = append(w.servers, server)
	go server.Serve(l)
}

// newAPI makes the example API, which knows nothing of the issuer but its URL: it
// fetches the keys, and follows the feed of revocations.
func (w *demoWorld) newAPI(ctx context.Context) (http.Handler, error) {
	keys, err := jwks.NewRemote(w.auth+"/.well-known/jwks.json", jwks.RemoteOptions{InsecureLoopbackHTTP: true})
	if err != nil {
		return nil, err
	}
	if w.revoked, err = revocation.Follow(ctx, w.auth+"/v1/revocations", keys, w.auth, revocation.FailClosed(time.Minute)); err != nil {
		return nil, err
	}
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{
		Issuer:      w.auth,
		Audience:    demoAudience,
		Type:        issuer.AccessTokenType,
		Revocations: w.revoked,
	})
	if err != nil {
		return nil, err
	}
	return ordersapi.New(verifier)
}

func (w *demoWorld) close() {
	if w.revoked != nil {
		w.revoked.Close()
	}
	for _, server := range w.servers {
		server.Close()
	}
	if w.store != nil {
		w.store.Close()
	}
	if w.dir != "" {
		os.RemoveAll(w.dir)
	}
}

// selfCommand is how the reader runs this program.
func selfCommand() string {
	if exe, err := os.Executable(); err == nil && filepath.Base(filepath.Dir(exe)) == "exe" {
		return "go run ./cmd/jeton" // go run builds into a folder of that name
	}
	return "jeton"
}

func (s *demoStory) byHand() {
	self := selfCommand()
	fmt.Fprintf(s.out, `
%s

  %[2]s user add alice --scope orders:read
  %[2]s serve --audience orders                                   # another terminal
  go run ./examples/orders --issuer http://127.0.0.1:8080 --audience orders  # a third one

  curl -s http://127.0.0.1:8080/v1/login -H 'Content-Type: application/json' \
    -d '{"username":"alice","password":"..."}'
  curl -si http://127.0.0.1:9090/orders -H 'Authorization: Bearer ACCESS_TOKEN'
  curl -s http://127.0.0.1:8080/oauth/token -d grant_type=refresh_token -d refresh_token=REFRESH_TOKEN
  curl -si -X POST http://127.0.0.1:8080/v1/logout -H 'Authorization: Bearer ACCESS_TOKEN'
`, s.paint.bold("By hand:"), self)
}
