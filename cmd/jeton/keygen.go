package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
)

type keygenCmd struct {
	Alg    string `required:"" help:"Algorithm the key is for, such as RS256 or HS256." placeholder:"ALG"`
	Out    string `help:"File to write, readable by you alone. It must not exist yet. Default: stdout." placeholder:"FILE" predictor:"file"`
	Format string `default:"jwk" enum:"jwk,pem" help:"jwk, or pem (PKCS#8, asymmetric keys only; it does not keep algorithm and id)."`
	Kid    string `help:"Key id. Default: the RFC 7638 thumbprint." placeholder:"ID"`
}

func (c *keygenCmd) Help() string {
	return `Examples:
  jeton keygen --alg RS256 --out key.json     a signing key
  jeton key public key.json > public.json     the half for verifiers
  jeton keygen --alg HS256 --out secret.json  one secret for both sides`
}

func (c *keygenCmd) Run(s *streams) error {
	alg, err := jeton.ParseAlgorithm(c.Alg)
	if err != nil {
		return usage("no algorithm %q; there are %s", c.Alg, algorithmNames())
	}
	if c.Format == "pem" && alg.Symmetric() {
		return usage("PEM holds no HMAC secret; use --format jwk")
	}
	var opts []jeton.KeyOption
	if c.Kid != "" {
		opts = append(opts, jeton.KeyID(c.Kid))
	}
	key, err := jeton.GenerateKey(alg, opts...)
	if err != nil {
		return err
	}
	data, err := marshalPrivate(key, c.Format)
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = s.out.Write(data)
		return err
	}
	if err := writeSecretFile(c.Out, data); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "wrote %s: %s key, kid %s. Keep it secret.\n", c.Out, alg, key.ID())
	if !alg.Symmetric() {
		fmt.Fprintf(s.err, "The half for verifiers: jeton key public %s\n", c.Out)
	}
	return nil
}

func marshalPrivate(key *jeton.SigningKey, format string) ([]byte, error) {
	if format == "pem" {
		return jwk.MarshalPrivatePEM(key)
	}
	return line(jwk.MarshalPrivate(key))
}

func marshalPublic(key *jeton.VerifyingKey, format string) ([]byte, error) {
	if format == "pem" {
		return jwk.MarshalPublicPEM(key)
	}
	return line(jwk.MarshalPublic(key))
}

func line(b []byte, err error) ([]byte, error) { return append(b, '\n'), err }

// writeSecretFile makes a file that only its owner can read; it never writes
// over one.
func writeSecretFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; a key is never written over", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
