package guard

import (
	"context"
	"net/http"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// NewServer makes a gRPC server that answers Envoy (envoy.service.auth.v3).
// current returns the guard that decides, told hears of each decision.
func NewServer(current func() *Guard, told func(Request, Decision)) *grpc.Server {
	s := grpc.NewServer(grpc.MaxRecvMsgSize(mostMessage))
	authv3.RegisterAuthorizationServer(s, &extAuthz{current: current, told: told})
	return s
}

// mostMessage is the size of the largest question: headers, and no body.
const mostMessage = 256 << 10

type extAuthz struct {
	authv3.UnimplementedAuthorizationServer
	current func() *Guard
	told    func(Request, Decision)
}

func (e *extAuthz) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	g := e.current()
	asked := r.GetAttributes().GetRequest().GetHttp()
	o := Request{Method: asked.GetMethod(), Host: asked.GetHost(), Target: asked.GetPath(), Header: http.Header{}}
	// Several headers of one name come as one with commas, which is no form that a
	// token may have; or one by one, if Envoy is told to encode them raw.
	for name, value := range asked.GetHeaders() {
		o.Header.Add(name, value)
	}
	for _, each := range asked.GetHeaderMap().GetHeaders() {
		value := each.GetValue()
		if raw := each.GetRawValue(); raw != nil {
			value = string(raw)
		}
		o.Header.Add(each.GetKey(), value)
	}
	var d Decision
	if g.policy.Gateway != Envoy || asked == nil {
		d = g.refuse(errNotTold, nil)
	} else {
		d = g.Decide(ctx, o)
	}
	e.told(o, d)
	if d.Status == http.StatusOK {
		return &authv3.CheckResponse{
			Status:       &status.Status{Code: int32(codes.OK)},
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: okResponse(d)},
		}, nil
	}
	return &authv3.CheckResponse{
		Status: &status.Status{Code: int32(grpcCode(d.Status)), Message: d.Reason},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(d.Status)},
			Headers: headerValues(d.Answer),
			Body:    string(d.Body),
		}},
	}, nil
}

func okResponse(d Decision) *authv3.OkHttpResponse {
	ok := &authv3.OkHttpResponse{}
	for _, each := range d.Headers {
		if each.Value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, each.Name)
			continue
		}
		ok.Headers = append(ok.Headers, overwrite(each.Name, each.Value))
	}
	return ok
}

func headerValues(h http.Header) []*core.HeaderValueOption {
	var all []*core.HeaderValueOption
	for name := range h {
		all = append(all, overwrite(name, h.Get(name)))
	}
	return all
}

func overwrite(name, value string) *core.HeaderValueOption {
	return &core.HeaderValueOption{
		Header:       &core.HeaderValue{Key: name, Value: value},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

func grpcCode(status int) codes.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusBadRequest:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	default:
		return codes.Unavailable
	}
}
