package bench

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
)

// tokenMutations change a token after it was signed. Whatever they make of it
// was signed by nobody, so that a verifier has to refuse it.
var tokenMutations = []func(d *dice, s setting, token string) string{
	flipBit, insertByte, deleteByte, replaceByte, respellSegment, strayBits,
	moreSegments, fewerSegments, swapSegments, copySegment, changeCase, signatureTwin, signatureForm,
}

// strange are bytes that lenient decoders skip, stop at or take for others.
var strange = []string{"=", "==", ".", "\n", "\r\n", " ", "\t", "+", "/", "-", "_", "A", "%3D", "\x00", "\u00e9", "\ufeff", ",", "~", "*"}

func flipBit(d *dice, _ setting, token string) string {
	if token == "" {
		return token
	}
	b := []byte(token)
	b[d.roll(len(b))] ^= 1 << d.roll(8)
	return string(b)
}

func insertByte(d *dice, _ setting, token string) string {
	at := d.roll(len(token) + 1)
	switch d.roll(4) {
	case 0:
		at = len(token)
	case 1:
		at = 0
	case 2: // at the end of a segment, where padding stands
		if i := strings.IndexByte(token[at:], '.'); i >= 0 {
			at += i
		}
	}
	return token[:at] + pick(d, strange) + token[at:]
}

func deleteByte(d *dice, _ setting, token string) string {
	if token == "" {
		return token
	}
	at := d.roll(len(token))
	return token[:at] + token[at+1:]
}

func replaceByte(d *dice, _ setting, token string) string {
	if token == "" {
		return token
	}
	at := d.roll(len(token))
	return token[:at] + pick(d, strange) + token[at+1:]
}

// respellSegment writes a segment with another alphabet or with padding.
func respellSegment(d *dice, _ setting, token string) string {
	segments := strings.Split(token, ".")
	i := d.roll(len(segments))
	raw, err := base64.RawURLEncoding.DecodeString(segments[i])
	if err != nil {
		return token
	}
	enc := pick(d, []*base64.Encoding{base64.URLEncoding, base64.StdEncoding, base64.RawStdEncoding})
	segments[i] = enc.EncodeToString(raw)
	return strings.Join(segments, ".")
}

// strayBits sets bits of a segment's last character that no byte uses.
func strayBits(d *dice, _ setting, token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	segments := strings.Split(token, ".")
	i := d.roll(len(segments))
	text := segments[i]
	unused := map[int]int{2: 4, 3: 2}[len(text)%4]
	if unused == 0 {
		return token
	}
	value := strings.IndexByte(alphabet, text[len(text)-1])
	if value < 0 {
		return token
	}
	value |= 1 + d.roll(1<<unused-1)
	segments[i] = text[:len(text)-1] + alphabet[value:value+1]
	return strings.Join(segments, ".")
}

func moreSegments(d *dice, _ setting, token string) string {
	return pick(d, []func() string{
		func() string { return token + "." },
		func() string { return "." + token },
		func() string { return token + ".AAAA" },
		func() string { return token + token[strings.LastIndexByte(token, '.')+1:] },
		func() string { return strings.Replace(token, ".", "..", 1) },
		func() string { return token + "." + token },
		func() string { return "Bearer " + token },
	})()
}

func fewerSegments(d *dice, _ setting, token string) string {
	segments := strings.Split(token, ".")
	i := d.roll(len(segments))
	if d.roll(2) == 0 {
		segments[i] = ""
	} else {
		segments = slices.Delete(segments, i, i+1)
	}
	return strings.Join(segments, ".")
}

func swapSegments(d *dice, _ setting, token string) string {
	segments := strings.Split(token, ".")
	i, j := d.roll(len(segments)), d.roll(len(segments))
	segments[i], segments[j] = segments[j], segments[i]
	return strings.Join(segments, ".")
}

func copySegment(d *dice, _ setting, token string) string {
	segments := strings.Split(token, ".")
	segments[d.roll(len(segments))] = segments[d.roll(len(segments))]
	return strings.Join(segments, ".")
}

func changeCase(d *dice, _ setting, token string) string {
	if d.roll(2) == 0 {
		return strings.ToUpper(token)
	}
	return strings.ToLower(token)
}

// editSignature replaces the signature's bytes.
func editSignature(token string, edit func([]byte) []byte) string {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return token
	}
	sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return token
	}
	return token[:dot+1] + base64.RawURLEncoding.EncodeToString(edit(sig))
}

// signatureTwin writes the same number in another way: s+n for RSA, s+L for
// Ed25519, and (r, n-s) for ECDSA, which is a valid signature as well.
func signatureTwin(_ *dice, s setting, token string) string {
	return editSignature(token, func(sig []byte) []byte {
		switch key := s.public.(type) {
		case *rsa.PublicKey:
			n := new(big.Int).SetBytes(sig)
			if n.Add(n, key.N); n.BitLen() <= 8*len(sig) {
				return n.FillBytes(sig)
			}
			return n.Bytes()
		case *ecdsa.PublicKey:
			if len(sig) == 64 {
				n := new(big.Int).SetBytes(sig[32:])
				n.Sub(elliptic.P256().Params().N, n)
				if n.Sign() > 0 && n.BitLen() <= 256 {
					n.FillBytes(sig[32:])
				}
			}
		case ed25519.PublicKey:
			if len(sig) == ed25519.SignatureSize {
				slices.Reverse(sig[32:])
				n := new(big.Int).SetBytes(sig[32:])
				order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
				if n.Add(n, order); n.BitLen() <= 256 {
					n.FillBytes(sig[32:])
				}
				slices.Reverse(sig[32:])
			}
		}
		return sig
	})
}

const signatureForms = 7

// signatureForm gives the signature another form or length.
func signatureForm(d *dice, _ setting, token string) string {
	form := d.roll(signatureForms)
	return editSignature(token, func(sig []byte) []byte {
		half := len(sig) / 2
		switch form {
		case 0:
			return append([]byte{0}, sig...)
		case 1:
			return append(sig, 0)
		case 2: // each half longer by a zero
			return slices.Concat([]byte{0}, sig[:half], []byte{0}, sig[half:])
		case 3:
			return sig[:half]
		case 4:
			der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])})
			if err != nil {
				return sig
			}
			return der
		case 5: // the second half longer by a zero
			return slices.Concat(sig[:half], []byte{0}, sig[half:])
		}
		return make([]byte, len(sig))
	})
}

// isTwin tells whether two tokens differ in nothing but the sign of ECDSA's s.
func isTwin(s setting, a, b string) bool {
	_, ecdsaKey := s.public.(*ecdsa.PublicKey)
	return ecdsaKey && signatureTwin(nil, s, a) == b
}
