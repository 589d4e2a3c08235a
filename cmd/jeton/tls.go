package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// tlsFlags say how the public listener gets its certificate.
type tlsFlags struct {
	TLSCert        string   `name:"tls-cert" help:"Certificate chain of the public listener, in PEM. It is read again when it changes." placeholder:"FILE" predictor:"file"`
	TLSKey         string   `name:"tls-key" help:"Its private key, in PEM." placeholder:"FILE" predictor:"file"`
	ACMEDomain     []string `name:"acme-domain" help:"Get certificates for this name from an ACME authority, repeatable. The public listener must be reachable as port 443 of the name. By this you agree to the authority's terms." placeholder:"NAME"`
	ACMEDirectory  string   `name:"acme-directory" help:"The authority. Default: Let's Encrypt." placeholder:"URL"`
	ACMEEmail      string   `name:"acme-email" help:"Whom the authority may write to." placeholder:"ADDRESS"`
	AllowPlainHTTP bool     `name:"allow-plain-http" help:"Serve tokens in clear text on an address that others can reach. For a listener behind a proxy that ends TLS."`
}

// encrypted tells whether the public listener has TLS.
func (f *tlsFlags) encrypted() bool { return f.TLSCert != "" || len(f.ACMEDomain) > 0 }

// checkTLS refuses what contradicts itself, and clear text where others could read
// along.
func (f *tlsFlags) checkTLS(c *serveCmd) error {
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return usage("--tls-cert and --tls-key go together")
	case f.TLSCert != "" && len(f.ACMEDomain) > 0:
		return usage("a certificate comes from files (--tls-cert) or from an authority (--acme-domain), not from both")
	case len(f.ACMEDomain) == 0 && (f.ACMEDirectory != "" || f.ACMEEmail != ""):
		return usage("--acme-directory and --acme-email go with --acme-domain")
	}
	if !f.encrypted() && !f.AllowPlainHTTP {
		for flag, addr := range map[string]string{"--addr": c.Addr, "--admin-addr": c.AdminAddr} {
			if host, _, err := net.SplitHostPort(addr); err == nil && !isLoopback(host) {
				return usage("%s %s can be reached from other machines, and tokens would travel in clear text: give a certificate (--tls-cert, --acme-domain), or say --allow-plain-http if a proxy in front ends TLS", flag, addr)
			}
		}
	}
	return nil
}

// listener returns the TLS configuration of the public listener, nil for none.
func (f *tlsFlags) listener(ctx context.Context, c *serveCmd, log *slog.Logger) (*tls.Config, error) {
	if err := f.checkTLS(c); err != nil {
		return nil, err
	}
	switch {
	case f.TLSCert != "":
		pair, err := newCertFiles(ctx, f.TLSCert, f.TLSKey, log)
		if err != nil {
			return nil, err
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}, nil
	case len(f.ACMEDomain) > 0:
		return f.acme(filepath.Join(c.Data, "acme")), nil
	}
	return nil, nil
}

func (f *tlsFlags) acme(cache string) *tls.Config {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(cache), // 0700
		HostPolicy: autocert.HostWhitelist(f.ACMEDomain...),
		Email:      f.ACMEEmail,
	}
	if f.ACMEDirectory != "" {
		manager.Client = &acme.Client{DirectoryURL: f.ACMEDirectory}
	}
	config := manager.TLSConfig() // with the protocols of HTTP/2 and of the challenge
	config.MinVersion = tls.VersionTLS12
	return config
}

// certFiles is a certificate in two files, which others renew.
type certFiles struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

// certFilesEvery is how often the files are looked at.
const certFilesEvery = time.Second

func newCertFiles(ctx context.Context, cert, key string, log *slog.Logger) (*certFiles, error) {
	f := &certFiles{cert: cert, key: key}
	if err := f.load(); err != nil {
		return nil, err
	}
	go f.follow(ctx, log)
	return f, nil
}

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }

func (f *certFiles) load() error {
	info, err := os.Stat(f.key)
	if err != nil {
		return err
	}
	if err := checkPrivate(f.key, info); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", f.cert, f.key, err)
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("%s: the certificate has expired, on %s", f.cert, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	f.current.Store(&pair)
	return nil
}

// follow takes over what changes in the files. What can't be used is reported
// once and leaves the certificate that there is in force: a renewal writes two
// files, and we may look in between.
func (f *certFiles) follow(ctx context.Context, log *slog.Logger) {
	every := time.NewTicker(certFilesEvery)
	defer every.Stop()
	seen := f.stamps()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		now := f.stamps()
		if slices.Equal(now, seen) {
			continue
		}
		seen = now
		if err := f.load(); err != nil {
			log.Error("the changed certificate can't be used; the old one stays", "error", err)
			continue
		}
		log.Info("the certificate changed", "expires", f.current.Load().Leaf.NotAfter)
	}
}

// stamps are the files' times and sizes, which say whether they changed.
func (f *certFiles) stamps() []string {
	var out []string
	for _, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			out = append(out, errors.Unwrap(err).Error())
			continue
		}
		out = append(out, fmt.Sprint(info.ModTime().UnixNano(), info.Size(), info.Mode()))
	}
	return out
}
