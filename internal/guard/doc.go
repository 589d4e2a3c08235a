// Package guard decides, for a gateway, whether a request may pass: the policy is
// a file, the token is verified here, and the gateway is told yes with headers for
// the service behind it, or no with the answer for the client.
//
// It speaks forward auth (nginx, Caddy, Traefik, HAProxy) and Envoy's ext_authz,
// over HTTP and gRPC. Whatever it does not understand it refuses: a request that
// two readers could take for different paths, one that no route names, and one
// whose original method, host or path the gateway did not say.
package guard
