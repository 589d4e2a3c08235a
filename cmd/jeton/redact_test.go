package main

import "testing"

func TestAPasswordInAnAddressIsInNoMessage(t *testing.T) {
	for message, want := range map[string]string{
		"nothing to hide: user@host":                          "nothing to hide: user@host",
		"unexpected argument postgres://jeton:s3cret@db/name": "unexpected argument postgres://jeton:xxxxx@db/name",
		`parse "postgres://jeton:s3/cr@t@db:5432/name": bad`:  `parse "postgres://jeton:xxxxx@db:5432/name": bad`,
		"postgres://:s3cret@db and https://a:b@c":             "postgres://:xxxxx@db and https://a:xxxxx@c",
		"postgres://db/name?password=s3cret&sslmode=disable":  "postgres://db/name?password=xxxxx&sslmode=disable",
		"host=db password=s3cret user=jeton":                  "host=db password=xxxxx user=jeton",
		`host=db password = 's3 \' cret' user=jeton`:          "host=db password = xxxxx user=jeton",
		"https://auth.example/a:b and a@b":                    "https://auth.example/a:b and a@b",
	} {
		if got := redacted(message); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", message, got, want)
		}
	}
}
