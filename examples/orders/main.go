// Command orders is an API in a process of its own. All it knows of the issuer
// is a URL: it fetches the public keys from there, follows the feed of what was
// revoked, and verifies every token by itself.
//
//	go run ./examples/orders --issuer http://127.0.0.1:8080 --audience orders
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/examples/orders/ordersapi"
	"github.com/jeton-go/jeton/httpauth"
	"github.com/jeton-go/jeton/jwks"
	"github.com/jeton-go/jeton/revocation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stderr); {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// errUsage says that the flags are wrong, and that the user was told how.
var errUsage = errors.New("wrong usage")

// run serves until ctx ends, and lets the requests under way finish.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	flags.SetOutput(stderr)
	issuer := flags.String("issuer", "", "`URL` of the issuer, exactly as in the tokens' \"iss\" (needed)")
	audience := flags.String("audience", "", "`name` of this API in the tokens' \"aud\" (needed)")
	addr := flags.String("addr", "127.0.0.1:9090", "`address` to listen on")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return errUsage
	}
	if *issuer == "" || *audience == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "--issuer and --audience are needed, and nothing but flags")
		flags.Usage()
		return errUsage
	}

	log := slog.New(slog.NewTextHandler(stderr, nil))
	keys, err := jwks.NewRemote(strings.TrimSuffix(*issuer, "/")+"/.well-known/jwks.json", jwks.RemoteOptions{
		InsecureLoopbackHTTP: true,            // an issuer on this machine
		Cooldown:             5 * time.Second, // one that may start after this program
		OnRefresh: func(err error) {
			if err != nil {
				log.Warn("can't fetch the issuer's keys; without any, the answer is 503", "err", err)
			}
		},
	})
	if err != nil {
		return err
	}
	revoked, err := revocation.Follow(ctx, strings.TrimSuffix(*issuer, "/")+"/v1/revocations", keys, *issuer,
		revocation.FailOpen(time.Minute), // without the issuer, tokens are good until they expire
		revocation.OnError(func(err error) { log.Warn("can't follow the issuer's revocations", "err", err) }))
	if err != nil {
		return err
	}
	defer revoked.Close()
	verifier, err := jeton.NewVerifier(keys, jeton.Policy{
		Issuer: *issuer, Audience: *audience, Type: "at+jwt",
		Revocations: revoked,
	})
	if err != nil {
		return err
	}
	handler, err := ordersapi.NewWithOptions(verifier, httpauth.Options{
		OnRefuse: func(r *http.Request, err error) {
			log.Info("refused", "method", r.Method, "path", r.URL.Path, "status", httpauth.Status(err), "err", err)
		},
	})
	if err != nil {
		return err
	}
	return serve(ctx, *addr, handler, log, keys)
}

func serve(ctx context.Context, addr string, handler http.Handler, log *slog.Logger, keys *jwks.Remote) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	log.Info("listening", "url", "http://"+listener.Addr().String())
	// The first token needn't wait for the keys then. OnRefresh has the error.
	_ = keys.Refresh(ctx)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}
