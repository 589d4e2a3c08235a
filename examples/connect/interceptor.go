// Package connectauth puts httpauth before the handlers of connect-go. An
// interceptor refuses in connect's own form, for each of the three protocols that
// connect speaks; httpauth.Auth.Handler around the whole handler works too and
// answers in plain HTTP.
package connectauth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/jeton-go/jeton/httpauth"
)

// Interceptor lets calls through that auth lets through, with the token in the
// context (httpauth.FromContext).
type Interceptor struct {
	auth *httpauth.Auth
}

// New makes an Interceptor. Handlers that require different things take different
// ones, or an Auth that Require derived.
func New(auth *httpauth.Auth) *Interceptor { return &Interceptor{auth} }

func (i *Interceptor) check(ctx context.Context, header http.Header) (context.Context, error) {
	verified, err := i.auth.Check((&http.Request{Header: header}).WithContext(ctx))
	if err != nil {
		return nil, refusal(err)
	}
	return httpauth.NewContext(ctx, verified), nil
}

// refusal is what the client gets: code and RFC 6750's reason. There is no
// challenge: gRPC sends errors in trailers, where WWW-Authenticate is not allowed.
func refusal(err error) error {
	answer := httpauth.AnswerTo(err)
	code := connect.CodeUnauthenticated
	switch answer.Status {
	case http.StatusForbidden:
		code = connect.CodePermissionDenied
	case http.StatusServiceUnavailable:
		code = connect.CodeUnavailable
	}
	answered := connect.NewError(code, errors.New(answer.Description))
	info := &errdetails.ErrorInfo{
		Reason: strings.ToUpper(answer.Code), Domain: "jeton",
		Metadata: map[string]string{"error": answer.Code},
	}
	if detail, err := connect.NewErrorDetail(info); err == nil {
		answered.AddDetail(detail)
	}
	return answered
}

// WrapUnary is for a connect.Interceptor.
func (i *Interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if req.Spec().IsClient {
			return next(ctx, req)
		}
		ctx, err := i.check(ctx, req.Header())
		if err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

// WrapStreamingHandler is for a connect.Interceptor.
func (i *Interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		ctx, err := i.check(ctx, conn.RequestHeader())
		if err != nil {
			return err
		}
		return next(ctx, conn)
	}
}

// WrapStreamingClient is for a connect.Interceptor; it changes nothing.
func (*Interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
