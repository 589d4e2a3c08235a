package rotationmodel

import "testing"

// counter counts up and down between 0 and 9 and must not reach bad.
func counter(bad int) system[int, string] {
	return system[int, string]{start: 0, next: func(from int, step func(string, int, string)) {
		for _, s := range []struct {
			name string
			to   int
		}{{"up", from + 1}, {"down", from - 1}, {"double", from * 2}} {
			if s.to < 0 || s.to > 9 {
				continue
			}
			broken := ""
			if s.to == bad {
				broken = "bad"
			}
			step(s.name, s.to, broken)
		}
	}}
}

func TestEveryStateIsVisited(t *testing.T) {
	e := explore(counter(-1), "")
	if len(e.states) != 10 || len(e.broken) != 0 || e.depth != 5 {
		t.Errorf("%d states, depth %d, broken %v; want 10, 5, none", len(e.states), e.depth, e.broken)
	}
}

func TestTheShortestStoryIsTold(t *testing.T) {
	path := explore(counter(8), "").broken["bad"]
	if len(path.actions) != 4 || len(path.states) != 5 || path.states[0] != 0 || path.states[4] != 8 {
		t.Errorf("the story is %v over %v; 0, 1, 2, 4, 8 is shortest", path.actions, path.states)
	}
}

func TestNothingComesAfterABrokenPromise(t *testing.T) {
	e := explore(counter(1), "")
	if len(e.states) != 1 {
		t.Errorf("%d states; all but the start come after 1", len(e.states))
	}
}
