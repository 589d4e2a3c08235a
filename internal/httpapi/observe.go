package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Answer is what became of a request.
type Answer struct {
	Status int
	Bytes  int64         // of the body
	Took   time.Duration // until the handler was done; 0 without Options.Now
}

// An Observer is called when a request begins and returns the context that the
// request goes on with, and a function that is called once it is answered. The
// request is as the client sent it, with its credentials: no log may have it.
type Observer func(r *http.Request) (context.Context, func(Answer))

// watched answers a route and tells its observer. A panic becomes a 500 and an
// error for OnError.
func (a *api) watched(pattern string, next http.HandlerFunc) http.HandlerFunc {
	observe := func(r *http.Request) (context.Context, func(Answer)) { return r.Context(), func(Answer) {} }
	if a.Observe != nil {
		observe = a.Observe(pattern)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var began time.Time
		if a.Now != nil {
			began = a.Now()
		}
		ctx, done := observe(r)
		if ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			v := recover()
			if v != nil && v != http.ErrAbortHandler {
				a.panicked(rec, r, v)
				v = nil
				if rec.aborted {
					v = http.ErrAbortHandler
				}
			}
			answer := Answer{Status: rec.status, Bytes: rec.bytes}
			if answer.Status == 0 {
				answer.Status = http.StatusOK
			}
			if a.Now != nil {
				answer.Took = a.Now().Sub(began)
			}
			done(answer)
			if v != nil {
				panic(v)
			}
		}()
		next(rec, r)
	}
}

// panicked answers a request whose handler panicked; an answer that has begun is
// broken off.
func (a *api) panicked(w *recorder, r *http.Request, v any) {
	err := panicError{v, callers()}
	if w.status != 0 {
		w.aborted = true
		a.report(r, http.StatusInternalServerError, err)
		return
	}
	a.fail(w, r, err)
}

// panicError is a panic as an operator sees it: where, and of what kind. What
// was panicked with can be anything, a part of the request too, but for the
// errors of Go itself.
type panicError struct {
	value any
	where string
}

func (e panicError) Error() string {
	if err, ok := e.value.(runtime.Error); ok {
		return fmt.Sprintf("panic: %v %s", err, e.where)
	}
	return fmt.Sprintf("panic with a %T %s", e.value, e.where)
}

// callers are the functions that were running, the innermost first.
func callers() string {
	pcs := make([]uintptr, 48)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var out []string
	for len(out) < 12 {
		f, more := frames.Next()
		if name := f.Function[strings.LastIndex(f.Function, "/")+1:]; !strings.HasPrefix(name, "runtime.") {
			out = append(out, fmt.Sprintf("%s (%s:%d)", name, filepath.Base(f.File), f.Line))
		}
		if !more {
			break
		}
	}
	return "in " + strings.Join(out, " < ")
}

// recorder notes what is answered.
type recorder struct {
	http.ResponseWriter
	status  int
	bytes   int64
	aborted bool
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}
