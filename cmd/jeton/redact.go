package main

import "regexp"

var (
	// Up to the last "@": a password with a bare "@" or "/" in it is none of a
	// valid URL, and that is when errors quote it.
	passwordInURL = regexp.MustCompile(`(://[^\s:/?#@]*):\S*@`)
	// Of a connection string in words, or in a URL's query.
	passwordInWords = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'"]+)`)
)

// redacted is a message without the passwords of addresses in it. Errors quote
// what they don't understand.
func redacted(message string) string {
	message = passwordInURL.ReplaceAllString(message, "$1:xxxxx@")
	return passwordInWords.ReplaceAllString(message, "${1}xxxxx")
}
