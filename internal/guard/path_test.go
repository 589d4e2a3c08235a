package guard

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A target is read in the one way in which everybody reads it, or refused.
func TestTargets(t *testing.T) {
	const refused = ""
	for target, want := range map[string]string{
		"/":                   "/",
		"/orders":             "/orders",
		"/orders/":            "/orders/",
		"/orders/7?page=2":    "/orders/7",
		"/orders?next=/../x":  "/orders",
		"/a%20b":              "/a b",
		"/caf%C3%A9":          "/café",
		"/a+b@c:d,e=f&g!'()*": "/a+b@c:d,e=f&g!'()*",
		"/...":                "/...",
		"/.well-known/x":      "/.well-known/x",
		"/a..b":               "/a..b",

		"":                               refused,
		"orders":                         refused,
		"*":                              refused,
		"?x":                             refused,
		"http://orders.example/orders":   refused,
		"//orders":                       refused,
		"/orders//7":                     refused,
		"/orders//":                      refused,
		"/.":                             refused,
		"/..":                            refused,
		"/./orders":                      refused,
		"/a/../orders":                   refused,
		"/a/..":                          refused,
		"/a/%2e%2e/orders":               refused,
		"/a/%2E./orders":                 refused,
		"/a/.%2e/orders":                 refused,
		"/a%2forders":                    refused,
		"/a%2Forders":                    refused,
		"/a%5corders":                    refused,
		`/a\orders`:                      refused,
		"/a;/orders":                     refused,
		"/a/..;/orders":                  refused,
		"/a%3borders":                    refused,
		"/a%252e%252e/orders":            refused,
		"/a%25":                          refused,
		"/a%00":                          refused,
		"/a%0d%0aX-Role:%20admin":        refused,
		"/a%7f":                          refused,
		"/%6frders":                      refused,
		"/a%23b":                         refused,
		"/a%3fb":                         refused,
		"/a#b":                           refused,
		"/a b":                           refused,
		"/a\tb":                          refused,
		"/a\x00":                         refused,
		"/café":                          refused,
		"/%c0%ae%c0%ae/orders":           refused,
		"/a%ff":                          refused,
		"/a%":                            refused,
		"/a%2":                           refused,
		"/a%zz":                          refused,
		"/a%u002e":                       refused,
		"/" + strings.Repeat("a", 8<<10): refused,
	} {
		got, _, err := splitTarget(target)
		if got != want || (err != nil) != (want == refused) || err != nil && !errors.Is(err, errAmbiguous) {
			t.Errorf("%q: %q, %v, want %q", target, got, err, want)
		}
	}
}

// Whatever is let through is what any other reader makes of it: decoding and
// cleaning change nothing more, and neither does decoding once again.
func TestTargetsAreUnambiguous(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "a", "orders", ".", "..", "%2e", "%2F", "%25", "%20", "%C3%A9", "%", ";", `\`, "?", "#", "é", "A", "//"})
	rapid.Check(t, func(t *rapid.T) {
		target := "/" + strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
		got, query, err := splitTarget(target)
		if err != nil {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Path != got || u.RawQuery != query {
			t.Fatalf("%q: net/url reads %v, %v, not %q", target, u, err, got)
		}
		if clean := path.Clean(got); clean != got && clean+"/" != got {
			t.Fatalf("%q is %q once it is cleaned", target, clean)
		}
		if again, err := url.PathUnescape(got); err != nil || again != got {
			t.Fatalf("%q is %q, %v once it is decoded again", target, again, err)
		}
	})
}

func TestHostNames(t *testing.T) {
	for host, want := range map[string]string{
		"orders.example": "orders.example", "Orders.Example:8080": "orders.example", "orders.example.": "orders.example",
		"orders.example.:443": "orders.example", "[::1]:80": "[::1]", "[::1]": "[::1]", "": "",
	} {
		if got := hostName(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
