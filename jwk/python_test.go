package jwk_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/internal/testenv"
	"github.com/jeton-go/jeton/jwk"
)

// runPython runs a program that reads JSON from its standard input and writes
// JSON to its standard output.
func runPython(t *testing.T, program string, in any) map[string]string {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python(t), "-c", program)
	cmd.Stdin = strings.NewReader(string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var out map[string]string
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

const pythonWrites = `
import json
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = key.public_key()
def private_pem(form, encryption=s.NoEncryption()):
    return key.private_bytes(s.Encoding.PEM, form, encryption).decode()
print(json.dumps({
    "pkcs8": private_pem(s.PrivateFormat.PKCS8),
    "pkcs1": private_pem(s.PrivateFormat.TraditionalOpenSSL),
    "openssh": private_pem(s.PrivateFormat.OpenSSH),
    "encrypted pkcs8": private_pem(s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"x")),
    "encrypted pkcs1": private_pem(s.PrivateFormat.TraditionalOpenSSL, s.BestAvailableEncryption(b"x")),
    "pkix": public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode(),
    "public pkcs1": public.public_bytes(s.Encoding.PEM, s.PublicFormat.PKCS1).decode(),
    "private jwk": RSAAlgorithm.to_jwk(key),
    "public jwk": RSAAlgorithm.to_jwk(public),
}))
`

func TestKeysThatPythonWrote(t *testing.T) {
	text := runPython(t, pythonWrites, nil)
	rs256 := jwk.DefaultAlgorithm(jeton.RS256)
	public, err := jwk.ParsePublic([]byte(text["pkix"]), rs256)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"public pkcs1", "public jwk"} {
		if key, err := jwk.ParsePublic([]byte(text[name]), rs256); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if key.Thumbprint() != public.Thumbprint() {
			t.Errorf("%s: another key", name)
		}
	}
	for _, name := range []string{"pkcs8", "pkcs1", "private jwk"} {
		if key, err := jwk.ParsePrivate([]byte(text[name]), rs256); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if key.Public().Thumbprint() != public.Thumbprint() {
			t.Errorf("%s: another key", name)
		}
	}
	for name, want := range map[string]string{"openssh": "OpenSSH", "encrypted pkcs8": "encrypted", "encrypted pkcs1": "encrypted"} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParsePrivate([]byte(text[name]), rs256)
			refused(t, err, jeton.ErrInvalidKey, want)
		})
	}
}

const pythonReads = `
import json, sys
from cryptography.hazmat.primitives import serialization as s
from jwt import PyJWK, PyJWKSet
texts = json.load(sys.stdin)
def numbers(key):
    n = (key.public_key() if hasattr(key, "private_numbers") else key).public_numbers()
    return "%d %d" % (n.n, n.e)
print(json.dumps({
    "private jwk": numbers(PyJWK.from_json(texts["private jwk"]).key),
    "public jwk": numbers(PyJWK.from_json(texts["public jwk"]).key),
    "set": numbers(PyJWKSet.from_json(texts["set"]).keys[0].key),
    "private pem": numbers(s.load_pem_private_key(texts["private pem"].encode(), None)),
    "public pem": numbers(s.load_pem_public_key(texts["public pem"].encode())),
}))
`

func TestKeysThatPythonReads(t *testing.T) {
	key := signingKey(jeton.RS256, rsaKey())
	must := func(text []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	in := map[string]string{
		"private jwk": must(jwk.MarshalPrivate(key)),
		"public jwk":  must(jwk.MarshalPublic(key.Public())),
		"set":         must(jwk.MarshalSet([]*jeton.VerifyingKey{key.Public()})),
		"private pem": must(jwk.MarshalPrivatePEM(key)),
		"public pem":  must(jwk.MarshalPublicPEM(key.Public())),
	}
	out := runPython(t, pythonReads, in)
	want := rsaKey().N.String() + " 65537"
	for name := range in {
		if out[name] != want {
			t.Errorf("%s: another key", name)
		}
	}
}
