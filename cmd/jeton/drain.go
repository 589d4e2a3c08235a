package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// finishWithin is how long requests under way may take after the listeners
	// are closed.
	finishWithin = 15 * time.Second
	// leaveWithin is how long clients may take to leave connections that are in
	// use, where the next process inherits the socket: new ones wait that long.
	leaveWithin = time.Second
	leaveLook   = 10 * time.Millisecond
)

// drainer ends a service so that no request is lost:
//
//  1. /readyz turns 503, and every answer closes its connection, so that proxies
//     and clients move on to another node.
//  2. After a while the listeners are closed. Requests under way finish, readers of
//     the feed are told to come back, elsewhere.
//
// Connections without a request are closed last: a request may be on its way on
// one, and only the client knows.
type drainer struct {
	draining  atomic.Bool
	open      atomic.Int64 // connections of the public listener
	delay     time.Duration
	closeFeed func()                      // whose readers don't leave by themselves
	settle    func(context.Context) error // writes what of the audit log is in memory
	flush     func(context.Context)       // sends what is left to tell
	servers   []*http.Server
	on        listeners
	log       *slog.Logger
}

// ready is an error once the service drains.
func (d *drainer) ready() error {
	if d.draining.Load() {
		return errors.New("draining")
	}
	return nil
}

// leave makes answers of a handler close their connections while the service
// drains; under HTTP/2 the client is told to open another one.
func (d *drainer) leave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// count is the ConnState of the public server.
func (d *drainer) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		d.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		d.open.Add(-1)
	}
}

func (d *drainer) run(ctx context.Context) error {
	d.draining.Store(true)
	d.log.Info("draining", "delay", d.delay)
	time.Sleep(d.delay)
	if d.on.inherited {
		// New connections wait in the socket for the next process.
		d.on.public.Close()
		d.closeFeed()
		for range leaveWithin / leaveLook {
			if d.open.Load() == 0 {
				break
			}
			time.Sleep(leaveLook)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	var err error
	for _, server := range d.servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	if errors.Is(err, net.ErrClosed) {
		err = nil // the listener that was closed above
	}
	if settled := d.settle(ctx); settled != nil {
		err = errors.Join(err, fmt.Errorf("the end of the audit log: %w", settled))
	}
	d.flush(ctx)
	d.log.Info("stopped")
	return err
}
