package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

// firstCertificates gets the certificates of an authority before a client comes:
// it may take longer than a handshake may. Afterwards they are renewed in time,
// whoever comes. Authorities count what fails, so it is tried ever more seldom; a
// client that comes is a try, too.
func (f *tlsFlags) firstCertificates(ctx context.Context, config *tls.Config, log *slog.Logger) {
	for _, domain := range f.ACMEDomain {
		go func() {
			for wait := time.Minute; ; wait = min(2*wait, time.Hour) {
				cert, err := config.GetCertificate(&tls.ClientHelloInfo{
					ServerName:       domain,
					SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
					SupportedCurves:  []tls.CurveID{tls.CurveP256},
					CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
				})
				if err == nil {
					log.Info("the certificate is there", "domain", domain, "expires", cert.Leaf.NotAfter)
					return
				}
				log.Error("there is no certificate yet: the authority must reach this listener as port 443 of the name",
					"domain", domain, "again_in", wait.String(), "error", err)
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
		}()
	}
}
