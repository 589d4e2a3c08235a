package grpcauth

// Streams returns how many streams the server watches.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}
