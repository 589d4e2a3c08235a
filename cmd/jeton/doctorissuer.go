package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
)

const (
	askFor     = 5 * time.Second
	mostAnswer = 1 << 20
)

// get asks for a document. Redirects are not followed: a verifier does not
// either.
func (d *doctor) get(ctx context.Context, address string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	return res, body, err
}

// service asks the service that runs here, if one does.
func (d *doctor) service(ctx context.Context) {
	if d.Offline {
		return
	}
	const check = "service"
	addr, err := net.ResolveTCPAddr("tcp", d.AdminAddr)
	if err != nil {
		return // the settings' check has said it
	}
	res, _, err := d.get(ctx, "http://"+reachable(addr)+"/readyz")
	switch {
	case err != nil:
		d.tell(check, warning, "start it, if it is to run on this machine", "nothing answers at the admin address %s", d.AdminAddr)
	case res.StatusCode == http.StatusOK:
		d.running = true
		d.ok(check, "it runs and is ready")
	case res.StatusCode == http.StatusServiceUnavailable:
		d.running = true
		d.tell(check, failure, "look into its log; the checks below may say why", "it runs and is not ready")
	default:
		d.tell(check, failure, "correct --admin-addr, or end the other program", "what answers at %s is no jeton: status %d for /readyz", d.AdminAddr, res.StatusCode)
	}
}

// issuerURL looks at the service as clients and verifiers see it.
func (d *doctor) issuerURL(ctx context.Context) {
	const check = "issuer"
	name := d.publicIssuer()
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		return // the settings' check has said it
	}
	local := isLoopback(u.Hostname())
	switch {
	case u.Scheme != "https" && !local:
		d.tell(check, failure, "take a https URL", "%s: passwords and tokens would travel in clear text", name)
	case local:
		d.tell(check, warning, "fine for trying; otherwise set --issuer to the URL that others use, before the first token is made", "%s can be reached from this machine alone", name)
	default:
		d.ok(check, "%s", name)
	}
	if d.Offline {
		return
	}
	jwks, ok := d.metadata(ctx, u)
	if ok {
		d.keySet(ctx, jwks)
	}
}

// metadata fetches the issuer's metadata and returns where its keys are.
func (d *doctor) metadata(ctx context.Context, u *url.URL) (jwks string, ok bool) {
	const check = "metadata"
	name := d.publicIssuer()
	at := *u
	at.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/") // RFC 8414 section 3
	res, body, err := d.get(ctx, at.String())
	if err != nil {
		state, do := failure, "see whether the name resolves, the port is open, and the proxy in front knows the service"
		if !d.running {
			state, do = warning, "start the service and look again"
		}
		if strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "tls:") {
			state, do = failure, "the certificate is not one that clients accept"
		}
		d.tell(check, state, do, "%v", unwrapURL(err))
		return "", false
	}
	d.answered(res, u.Host)
	if res.StatusCode != http.StatusOK {
		d.tell(check, failure, "let the proxy in front pass /.well-known/ to the service as it is", "status %d from %s", res.StatusCode, at.String())
		return "", false
	}
	var doc struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		d.tell(check, failure, "another program answers there: see to the proxy or to --issuer", "%s is no metadata (RFC 8414)", at.String())
		return "", false
	}
	if doc.Issuer != name {
		d.tell(check, failure, "give the service and jeton doctor the same --issuer; verifiers compare it letter by letter",
			"the service at %s calls itself %q", name, doc.Issuer)
		return doc.JWKS, doc.JWKS != ""
	}
	d.ok(check, "%s has the same issuer", at.String())
	return doc.JWKS, true
}

// keySet fetches the published keys, which must be those of this store.
func (d *doctor) keySet(ctx context.Context, address string) {
	const check = "key set"
	res, body, err := d.get(ctx, address)
	if err != nil || res.StatusCode != http.StatusOK {
		if err == nil {
			err = fmt.Errorf("status %d", res.StatusCode)
		}
		d.tell(check, failure, "verifiers fetch it from there: let the proxy in front pass it", "%s: %v", address, unwrapURL(err))
		return
	}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		d.tell(check, failure, "another program answers there: see to the proxy or to --issuer", "%s is no key set", address)
		return
	}
	if len(set.Keys) > 0 && len(d.kids) > 0 && !slices.ContainsFunc(d.kids, func(id string) bool {
		return slices.ContainsFunc(set.Keys, func(k struct {
			ID string `json:"kid"`
		}) bool {
			return k.ID == id
		})
	}) {
		d.tell(check, failure, "the service behind the issuer's URL works on another database: compare its --data or --db with what jeton doctor got",
			"none of the published keys is in %s", d.where())
		return
	}
	d.ok(check, "%s: %s", address, counted(len(set.Keys), "key"))
}

// answered looks at what an answer tells beside its body: the other side's time,
// and its certificate.
func (d *doctor) answered(res *http.Response, host string) {
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		d.life("certificate", res.TLS.PeerCertificates[0], host)
	}
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	// The header has whole seconds, and the answer took its time.
	switch apart := time.Until(date).Abs(); {
	case apart > issuer.Leeway:
		d.tell("clock", failure, "let NTP set the clocks of both machines", "%s and this machine are %s apart, more than verifiers overlook", host, apart.Round(time.Second))
	case apart > clockApart:
		d.tell("clock", warning, "let NTP set the clocks of both machines", "%s and this machine are %s apart", host, apart.Round(time.Second))
	}
}

// unwrapURL leaves out what net/http says about the method and the address.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", u.URL, u.Err)
	}
	return err
}
