package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"golang.org/x/term"

	"github.com/jeton-go/jeton/internal/tracing"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/issuerhttp"
)

// logFlags say how a long-running command logs.
type logFlags struct {
	LogFormat string `default:"auto" enum:"auto,text,json" help:"text, json, or auto: text on a terminal."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"The least level that is logged: debug (a line for each request), info, warn, error. Default: ${default}."`
}

func (f logFlags) logger(s *streams) *slog.Logger {
	format := f.LogFormat
	if format == "auto" {
		format = "json"
		if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = "text"
		}
	}
	var o slog.HandlerOptions
	var level slog.Level
	if level.UnmarshalText([]byte(f.LogLevel)) == nil { // kong lets no other pass
		o.Level = level
	}
	if format == "json" {
		return slog.New(requestHandler{slog.NewJSONHandler(s.err, &o)})
	}
	return slog.New(requestHandler{slog.NewTextHandler(s.err, &o)})
}

// requestHandler adds to each line the name of the request that it is about.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := issuer.RequestInfoOf(ctx).ID; id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if id := tracing.TraceID(ctx); id != "" {
		r.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

func logEvent(ctx context.Context, log *slog.Logger, e issuer.Event) {
	level := slog.LevelInfo
	switch e.Kind {
	case issuer.EventReuse, issuer.EventStoreBehind, issuer.EventWarning:
		level = slog.LevelWarn
	case issuer.EventRefresh:
		level = slog.LevelDebug // the one thing that happens all the time
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Time("at", e.At)}
	client := ""
	if from := issuer.RequestInfoOf(ctx).Client; from.IsValid() {
		client = from.String()
	}
	for _, a := range []struct{ name, value string }{
		{"subject", e.Subject}, {"client_id", e.ClientID}, {"reason", string(e.Reason)}, {"detail", e.Detail}, {"client", client},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	if len(e.Sessions) == 1 {
		attrs = append(attrs, slog.String("sid", e.Sessions[0].String()))
	} else if len(e.Sessions) > 1 {
		attrs = append(attrs, slog.Int("sessions", len(e.Sessions)))
	}
	log.LogAttrs(ctx, level, string(e.Kind), attrs...)
}

// logRefusal logs a request that was answered with an error.
func logRefusal(log *slog.Logger, r *http.Request, status int, err error) {
	level := slog.LevelInfo
	if status >= 500 && status != http.StatusServiceUnavailable {
		level = slog.LevelError
	}
	log.LogAttrs(r.Context(), level, "refused", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.String("error", err.Error()))
}

// logAnswer logs a request by its route: neither path nor query, where a client
// may have put a token.
func logAnswer(ctx context.Context, log *slog.Logger, pattern, method string, a issuerhttp.Answer) {
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	client := ""
	if from := issuer.RequestInfoOf(ctx).Client; from.IsValid() {
		client = from.String()
	}
	log.LogAttrs(ctx, slog.LevelDebug, "request", slog.String("method", knownMethod(method)), slog.String("route", routeOf(pattern)),
		slog.Int("status", a.Status), slog.Int64("bytes", a.Bytes), slog.Float64("seconds", a.Took.Seconds()), slog.String("client", client))
}
