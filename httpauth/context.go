package httpauth

import (
	"context"

	"github.com/jeton-go/jeton"
)

type contextKey struct{}

// NewContext returns a context that carries a verified token, for a framework
// whose handlers [Auth.Handler] can't wrap.
func NewContext(ctx context.Context, v *jeton.Verified) context.Context {
	return context.WithValue(ctx, contextKey{}, v)
}

// FromContext returns the verified token that Handler put into the request's
// context. Without one it returns nil and false: the handler is not behind
// Handler.
func FromContext(ctx context.Context) (*jeton.Verified, bool) {
	v, _ := ctx.Value(contextKey{}).(*jeton.Verified)
	return v, v != nil
}
