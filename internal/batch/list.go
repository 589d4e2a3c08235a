package batch

// call is a request on its way.
type call[Req, Res any] struct {
	req    Req
	result Result[Res]
	done   chan struct{} // closed once there is a result

	queued     bool
	prev, next *call[Req, Res]
}

// list is a queue from whose middle, too, a call can leave: callers that gave
// up while a commit hangs must not pile up.
type list[Req, Res any] struct {
	first, last *call[Req, Res]
	len         int
}

func (l *list[Req, Res]) push(c *call[Req, Res]) {
	c.queued, c.prev = true, l.last
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.len++
}

// remove takes a call out. It does nothing if the call is not in the list.
func (l *list[Req, Res]) remove(c *call[Req, Res]) {
	if !c.queued {
		return
	}
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.queued, c.prev, c.next = false, nil, nil
	l.len--
}

// pop takes out the first calls, at most limit.
func (l *list[Req, Res]) pop(limit int) []*call[Req, Res] {
	out := make([]*call[Req, Res], 0, min(l.len, limit))
	for l.len > 0 && len(out) < limit {
		out = append(out, l.first)
		l.remove(l.first)
	}
	return out
}
