package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/pkcs11"
)

// pkcs11Flags name a token of PKCS#11 that keeps the signing keys.
type pkcs11Flags struct {
	Module  string `name:"pkcs11-module" help:"PKCS#11 library of the token that keeps the signing keys, such as /usr/lib/softhsm/libsofthsm2.so. Needs a jeton that was built with -tags pkcs11." placeholder:"FILE" predictor:"file"`
	Token   string `name:"pkcs11-token" help:"Label of the token." placeholder:"LABEL"`
	PINFile string `name:"pkcs11-pin-file" help:"File with the user PIN of the token; a newline at its end is not part of it." placeholder:"FILE" predictor:"file"`
}

// device opens the token, and returns nil if none is named. The caller closes it.
func (f pkcs11Flags) device(ctx context.Context) (*pkcs11.Token, error) {
	if err := f.check(); f == (pkcs11Flags{}) || err != nil {
		return nil, err
	}
	return pkcs11.Open(ctx, pkcs11.Options{Module: f.Module, Token: f.Token, PIN: f.pin, Now: time.Now})
}

func (f pkcs11Flags) check() error {
	if f != (pkcs11Flags{}) && (f.Module == "" || f.Token == "" || f.PINFile == "") {
		return usage("a token of PKCS#11 takes all of --pkcs11-module, --pkcs11-token and --pkcs11-pin-file")
	}
	return nil
}

func (f pkcs11Flags) pin() (string, error) {
	info, err := os.Stat(f.PINFile)
	if err != nil {
		return "", err
	}
	if err := checkPrivate(f.PINFile, info); err != nil {
		return "", err
	}
	b, err := os.ReadFile(f.PINFile)
	pin := strings.TrimRight(string(b), "\r\n")
	if err == nil && pin == "" {
		return "", fmt.Errorf("%s is empty", f.PINFile)
	}
	return pin, err
}

// pkcs11ServeFlags are what a service can do with the token beside.
type pkcs11ServeFlags struct {
	pkcs11Flags
	Leave       bool `name:"pkcs11-leave" help:"Make new signing keys in the store again. The token is needed until the last key in it has gone."`
	KeepRetired bool `name:"pkcs11-keep-retired" help:"Leave the private half of a retired key in the token. Otherwise it is destroyed."`
}

// configure puts the token into a configuration, and returns what closes it.
func (f pkcs11ServeFlags) configure(ctx context.Context, cfg *issuer.Config) (func() error, error) {
	token, err := f.device(ctx)
	if err != nil {
		return nil, err
	}
	cfg.LeaveDevice, cfg.KeepRetiredInDevice = f.Leave, f.KeepRetired
	if token == nil {
		return func() error { return nil }, nil
	}
	cfg.Device = token
	return token.Close, nil
}

// forDevice tells how to name the token, if an error is that there is none.
func forDevice(err error) error {
	if err != nil && strings.Contains(err.Error(), "no device is configured") {
		return usage("%w: name the token with --pkcs11-module, --pkcs11-token and --pkcs11-pin-file", err)
	}
	return err
}

// token looks at the token that keys are in.
func (d *doctor) token(ctx context.Context, keys []issuer.StoredKey) {
	const check = "token"
	located := slices.ContainsFunc(keys, func(k issuer.StoredKey) bool { return k.State == issuer.KeyActive && k.Location() != "" })
	token, err := d.device(ctx)
	switch {
	case err != nil:
		d.tell(check, failure, "see to the token, its PIN and the flags: nothing can be signed without it", "%v", err)
	case token != nil:
		d.ok(check, "%q answers", d.pkcs11Flags.Token)
		token.Close()
	case located:
		d.tell(check, failure, "name it with --pkcs11-module, --pkcs11-token and --pkcs11-pin-file", "the key that signs is in a token of PKCS#11, and none is named")
	}
}
