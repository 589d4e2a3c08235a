package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCert puts a fresh certificate for 127.0.0.1 into dir.
func writeCert(t *testing.T, dir, name string, expires time.Time) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: expires,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		keyFile:  {Type: "PRIVATE KEY", Bytes: private},
		certFile: {Type: "CERTIFICATE", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return certFile, keyFile, roots
}

// getTLS asks for the metadata on a connection of its own.
func getTLS(url string, roots *x509.CertPool, maxVersion uint16) (*http.Response, error) {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: maxVersion}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(url + "/.well-known/oauth-authorization-server")
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

func TestServeWithACertificateFromFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key, roots := writeCert(t, dir, "first", time.Now().Add(time.Hour))
	s := serve(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	if !strings.Contains(s.log(), `"issuer":"`+s.url+`"`) {
		t.Fatalf("the issuer is not %s: %s", s.url, s.log())
	}
	res, err := getTLS(s.url, roots, 0)
	if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Fatalf("%v, %v", res, err)
	}
	if _, err := getTLS(s.url, roots, tls.VersionTLS11); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	// A renewal that went wrong changes nothing.
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.eventually("the trouble is reported", func() bool { return strings.Contains(s.log(), "the old one stays") })
	if _, err := getTLS(s.url, roots, 0); err != nil {
		t.Errorf("after a renewal that went wrong: %v", err)
	}
	_, _, renewed := writeCert(t, dir, "second", time.Now().Add(2*time.Hour))
	s.eventually("the renewed certificate is in force", func() bool {
		_, err := getTLS(s.url, renewed, 0)
		return err == nil
	})
}

func TestServeRefusesWithoutACertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := writeCert(t, dir, "good", time.Now().Add(time.Hour))
	data := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		why    string
		status int
		args   []string
	}{
		{"tokens would travel in clear text", 2, []string{"--addr", "0.0.0.0:0"}},
		{"tokens would travel in clear text", 2, []string{"--addr", ":0"}},
		{"--admin-addr 0.0.0.0:0 can be reached", 2, []string{"--admin-addr", "0.0.0.0:0"}},
		{"go together", 2, []string{"--tls-cert", cert}},
		{"not from both", 2, []string{"--tls-cert", cert, "--tls-key", key, "--acme-domain", "auth.example"}},
		{"go with --acme-domain", 2, []string{"--acme-email", "a@example.com"}},
		{"no such file", 1, []string{"--tls-cert", cert, "--tls-key", key + "x"}},
	} {
		refused(t, c.status, c.why, append([]string{"serve", "--data", data}, c.args...)...)
	}
	expired := t.TempDir()
	oldCert, oldKey, _ := writeCert(t, expired, "old", time.Now().Add(-time.Hour))
	refused(t, 1, "has expired", "serve", "--data", data, "--tls-cert", oldCert, "--tls-key", oldKey)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, 1, "can be read by others", "serve", "--data", data, "--tls-cert", cert, "--tls-key", key)
	if _, err := os.Stat(data); err == nil {
		t.Error("a refused start made a data directory")
	}
}

func TestServeInClearTextWhereItIsTold(t *testing.T) {
	s := serve(t, t.TempDir(), "--addr", "0.0.0.0:0", "--allow-plain-http", "--issuer", "https://auth.example")
	if code := s.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
