package httpauth_test

import (
	"context"
	"fmt"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// A server of another protocol answers by itself: AnswerTo tells what, and
// NewContext hands the token to the code behind, which asks FromContext.
func ExampleAnswerTo() {
	handle := func(ctx context.Context, verified *jeton.Verified, err error) {
		if err != nil {
			a := httpauth.AnswerTo(err)
			fmt.Println(a.Status, a.Code)
			return
		}
		ctx = httpauth.NewContext(ctx, verified)
		token, ok := httpauth.FromContext(ctx)
		fmt.Println(token == verified, ok)
	}
	handle(context.Background(), nil, jeton.ErrExpired)
	handle(context.Background(), nil, jeton.ErrKeysUnavailable)
	handle(context.Background(), new(jeton.Verified), nil)
	// Output:
	// 401 invalid_token
	// 503 temporarily_unavailable
	// true true
}
