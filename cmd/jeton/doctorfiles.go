package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

const (
	// certificateSoon is when a certificate should have been renewed: ACME
	// clients do it 30 days before the end.
	certificateSoon = 14 * 24 * time.Hour
	diskLow         = 512 << 20
	diskFull        = 64 << 20
)

// directory looks at the data directory and at who owns what is in it.
func (d *doctor) directory(context.Context) {
	const check = "data directory"
	info, err := os.Stat(d.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.DB != "":
		d.ok(check, "%s is not there yet", d.Data)
		return
	case errors.Is(err, fs.ErrNotExist):
		d.tell(check, failure, "name the right one (--data, JETON_DATA, or data in the configuration file); jeton serve makes it on its first start",
			"there is no %s", d.Data)
		return
	case err != nil:
		d.tell(check, failure, "run jeton doctor as the user of the service", "%v", err)
		return
	case !info.IsDir():
		d.tell(check, failure, "give a directory", "%s is none", d.Data)
		return
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		state := warning
		if perm&0o022 != 0 {
			state = failure // they can put files of theirs in its place
		}
		d.tell(check, state, "chmod 700 "+d.Data, "%s is open to others (mode %04o)", d.Data, perm)
	} else {
		d.ok(check, "%s", d.Data)
	}
	d.owners(info)
	if free, ok := freeSpace(d.Data); ok {
		room := fmt.Sprintf("%s free in %s", size(free), d.Data)
		switch {
		case free < diskFull:
			d.tell("disk", failure, "make room: when the disk is full, logins and refreshes fail", "%s", room)
		case free < diskLow:
			d.tell("disk", warning, "make room, or give the directory a larger disk", "%s", room)
		default:
			d.ok("disk", "%s", room)
		}
	}
}

// owners finds what another user has left behind: a command that root gave beside
// a service with a user of its own.
func (d *doctor) owners(directory fs.FileInfo) {
	owner, ok := ownerOf(directory)
	if !ok {
		return
	}
	entries, err := os.ReadDir(d.Data)
	if err != nil {
		d.tell("owner of the files", warning, "run jeton doctor as the user of the service", "%v", err)
		return
	}
	strangers := 0
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue // gone since
		}
		if other, ok := ownerOf(info); ok && other != owner {
			strangers++
			d.tell("owner of the files", failure, fmt.Sprintf("chown --reference=%s %s", d.Data, filepath.Join(d.Data, entry.Name())),
				"%s belongs to user %d and the directory to user %d: the service can't use both", entry.Name(), other, owner)
		}
	}
	if strangers == 0 {
		d.ok("owner of the files", "all belong to user %d", owner)
	}
	if me := os.Geteuid(); me != owner && me != 0 {
		d.tell("user", warning, "run jeton doctor as that user, to see what the service sees", "this is user %d, and %s belongs to user %d", me, d.Data, owner)
	}
}

// secrets looks at the files that nobody else may read. The master key is looked
// at together with what it opens.
func (d *doctor) secrets(context.Context) {
	name := cmp.Or(d.AdminTokenFile, filepath.Join(d.Data, adminTokenFile))
	switch _, err := os.Stat(name); {
	case errors.Is(err, fs.ErrNotExist) && d.AdminTokenFile == "":
		d.ok("admin token", "made on the first start")
	default:
		if _, err := d.adminToken(d.AdminTokenFile); err != nil {
			d.tell("admin token", failure, "correct the file, or delete it and restart the service, which makes another one", "%v", err)
		} else {
			d.ok("admin token", "%s", name)
		}
	}
	if d.file.name == "" || runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(d.file.name)
	if err != nil {
		return // it was read already
	}
	if _, set := d.file.settings["db"]; set && maskSecrets(d.DB, false) != d.DB && info.Mode().Perm()&0o077 != 0 {
		d.tell("configuration file", failure, "chmod 600 "+d.file.name, "%s holds the password of the database and can be read by others (mode %04o)", d.file.name, info.Mode().Perm())
	}
}

// certificate looks at the certificate in files.
func (d *doctor) certificate(context.Context) {
	if d.TLSCert == "" || d.TLSKey == "" {
		return // an authority's is seen at the issuer's URL
	}
	const check = "certificate"
	if info, err := os.Stat(d.TLSKey); err == nil {
		if err := checkPrivate(d.TLSKey, info); err != nil {
			d.tell(check, failure, "chmod 600 "+d.TLSKey, "%v", err)
		}
	}
	pair, err := tls.LoadX509KeyPair(d.TLSCert, d.TLSKey)
	if err != nil {
		d.tell(check, failure, "give the certificate and the key that belongs to it, both in PEM", "%s, %s: %v", d.TLSCert, d.TLSKey, err)
		return
	}
	d.life(check, pair.Leaf, d.TLSCert)
	if u, err := url.Parse(d.publicIssuer()); err == nil && u.Hostname() != "" {
		if err := pair.Leaf.VerifyHostname(u.Hostname()); err != nil {
			d.tell(check, failure, "get one for the name in --issuer, or correct --issuer", "%s is not for the issuer: %v", d.TLSCert, err)
		}
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: d.now})
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		d.tell(check, warning, "put the authority's intermediate certificates behind the certificate in the file; if the authority is your own, see to it that clients know it",
			"%s: this machine knows no way from it to an authority that it trusts", d.TLSCert)
	}
}

// life tells how long a certificate is good for.
func (d *doctor) life(check string, leaf *x509.Certificate, where string) {
	switch left := leaf.NotAfter.Sub(d.now); {
	case left <= 0:
		d.tell(check, failure, "renew it", "that of %s expired on %s", where, leaf.NotAfter.Format(time.DateOnly))
	case d.now.Before(leaf.NotBefore):
		d.tell(check, failure, "set the clock, or wait", "that of %s is good from %s on", where, leaf.NotBefore.Format(time.DateTime))
	case left < certificateSoon:
		d.tell(check, warning, "see why nobody has renewed it yet", "that of %s expires on %s", where, leaf.NotAfter.Format(time.DateOnly))
	default:
		d.ok(check, "that of %s is good until %s", where, leaf.NotAfter.Format(time.DateOnly))
	}
}

// size is a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	default:
		return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
	}
}
