// Package httpapi is the token service over HTTP: routes, how a request is read,
// and one table from the issuer's errors to answers.
//
// It owns no rule of the service: what a login or a refresh means is decided in
// package issuer. Programs outside this module get it through issuerhttp.
package httpapi
