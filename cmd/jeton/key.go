package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

type keyCmd struct {
	Public     keyPublicCmd     `cmd:"" help:"Print the public half of keys."`
	Thumbprint keyThumbprintCmd `cmd:"" help:"Print RFC 7638 thumbprints."`
	Convert    keyConvertCmd    `cmd:"" help:"Convert keys between JWK and PEM."`
	JWKS       keyJWKSCmd       `cmd:"" name:"jwks" help:"Print a JWK set with the public halves of keys."`
}

// keyFiles are the arguments that these commands share.
type keyFiles struct {
	Alg   string   `help:"Algorithm of keys that name none (PEM). Default for RSA: RS256." placeholder:"ALG"`
	Files []string `arg:"" name:"file" help:"Key files, JWK or PEM; - is stdin." predictor:"file"`
}

const maxKeyFile = 1 << 20

// each reads every file and hands over its keys: the private half if the file
// has one.
func (k *keyFiles) each(s *streams, do func(private *jeton.SigningKey, public *jeton.VerifyingKey, format string) error) error {
	src := keySource{Alg: k.Alg, WeakSecret: true, UnusualExponent: true} // converting a key is not using it
	opts, err := src.options("")
	if err != nil {
		return err
	}
	for _, name := range k.Files {
		data, err := readInput(s.in, name, maxKeyFile)
		if err == nil {
			format := "jwk"
			if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----")) {
				format = "pem"
			}
			var private *jeton.SigningKey
			var public *jeton.VerifyingKey
			private, public, err = parseEither(data, k.Alg, opts)
			if err == nil {
				err = do(private, public, format)
			}
		}
		if err != nil {
			if os.IsNotExist(err) {
				return err // it names the file
			}
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

type keyPublicCmd struct {
	keyFiles
	Format string `enum:"jwk,pem,same" default:"same" help:"jwk, pem, or the same as the file."`
}

func (c *keyPublicCmd) Run(s *streams) error {
	return c.each(s, func(_ *jeton.SigningKey, public *jeton.VerifyingKey, format string) error {
		if c.Format != "same" {
			format = c.Format
		}
		b, err := marshalPublic(public, format)
		if err == nil {
			_, err = s.out.Write(b)
		}
		return err
	})
}

type keyThumbprintCmd struct{ keyFiles }

func (c *keyThumbprintCmd) Run(s *streams) error {
	return c.each(s, func(_ *jeton.SigningKey, public *jeton.VerifyingKey, _ string) error {
		_, err := fmt.Fprintln(s.out, public.Thumbprint())
		return err
	})
}

type keyConvertCmd struct {
	keyFiles
	Format string `required:"" enum:"jwk,pem" help:"jwk or pem (PKCS#8, PKIX)."`
}

func (c *keyConvertCmd) Run(s *streams) error {
	return c.each(s, func(private *jeton.SigningKey, public *jeton.VerifyingKey, _ string) error {
		var b []byte
		var err error
		if private != nil {
			b, err = marshalPrivate(private, c.Format)
		} else {
			b, err = marshalPublic(public, c.Format)
		}
		if err == nil {
			_, err = s.out.Write(b)
		}
		return err
	})
}

type keyJWKSCmd struct{ keyFiles }

func (c *keyJWKSCmd) Run(s *streams) error {
	var keys []*jeton.VerifyingKey
	err := c.each(s, func(_ *jeton.SigningKey, public *jeton.VerifyingKey, _ string) error {
		for _, k := range keys {
			if k.ID() == public.ID() {
				return fmt.Errorf("the key id %q is there twice", k.ID())
			}
		}
		keys = append(keys, public)
		return nil
	})
	if err != nil {
		return err
	}
	b, err := line(jwk.MarshalSet(keys))
	if err == nil {
		_, err = s.out.Write(b)
	}
	return err
}
