package batch

// Waiting tells how many requests wait for a batch to take them.
func (b *Batcher[Req, Res]) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.len
}
