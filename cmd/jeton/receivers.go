package main

import (
	"os"
	"strings"
)

// receivers reads the Bearer tokens of those who are told of security events, by
// name.
func (c *serveCmd) receivers() (map[string]string, error) {
	secrets := make(map[string]string, len(c.EventReceiver))
	whose := make(map[string]string, len(c.EventReceiver))
	for _, r := range c.EventReceiver {
		name, file, ok := strings.Cut(r, "=")
		if !ok || name == "" || file == "" {
			return nil, usage("--event-receiver takes NAME=FILE, where FILE has the receiver's Bearer token")
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		secret, err := readSecretFile(file, info, "a receiver's token")
		if err != nil {
			return nil, err
		}
		if other, taken := whose[secret]; taken {
			return nil, usage("--event-receiver: %s and %s have one token", other, name)
		}
		secrets[name], whose[secret] = secret, name
	}
	return secrets, nil
}
