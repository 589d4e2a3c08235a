package grpcauth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/httpauth"
)

// Stream is a grpc.StreamServerInterceptor.
func (s *Server) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	verified, err := s.Check(ss.Context(), info.FullMethod)
	if err != nil {
		return Status(err).Err()
	}
	if verified == nil {
		return handler(srv, ss)
	}
	ctx, cancel := context.WithCancelCause(httpauth.NewContext(ss.Context(), verified))
	defer cancel(nil)
	live := &stream{
		ServerStream: ss, ctx: ctx, cancel: cancel, ended: make(chan struct{}),
		server: s, method: info.FullMethod, token: verified, many: info.IsClientStream,
	}
	if s.options.KeepStreams {
		return handler(srv, live)
	}
	live.start()
	defer live.stop()
	err = handler(srv, live)
	if end := live.end(); end != nil {
		return end
	}
	return err
}

// Recheck checks the tokens of all streams now and ends those whose token is not
// good any more. Call it when revocations arrive, for streams that end at once
// and not with [Options.RecheckEvery].
func (s *Server) Recheck() {
	s.mu.Lock()
	streams := slices.Collect(maps.Keys(s.live))
	s.mu.Unlock()
	for _, each := range streams {
		each.check()
	}
}

// stream is a server's stream that ends with its token.
type stream struct {
	grpc.ServerStream
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed once err is set

	server *Server
	method string
	token  *jeton.Verified
	many   bool // the client sends more than one message

	mu    sync.Mutex
	timer *time.Timer
	err   error
}

// start begins to watch the token.
func (s *stream) start() {
	s.server.mu.Lock()
	s.server.live[s] = struct{}{}
	s.server.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(s.wait(), s.check)
}

func (s *stream) stop() {
	s.server.mu.Lock()
	delete(s.server.live, s)
	s.server.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
}

// left returns how long the token is good yet; the longest duration if it never
// expires.
func (s *stream) left() time.Duration {
	exp := s.token.ExpiresAt()
	if exp.IsZero() {
		return 1<<63 - 1
	}
	return exp.Time().Add(s.server.options.Leeway).Sub(s.server.options.Now())
}

// wait returns how long it is until the next check.
func (s *stream) wait() time.Duration { return min(s.left(), s.server.options.RecheckEvery) }

// check ends the stream if its token is not good any more.
func (s *stream) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.ctx.Err() != nil {
		return
	}
	err := s.verdict()
	if err == nil {
		s.timer.Reset(s.wait())
		return
	}
	s.server.refused(s.ctx, s.method, err)
	s.err = Status(err).Err()
	close(s.ended)
	s.cancel(s.err)
}

func (s *stream) verdict() error {
	if s.left() <= 0 {
		return fmt.Errorf("%w: %w", httpauth.ErrInvalidToken, jeton.ErrExpired)
	}
	if list := s.server.options.Revocations; list != nil {
		return list.CheckRevoked(s.ctx, s.token)
	}
	_, err := s.server.auth.Check(request(s.ctx))
	return err
}

// end returns the error with which the stream was ended; nil if it was not.
func (s *stream) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) SendMsg(m any) error {
	if err := s.end(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// RecvMsg waits for a message or for the end, whichever comes first. The message
// that is then still waited for is dropped: when the handler has returned, gRPC
// ends the wait.
func (s *stream) RecvMsg(m any) error {
	if err := s.end(); err != nil {
		return err
	}
	if !s.many || s.server.options.KeepStreams {
		return s.ServerStream.RecvMsg(m)
	}
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(m) }()
	select {
	case err := <-received:
		if end := s.end(); end != nil {
			return end
		}
		return err
	case <-s.ended:
		return s.end()
	}
}
