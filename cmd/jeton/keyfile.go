package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/jwk"
	"github.com/jeton-go/jeton/jwks"
)

// keySource are the flags that name one key: a file or a secret.
type keySource struct {
	Key             string `help:"Key file: JWK or PEM." placeholder:"FILE" predictor:"file"`
	Secret          string `help:"HMAC secret as text. Other users of the machine can see arguments: prefer --secret-file or JETON_SECRET." placeholder:"TEXT"`
	SecretFile      string `help:"File with the HMAC secret; a newline at its end is not part of it." placeholder:"FILE" predictor:"file"`
	WeakSecret      bool   `help:"Accept an HMAC secret shorter than the hash: for old systems that can't change theirs."`
	UnusualExponent bool   `help:"Accept an RSA public exponent other than 65537: for old systems that can't change theirs."`
	Alg             string `help:"Algorithm of a key that names none. Default: HS256 for a secret, RS256 for an RSA key." placeholder:"ALG"`
}

// count tells how many sources are named, with one more from elsewhere.
func (k *keySource) count(more ...string) (n int) {
	for _, s := range append(more, k.Key, k.Secret, k.SecretFile) {
		if s != "" {
			n++
		}
	}
	return n
}

func (k *keySource) algorithm() (jeton.Algorithm, error) {
	if k.Alg == "" {
		return "", nil
	}
	alg, err := jeton.ParseAlgorithm(k.Alg)
	if err != nil {
		return "", usage("no algorithm %q; there are %s", k.Alg, algorithmNames())
	}
	return alg, nil
}

func algorithmNames() string {
	var names []string
	for _, a := range jeton.Algorithms() {
		names = append(names, string(a))
	}
	return strings.Join(names, " ")
}

// secretKey returns the key of --secret or --secret-file; nil if neither is
// set.
func (k *keySource) secretKey(kid string) (*jeton.SigningKey, error) {
	secret := []byte(k.Secret)
	if k.SecretFile != "" {
		b, err := os.ReadFile(k.SecretFile)
		if err != nil {
			return nil, err
		}
		secret = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	} else if k.Secret == "" {
		return nil, nil
	}
	alg, err := k.algorithm()
	if err != nil {
		return nil, err
	}
	if alg == "" {
		alg = jeton.HS256
	}
	var opts []jeton.KeyOption
	if k.WeakSecret {
		opts = append(opts, jeton.InsecureAllowWeakSecret())
	}
	if kid != "" {
		opts = append(opts, jeton.KeyID(kid))
	}
	key, err := jeton.NewHMACKey(alg, secret, opts...)
	if errors.Is(err, jeton.ErrWeakKey) && !k.WeakSecret {
		return nil, fmt.Errorf("%w; --weak-secret accepts it all the same", err)
	}
	return key, err
}

func (k *keySource) options(kid string) ([]jwk.Option, error) {
	var opts []jwk.Option
	alg, err := k.algorithm()
	if err != nil {
		return nil, err
	}
	if alg != "" {
		opts = append(opts, jwk.DefaultAlgorithm(alg))
	}
	if k.WeakSecret {
		opts = append(opts, jwk.InsecureAllowWeakSecret())
	}
	if k.UnusualExponent {
		opts = append(opts, jwk.InsecureAllowUnusualExponent())
	}
	if kid != "" {
		opts = append(opts, jwk.KeyID(kid))
	}
	return opts, nil
}

// signingKey loads the key that the flags name.
func (k *keySource) signingKey(kid string) (*jeton.SigningKey, error) {
	if k.count() != 1 {
		return nil, usage("name exactly one key: --key, --secret or --secret-file (JETON_SECRET in the environment counts)")
	}
	if key, err := k.secretKey(kid); key != nil || err != nil {
		return key, err
	}
	data, err := os.ReadFile(k.Key)
	if err != nil {
		return nil, err
	}
	opts, err := k.options(kid)
	if err != nil {
		return nil, err
	}
	key, err := withDefault(k.Alg, opts, func(opts []jwk.Option) (*jeton.SigningKey, error) {
		return jwk.ParsePrivate(data, opts...)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Key, err)
	}
	return key, nil
}

// withDefault parses a key that may not name its algorithm: RS256 is what an
// RSA key is for, unless somebody says otherwise.
func withDefault[K any](alg string, opts []jwk.Option, parse func([]jwk.Option) (K, error)) (K, error) {
	key, err := parse(opts)
	if err != nil && alg == "" {
		if k, again := parse(append(opts, jwk.DefaultAlgorithm(jeton.RS256))); again == nil {
			return k, nil
		}
	}
	return key, err
}

// parseEither reads a public key, or both halves of a private one: on the
// command line the file at hand is often the private key.
func parseEither(data []byte, alg string, opts []jwk.Option) (*jeton.SigningKey, *jeton.VerifyingKey, error) {
	public, err := withDefault(alg, opts, func(opts []jwk.Option) (*jeton.VerifyingKey, error) {
		return jwk.ParsePublic(data, opts...)
	})
	if err == nil {
		return nil, public, nil
	}
	private, errPrivate := withDefault(alg, opts, func(opts []jwk.Option) (*jeton.SigningKey, error) {
		return jwk.ParsePrivate(data, opts...)
	})
	if errPrivate == nil {
		return private, private.Public(), nil
	}
	if isPrivate(data) {
		err = errPrivate
	}
	return nil, nil, err
}

// isPrivate guesses which of two errors is the one to show.
func isPrivate(data []byte) bool {
	return bytes.Contains(data, []byte("PRIVATE KEY-----")) || bytes.Contains(data, []byte(`"d"`)) || bytes.Contains(data, []byte(`"k"`))
}

// keySet loads the keys that the flags name.
func (k *keySource) keySet(ctx context.Context, set string, now func() time.Time) (jeton.KeySet, error) {
	if k.count(set) != 1 {
		return nil, usage("name exactly one key: --key, --secret, --secret-file or --jwks (JETON_SECRET in the environment counts)")
	}
	if key, err := k.secretKey(""); err != nil {
		return nil, err
	} else if key != nil {
		return key.Public(), nil
	}
	opts, err := k.options("")
	if err != nil {
		return nil, err
	}
	if k.Key != "" {
		data, err := os.ReadFile(k.Key)
		if err != nil {
			return nil, err
		}
		_, key, err := parseEither(data, k.Alg, opts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Key, err)
		}
		return key, nil
	}
	if strings.HasPrefix(set, "http://") || strings.HasPrefix(set, "https://") {
		return k.remoteKeys(ctx, set, now)
	}
	data, err := os.ReadFile(set)
	if err != nil {
		return nil, err
	}
	keys, err := jwk.ParseSet(data, append(opts, jwk.AllowSymmetric())...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", set, err)
	}
	return jwks.NewStatic(keys...)
}

func (k *keySource) remoteKeys(ctx context.Context, address string, now func() time.Time) (jeton.KeySet, error) {
	o := jwks.RemoteOptions{Now: now, DefaultAlgorithm: jeton.Algorithm(k.Alg), InsecureAllowUnusualExponent: k.UnusualExponent}
	if u, err := url.Parse(address); err == nil && isLoopback(u.Hostname()) {
		o.InsecureLoopbackHTTP = true
	}
	remote, err := jwks.NewRemote(address, o)
	if err != nil {
		return nil, err
	}
	return remote, remote.Refresh(ctx)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readInput reads a file, or stdin for "-".
func readInput(in io.Reader, name string, limit int64) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("the input is longer than %d bytes", limit)
	}
	return b, nil
}
