package archtest

// An exception lets one file import or use one thing that the rules forbid. It
// is as narrow as it can be, and is removed when it isn't used any more.
type exception struct {
	file string
	what string // an import or an identifier, as the findings write it
}

var exceptions = map[exception]string{
	{"key.go", "log/slog"}:                       "a key is a slog.LogValuer that redacts itself; nothing is logged",
	{"policy.go", "time.Now"}:                    "the default of the policy's injectable clock",
	{"grpcauth/server.go", "time.Now"}:           "the default of the interceptors' injectable clock",
	{"jwks/remote.go", "time.Now"}:               "the default of the key set's injectable clock",
	{"revocation/options.go", "time.Now"}:        "the default of the follower's injectable clock",
	{"ed25519.go", "bytes.Equal"}:                "compares a public key with points that everybody knows",
	{"issuer/keys.go", "reflect.DeepEqual"}:      "compares two readings of the same rows; nobody outside sends one",
	{"internal/testenv/testenv.go", "os.Getenv"}: "reads JETON_CI, for tests only",
}

// excepted reports whether a file has an exception, and marks it as used.
func excepted(path, what string, used map[exception]bool) bool {
	e := exception{path, what}
	if _, ok := exceptions[e]; !ok {
		return false
	}
	used[e] = true
	return true
}

// checkExceptions finds exceptions whose file exists and doesn't need them.
func checkExceptions(files []*file, used map[exception]bool) []Finding {
	var found []Finding
	for _, f := range files {
		for e := range exceptions {
			if e.file == f.path && !used[e] {
				found = append(found, Finding{File: f.path, What: "does not need its exception for " + e.what,
					Why: "an exception that nobody needs hides the next mistake: remove it from internal/archtest/exceptions.go"})
			}
		}
	}
	return found
}
