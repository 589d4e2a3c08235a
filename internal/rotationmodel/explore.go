package rotationmodel

// system is what can be explored: a start, and the steps out of a state. next
// calls step for each of them; broken names the promise that the step breaks,
// or is empty.
type system[S comparable, A any] struct {
	start S
	next  func(from S, step func(action A, to S, broken string))
}

// story is a path from the start.
type story[S comparable, A any] struct {
	actions []A
	states  []S // one more than actions
}

// explored is all that a system can do.
type explored[S comparable, A any] struct {
	states []S
	steps  int
	depth  int
	broken map[string]story[S, A] // for each broken promise, a shortest story

	parent []int
	by     []A
}

// explore visits every state that can be reached, breadth first, so that the
// first story that breaks a promise is a shortest one. What comes after a
// broken promise is not explored, and nothing once the promise until is broken.
func explore[S comparable, A any](sys system[S, A], until string) *explored[S, A] {
	var none A
	e := &explored[S, A]{
		states: []S{sys.start}, parent: []int{-1}, by: []A{none},
		broken: make(map[string]story[S, A]),
	}
	seen := map[S]struct{}{sys.start: {}}
	last := 1 // the end of the states of one depth
	for i := 0; i < len(e.states); i++ {
		if _, done := e.broken[until]; done {
			break
		}
		if i == last {
			e.depth++
			last = len(e.states)
		}
		sys.next(e.states[i], func(action A, to S, broken string) {
			e.steps++
			if broken != "" {
				if _, known := e.broken[broken]; !known {
					path := e.storyOf(i)
					path.actions, path.states = append(path.actions, action), append(path.states, to)
					e.broken[broken] = path
				}
				return
			}
			if _, known := seen[to]; known {
				return
			}
			seen[to] = struct{}{}
			e.states, e.parent, e.by = append(e.states, to), append(e.parent, i), append(e.by, action)
		})
	}
	return e
}

// storyOf returns the way to a state.
func (e *explored[S, A]) storyOf(i int) story[S, A] {
	n := 0
	for j := i; e.parent[j] >= 0; j = e.parent[j] {
		n++
	}
	path := story[S, A]{actions: make([]A, n), states: make([]S, n+1)}
	for ; n > 0; n-- {
		path.actions[n-1], path.states[n] = e.by[i], e.states[i]
		i = e.parent[i]
	}
	path.states[0] = e.states[i]
	return path
}
