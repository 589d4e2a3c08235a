package grpcauth

import (
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/jeton-go/jeton/httpauth"
)

// ErrorDomain is the domain of the google.rpc.ErrorInfo in an answer.
const ErrorDomain = "jeton"

// retryAfter is how long a client is asked to wait after Unavailable.
const retryAfter = 5 * time.Second

// Status returns the answer to an error of [Server.Check]: code, description and
// details, and nothing of the token. Any error that is not one of httpauth is
// Unavailable.
func Status(err error) *status.Status {
	answer := httpauth.AnswerTo(err)
	code := codes.Unauthenticated
	switch answer.Status {
	case http.StatusForbidden:
		code = codes.PermissionDenied
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	info := &errdetails.ErrorInfo{
		Reason: strings.ToUpper(answer.Code),
		Domain: ErrorDomain,
		Metadata: map[string]string{
			"error":             answer.Code,
			"error_description": answer.Description,
		},
	}
	if answer.Scope != "" {
		info.Metadata["scope"] = answer.Scope
	}
	plain := status.New(code, answer.Description)
	detailed, err := plain.WithDetails(info)
	if err == nil && code == codes.Unavailable {
		detailed, err = detailed.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	if err != nil { // details that can't be encoded; the code is what counts
		return plain
	}
	return detailed
}
