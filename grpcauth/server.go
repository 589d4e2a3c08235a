package grpcauth

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// Options are what NewServer needs beside the verifier. With the zero value every
// method takes a good token and no more.
//
// A method is named in full, "/package.Service/Method", or with all others of its
// service, "/package.Service/*". A method's own entry counts alone, its service's
// only where it has none.
type Options struct {
	// Public are the methods that need no token. One that comes along is not
	// looked at.
	Public []string
	// Require has what tokens must grant, for the methods where being good is not
	// enough.
	Require map[string][]httpauth.Requirement

	// KeepStreams lets streams go on when their token has expired or was
	// revoked. The rest of the options is without effect then.
	KeepStreams bool
	// Leeway is how long after its token's "exp" a stream ends: as in the
	// verifier's policy, 0 means 30 s and jeton.NoLeeway none; at most a minute.
	Leeway time.Duration
	// RecheckEvery is how often the token of a stream is checked again, from 1 s
	// on; 0 means 10 s. See also [Server.Recheck].
	RecheckEvery time.Duration
	// Revocations, if set, is asked when a stream's token is checked again. It is
	// the list in the verifier's policy; if it is nil the token is verified again
	// as a whole, which costs a signature each time.
	Revocations jeton.RevocationList

	// OnRefuse, if set, is called for every call that is refused and every stream
	// that is ended, with the method in full: for logs and metrics. The error
	// holds no part of the token; the context's metadata does. It must be safe
	// for concurrent use and quick.
	OnRefuse func(ctx context.Context, method string, err error)

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Server checks the calls that a gRPC server gets. It is safe for concurrent use.
type Server struct {
	options Options
	auth    *httpauth.Auth
	methods map[string]*httpauth.Auth // nil for public ones

	mu   sync.Mutex
	live map[*stream]struct{}
}

// NewServer makes a Server that lets calls through whose token v accepts. The
// error wraps jeton.ErrInvalidPolicy: no verifier, a name that is no method's,
// one that is both public and not, or a time out of range.
func NewServer(v httpauth.Verifier, o Options) (*Server, error) {
	auth, err := httpauth.New(v, httpauth.Options{})
	if err != nil {
		return nil, fmt.Errorf("grpcauth: %w", err)
	}
	switch {
	case o.Leeway == 0:
		o.Leeway = 30 * time.Second
	case o.Leeway == jeton.NoLeeway:
		o.Leeway = 0
	case o.Leeway < 0 || o.Leeway > time.Minute:
		return nil, invalid("a leeway of %v is not between 0 and a minute", o.Leeway)
	}
	switch {
	case o.RecheckEvery == 0:
		o.RecheckEvery = 10 * time.Second
	case o.RecheckEvery < time.Second:
		return nil, invalid("streams can't be checked again every %v, which is less than 1 s", o.RecheckEvery)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, auth: auth, methods: make(map[string]*httpauth.Auth), live: make(map[*stream]struct{})}
	for _, name := range o.Public {
		if !isName(name) {
			return nil, invalid("%q is not /package.Service/Method or /package.Service/*", name)
		}
		s.methods[name] = nil
	}
	for name, reqs := range o.Require {
		if !isName(name) {
			return nil, invalid("%q is not /package.Service/Method or /package.Service/*", name)
		}
		if _, public := s.methods[name]; public {
			return nil, invalid("%s is public and requires something", name)
		}
		s.methods[name] = auth.Require(reqs...)
	}
	return s, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: grpcauth: "+format, append([]any{jeton.ErrInvalidPolicy}, args...)...)
}

// isName tells whether a name has the form that Options want.
func isName(name string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	return ok && strings.HasPrefix(name, "/") && service != "" && method != "" && !strings.ContainsAny(method, "/ ") &&
		!strings.ContainsAny(service, "* ") && (method == "*" || !strings.Contains(method, "*"))
}

// CheckNames returns an error that wraps jeton.ErrInvalidPolicy if the options
// name a service or a method that the server does not have: a method whose name
// is misspelt there takes any good token. Call it with GetServiceInfo after all
// services are registered.
func (s *Server) CheckNames(services map[string]grpc.ServiceInfo) error {
	for _, name := range slices.Sorted(maps.Keys(s.methods)) {
		service, method, _ := strings.Cut(name[1:], "/")
		info, ok := services[service]
		if !ok {
			return invalid("no service %s, which %s names", service, name)
		}
		has := func(m grpc.MethodInfo) bool { return m.Name == method }
		if method != "*" && !slices.ContainsFunc(info.Methods, has) {
			return invalid("no method %s", name)
		}
	}
	return nil
}

// authFor returns what checks the calls of a method; nil if it is public.
func (s *Server) authFor(method string) *httpauth.Auth {
	if auth, ok := s.methods[method]; ok {
		return auth
	}
	if i := strings.LastIndexByte(method, '/'); i >= 0 {
		if auth, ok := s.methods[method[:i+1]+"*"]; ok {
			return auth
		}
	}
	return s.auth
}

// Check verifies the token in a call's metadata and holds it against what the
// method, named in full, requires. It returns a token or an error, never both,
// and neither for a public method. The error is one of [httpauth.Auth.Check];
// [Status] makes an answer of it.
func (s *Server) Check(ctx context.Context, method string) (*jeton.Verified, error) {
	auth := s.authFor(method)
	if auth == nil {
		return nil, nil
	}
	verified, err := auth.Check(request(ctx))
	if err != nil {
		s.refused(ctx, method, err)
		return nil, err
	}
	return verified, nil
}

// request shows httpauth the metadata, which is made of HTTP headers, as what it
// is.
func request(ctx context.Context) *http.Request {
	header := http.Header{}
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		header["Authorization"] = values
	}
	return (&http.Request{Header: header}).WithContext(ctx)
}

func (s *Server) refused(ctx context.Context, method string, err error) {
	if s.options.OnRefuse != nil {
		s.options.OnRefuse(ctx, method, err)
	}
}

// Unary is a grpc.UnaryServerInterceptor.
func (s *Server) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	verified, err := s.Check(ctx, info.FullMethod)
	if err != nil {
		return nil, Status(err).Err()
	}
	if verified != nil {
		ctx = httpauth.NewContext(ctx, verified)
	}
	return handler(ctx, req)
}

// FromContext returns the token with which the call was let through; nil and
// false for a public method, and where no interceptor was. It is the same as
// [httpauth.FromContext].
func FromContext(ctx context.Context) (*jeton.Verified, bool) { return httpauth.FromContext(ctx) }
