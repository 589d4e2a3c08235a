package lint

// Severity says how bad a finding is.
type Severity string

// The severities. An Error is what a verifier refuses or must refuse, or what
// gives something away; a Warning is a weakness; a Note is something to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Rule is one thing that may be wrong with a token.
type Rule struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Why      string   `json:"why"` // it matters
	Do       string   `json:"do"`  // about it
}

// Rules returns all rules, in the order in which they are documented.
func Rules() []Rule {
	return []Rule{
		{"not-a-token", Error, "it can't be read as a JSON Web Token in compact form", "give the token alone: three parts in base64url with dots between them"},
		{"encrypted", Note, "it is encrypted (JWE): nobody can look inside without its key", "decrypt it, and lint what is inside"},
		{"white-space", Warning, "there is white space around the token; strict verifiers refuse it", "cut it off where the token is read"},
		{"base64url", Error, "a part has another spelling than the one that base64url allows: two texts of one token evade lists of revoked ones", "encode without padding and line ends, in the URL-safe alphabet (RFC 7515 section 2)"},
		{"json", Error, "a part is no JSON object that all parsers read alike", "write I-JSON (RFC 7493): UTF-8, one object, nothing behind it"},
		{"duplicate-member", Error, "a name occurs twice: one program reads the first and another the last (RFC 8725 section 2.8)", "write each name once"},
		{"too-large", Error, "it is longer than the 8 KiB that jeton's and many other verifiers take", "keep data out of tokens: an id, and a look-up"},
		{"large", Warning, "it is longer than 4 KiB, which is where cookies end, and headers of some servers", "keep data out of tokens: an id, and a look-up"},

		{"no-signature", Error, "there is no signature: anybody can write such a token", "sign it; refuse it where it came from"},
		{"alg-none", Error, "the algorithm is none: anybody can write such a token (RFC 8725 section 2.1)", "sign it; see to it that the verifier fixes its algorithm by the key"},
		{"alg-missing", Error, "the header names no algorithm, which is required (RFC 7515 section 4.1.1)", "write alg"},
		{"alg-unknown", Error, "the algorithm is none that RFC 7518, 8037, 9864 or 9964 has, or one that nobody should verify", "take ES256, Ed25519 or RS256"},
		{"alg-hmac", Note, "with HMAC, whoever can verify the token can also make one", "take a key pair as soon as a second party verifies"},
		{"weak-secret", Error, "the signature fits a secret that attackers try first: anybody can make tokens", "take 32 random bytes (jeton keygen --alg HS256), now, and void the tokens of the old one"},
		{"signature-length", Error, "the signature has another length than the algorithm's", "for ES256 and its kin, write r and s and not DER (RFC 7518 section 3.4)"},
		{"rsa-short", Error, "the RSA key has less than 2048 bits (RFC 7518 section 3.3)", "make another key"},

		{"typ-missing", Warning, "there is no typ: a token for one purpose may be taken for one of another (RFC 8725 section 3.11)", "write a typ such as at+jwt, and require it"},
		{"typ-generic", Note, "typ is JWT, which every token is: a token for one purpose may be taken for one of another (RFC 8725 section 3.11)", "write a typ such as at+jwt, and require it"},
		{"kid-missing", Note, "there is no kid: keys can't be rotated without trying one after the other", "write the key's id, such as its thumbprint (RFC 7638)"},
		{"kid-injection", Error, "the kid looks like a path, an address or a piece of SQL or shell: it is meant for a verifier that looks keys up with it (RFC 8725 section 3.10)", "refuse the token; look keys up in a map, by the whole kid"},
		{"kid-slash", Note, "the kid has a slash in it", "see to it that no verifier uses the kid as the name of a file"},
		{"key-address", Error, "jku or x5u name an address of a key: a verifier that follows it takes the attacker's key, and can be made to call anybody (RFC 8725 section 3.10)", "configure where the keys are in the verifier"},
		{"key-inside", Warning, "jwk or x5c bring the key along: a verifier that takes it takes anybody's", "configure the keys in the verifier; a key in the token is for proofs (DPoP) alone"},
		{"crit", Error, "crit asks for an extension; a verifier that does not know it must refuse the token, and many forget to (RFC 7515 section 4.1.11)", "leave the extension out"},
		{"b64", Error, "b64 is for detached payloads and forbidden in a JWT (RFC 7797 section 7)", "leave it out"},
		{"zip", Error, "zip has no meaning in a signed token; where it is heeded, a few bytes become megabytes", "leave it out"},

		{"exp-missing", Error, "it never expires: who once gets hold of it has it for ever", "write exp, minutes ahead for an access token"},
		{"iss-missing", Warning, "nobody can tell who made it (RFC 8725 section 3.8)", "write iss, and require it"},
		{"aud-missing", Warning, "a token for one service works at another (RFC 8725 section 3.9)", "write aud, and require it"},
		{"aud-any", Error, "the audience is empty or a wildcard: it is for everybody", "name the service that it is for"},
		{"iss-clear-text", Warning, "the issuer is an http address: whoever is on the way to it can hand out keys", "take a https URL"},
		{"sub-missing", Note, "it does not say whom it is about", "write sub"},
		{"iat-missing", Note, "nobody can tell how old it is, which a revocation by time needs", "write iat"},
		{"at-jwt-claims", Error, "typ says access token, and claims are missing that RFC 9068 section 2.2 requires", "write iss, sub, aud, exp, iat, jti and client_id"},
		{"date-type", Error, "a date is no number of seconds (RFC 7519 section 2): verifiers refuse it, or, worse, overlook it", "write seconds since 1970 as a JSON number"},
		{"date-milliseconds", Error, "a date is in milliseconds: as seconds it lies thousands of years ahead", "divide by 1000"},
		{"exp-before-start", Error, "it expires before it was issued or before it is valid", "correct the clock or the arithmetic of the issuer"},
		{"iat-future", Warning, "it was issued in the future", "set the clocks of issuer and verifier"},
		{"long-life", Warning, "it lives for more than a day, and a token that was stolen works all that time", "make it minutes, and renew it with a refresh token"},
		{"very-long-life", Error, "it lives for more than a year: it is a password that can't be changed", "make it minutes, and renew it with a refresh token"},
		{"expired", Note, "it has expired", "nothing, unless it should not have"},

		{"secret-inside", Error, "a claim holds a secret, by its name or its form; everybody who gets the token reads it: claims are encoded and not encrypted", "take it out, and change the secret"},
		{"personal-data", Warning, "a claim holds personal data, by its name or its form; tokens end up in logs, histories and other people's services", "take it out; let services ask for it by sub, or encrypt the token"},
		{"prototype", Warning, "a name is one that changes objects in careless JavaScript", "find out who writes such tokens"},
		{"refused", Error, "verifiers refuse it for another reason", "see the detail"},
	}
}
