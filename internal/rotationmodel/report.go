package rotationmodel

import (
	"fmt"
	"strings"
	"time"
)

func (b *Bounds) grace() time.Duration { return time.Duration(b.Grace) * Tick }

// Result is what exploring a model found.
type Result struct {
	States int
	Steps  int
	Depth  int
	// Broken has, for each promise that some path breaks, a shortest such path
	// as a story.
	Broken map[string]string

	model *Model
	graph *explored[world, action]
}

// Explore visits every state of a model. It panics if there are more tokens than
// the model has room for.
func (m *Model) Explore() *Result {
	if m.Bounds.Tokens > maxTokens {
		panic("rotationmodel: too many tokens")
	}
	g := explore(system[world, action]{start: m.Bounds.start(), next: m.next}, m.Until)
	r := &Result{States: len(g.states), Steps: g.steps, Depth: g.depth, Broken: map[string]string{}, model: m, graph: g}
	for promise, path := range g.broken {
		r.Broken[promise] = m.tell(path)
	}
	return r
}

// Event is a step of a path, as the issuer and its store see it.
type Event struct {
	Kind   EventKind
	Clock  int // the clock's reading from now on
	Lost   int // writes that the failover loses
	Token  int // that is presented
	Answer int // the token in the answer, or Refused
}

// Refused is the answer that is none.
const Refused = -1

// EventKind is a kind of event.
type EventKind int

// The kinds of events.
const (
	ClockMoves EventKind = iota
	Restarts
	FailsOver
	OthersWrite
	Revokes
	Presents
)

// Paths calls do with the paths to every n-th state, to be replayed against an
// issuer. The bounds must say that requests are whole.
func (r *Result) Paths(n int, do func(events []Event, story string)) {
	for i := n - 1; i < len(r.graph.states); i += n {
		path := r.graph.storyOf(i)
		var events []Event
		for j, a := range path.actions {
			before, after := path.states[j], path.states[j+1]
			switch a.kind {
			case tick, back:
				events = append(events, Event{Kind: ClockMoves, Clock: int(after.clock)})
			case restart:
				events = append(events, Event{Kind: Restarts})
			case failover:
				events = append(events, Event{Kind: FailsOver, Lost: int(a.arg)})
			case other:
				events = append(events, Event{Kind: OthersWrite})
			case revoke:
				events = append(events, Event{Kind: Revokes})
			case use, serve:
				e := Event{Kind: Presents, Token: int(a.arg), Answer: Refused}
				if a.kind == serve {
					e.Token = int(before.tabs[a.arg].token)
				}
				if t := r.model.request(before, a); t.phase == answered {
					e.Answer = int(t.token)
				}
				events = append(events, e)
			}
		}
		do(events, r.model.tell(path))
	}
}

// request does an action of the issuer again and returns what became of the
// request.
func (m *Model) request(w world, a action) tab {
	var t tab
	switch a.kind {
	case use:
		t = tab{phase: sent, token: a.arg}
	default:
		t = w.tabs[a.arg]
	}
	if a.kind != commit {
		m.serve(&w, &t, false)
	}
	if t.phase == decided && (a.kind != serve || m.Bounds.Whole) {
		m.commit(&w, &t)
	}
	return t
}

// tell writes a story for people.
func (m *Model) tell(path story[world, action]) string {
	var text strings.Builder
	tabs := [2]string{"tab A", "tab B"}
	for i, a := range path.actions {
		before, after := path.states[i], path.states[i+1]
		fmt.Fprintf(&text, "%3d. at %d: %s\n", i+1, before.clock, m.sentence(a, before, after, tabs))
		if a.swap {
			tabs[0], tabs[1] = tabs[1], tabs[0]
		}
	}
	return text.String()
}

func (m *Model) sentence(a action, before, after world, tabs [2]string) string {
	who := tabs[min(max(a.arg, 0), 1)] // of an action of a tab
	switch a.kind {
	case tick:
		return "the clock goes on"
	case back:
		return fmt.Sprintf("the clock steps back to %d", a.arg)
	case restart:
		return "the service is killed and starts again"
	case failover:
		return fmt.Sprintf("the store fails over and loses its last writes (%d): it is at generation %d", a.arg, after.row.generation)
	case other:
		return "another session is written"
	case revoke:
		return "the session is revoked, and that is acknowledged"
	case stealJar:
		return fmt.Sprintf("the thief copies token %d from the jar", a.arg)
	case stealAnswer:
		return fmt.Sprintf("the thief copies token %d from the answer to %s", before.tabs[a.arg].token, who)
	case use:
		return fmt.Sprintf("the thief sends token %d: %s", a.arg, m.outcome(a, before, after))
	case send:
		return fmt.Sprintf("%s reads token %d from the jar and sends it", who, before.jar)
	case serve:
		return fmt.Sprintf("the issuer looks at token %d from %s: %s", before.tabs[a.arg].token, who, m.outcome(a, before, after))
	case commit:
		return fmt.Sprintf("the issuer writes for %s: %s", who, m.outcome(a, before, after))
	case receive:
		return fmt.Sprintf("%s puts token %d into the jar", who, before.tabs[a.arg].token)
	case lose:
		return fmt.Sprintf("the answer to %s is lost; it sends token %d again", who, before.tabs[a.arg].from)
	case giveUp:
		return fmt.Sprintf("the answer to %s is lost", who)
	}
	return "?"
}

// outcome says what came of a request.
func (m *Model) outcome(a action, before, after world) string {
	switch t := m.request(before, a); t.phase {
	case answered:
		return fmt.Sprintf("it gets token %d", t.token)
	case decided:
		return fmt.Sprintf("to be written: generation %d to %d", t.from, t.to)
	case sent:
		return "somebody was faster, look again"
	}
	if after.row.revoked && !before.row.revoked {
		return "invalid_grant, and the session is revoked"
	}
	return "invalid_grant"
}
