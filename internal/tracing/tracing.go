// Package tracing sends traces over OTLP: a span for each request, and below it
// one for each call of the store and for each password that is hashed. A span has
// the route's pattern, the method, the status, an outcome in a word and the
// request's name, and nothing else that a client sent.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/jeton-go/jeton/internal/observe"
	"github.com/jeton-go/jeton/issuer"
)

// ErrEndpoint: the address is none that traces can be sent to.
var ErrEndpoint = errors.New("the address for traces")

// Options say where traces go.
type Options struct {
	// Endpoint is the http or https URL of an OTLP receiver, such as
	// http://localhost:4318; without a path, /v1/traces is added. All else is
	// the SDK's to read from the environment: OTEL_EXPORTER_OTLP_HEADERS,
	// OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and so on.
	Endpoint string
	Version  string
	// OnError is told what goes wrong in the background. It is set for the whole
	// process.
	OnError func(error)
}

// Tracer makes spans. Make it with [Start].
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Start makes a tracer. That nobody answers at the endpoint is no error: spans are
// dropped until somebody does. Error: ErrEndpoint.
func Start(ctx context.Context, o Options) (*Tracer, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w is an http or https URL without user and query (credentials: OTEL_EXPORTER_OTLP_HEADERS)", ErrEndpoint)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEndpoint, err)
	}
	// No detector of hosts and processes: the command line may hold a password.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "jeton"), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	if o.OnError != nil {
		otel.SetErrorHandler(otel.ErrorHandlerFunc(o.OnError))
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Tracer{provider, provider.Tracer("github.com/jeton-go/jeton")}, nil
}

// Close sends what is left, within the context's time.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Request begins the span of a request to a route, by its pattern without the
// method ("/v1/login"); "" for no route. A traceparent header makes it part of
// the caller's trace.
func (t *Tracer) Request(ctx context.Context, header http.Header, method, route string) (context.Context, func(status int)) {
	ctx = propagation.TraceContext{}.Extract(ctx, traceparent(header))
	name := method
	attributes := []attribute.KeyValue{
		attribute.String("http.request.method", method),
		attribute.String("jeton.request_id", issuer.RequestInfoOf(ctx).ID),
	}
	if route != "" {
		name += " " + route
		attributes = append(attributes, attribute.String("http.route", route))
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// traceparent is all that is taken from a caller's headers: tracestate and baggage
// are whatever somebody wrote into them.
type traceparent http.Header

func (h traceparent) Get(key string) string {
	if key != "traceparent" {
		return ""
	}
	return http.Header(h).Get(key)
}

func (h traceparent) Set(string, string) {}
func (h traceparent) Keys() []string     { return []string{"traceparent"} }

// Store makes a span of each call of the store that belongs to a request.
func (t *Tracer) Store(ctx context.Context, op observe.Op) (context.Context, func(error)) {
	return t.child(ctx, "store."+op.String())
}

// Work makes a span of each piece of work that belongs to a request.
func (t *Tracer) Work(ctx context.Context, w issuer.Work) func(error) {
	_, done := t.child(ctx, string(w))
	return done
}

func (t *Tracer) child(ctx context.Context, name string) (context.Context, func(error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func(err error) {
		outcome := observe.Outcome(err)
		if errors.Is(err, issuer.ErrBusy) {
			outcome = "busy"
		}
		span.SetAttributes(attribute.String("jeton.outcome", outcome))
		if outcome == "failed" {
			span.SetStatus(codes.Error, "") // the log has the reason
		}
		span.End()
	}
}

// TraceID names the trace that a context belongs to; "" for none.
func TraceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.HasTraceID() {
		return c.TraceID().String()
	}
	return ""
}
