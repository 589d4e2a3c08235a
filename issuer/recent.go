package issuer

import "container/list"

// recent is a map of bounded size: what was not used for longest goes first. The
// caller locks.
type recent[K comparable, V any] struct {
	most  int
	of    map[K]*list.Element
	order *list.List // of entry[K, V], the one used last at the front
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, of: make(map[K]*list.Element), order: list.New()}
}

// get returns the value of a key, which counts as a use.
func (r *recent[K, V]) get(key K) (value V, ok bool) {
	e, ok := r.of[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	if e, ok := r.of[key]; ok {
		e.Value.(*entry[K, V]).value = value
		r.order.MoveToFront(e)
		return
	}
	if len(r.of) >= r.most {
		last := r.order.Back()
		delete(r.of, r.order.Remove(last).(*entry[K, V]).key)
	}
	r.of[key] = r.order.PushFront(&entry[K, V]{key, value})
}

func (r *recent[K, V]) remove(key K) {
	if e, ok := r.of[key]; ok {
		r.order.Remove(e)
		delete(r.of, key)
	}
}

func (r *recent[K, V]) len() int { return len(r.of) }
