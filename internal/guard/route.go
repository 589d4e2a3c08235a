package guard

import (
	"errors"
	"slices"
	"strings"

	"github.com/jeton-go/jeton/httpauth"
)

// errNoRoute: the policy has no route for a request.
var errNoRoute = errors.New("guard: no route")

// A rule is a route that is ready to decide.
type rule struct {
	Route
	folded string         // Path in small letters
	auth   *httpauth.Auth // nil if the route is public
}

// rules are all routes, those with the longest path first and an exact path
// before a prefix.
type rules []*rule

func (r rules) sort() {
	slices.SortStableFunc(r, func(a, b *rule) int {
		switch {
		case len(a.Path) != len(b.Path):
			return len(b.Path) - len(a.Path)
		case a.Prefix != b.Prefix && b.Prefix:
			return -1
		case a.Prefix != b.Prefix:
			return 1
		default:
			return strings.Compare(a.Path, b.Path)
		}
	})
}

// find returns the rule for a request: of the routes for its host, those with the
// longest path; of these, those that name the host; of these, the one that names
// the method. A method that is not among them is not let through by a shorter
// path, which knows nothing of this one.
func (r rules) find(host, method, path string) (*rule, error) {
	best := r.longest(host, path, false)
	// A service that reads paths without regard to case would take this request
	// for another one.
	if folded := r.longest(host, strings.ToLower(path), true); folded != nil && (best == nil || folded.Path != best.Path || folded.Prefix != best.Prefix) {
		return nil, ambiguity("a path that means another route if case doesn't count")
	}
	if best == nil {
		return nil, errNoRoute
	}
	var found *rule
	rank := 0
	for _, each := range r {
		if each.Path != best.Path || each.Prefix != best.Prefix || !each.isFor(host) {
			continue
		}
		// Whoever names the host keeps out those that don't, even if it does not
		// name the method.
		of := each.rank(method)
		if each.Hosts != nil {
			of += named
		}
		if of > rank {
			rank, found = of, each
		}
	}
	if rank == named {
		found = nil
	}
	if found == nil {
		return nil, errNoRoute
	}
	return found, nil
}

// longest returns a rule with the longest path that a path fits.
func (r rules) longest(host, path string, folded bool) *rule {
	for _, each := range r {
		pattern := each.Path
		if folded {
			pattern = each.folded
		}
		rest, ok := strings.CutPrefix(path, pattern)
		// A slash at the end makes no difference, or it would be a way around.
		fits := ok && (rest == "" || rest == "/" || each.Prefix && rest[0] == '/')
		if fits && each.isFor(host) {
			return each
		}
	}
	return nil
}

func (r *rule) isFor(host string) bool { return r.Hosts == nil || slices.Contains(r.Hosts, host) }

// named is what naming the host adds to a rank: more than any method.
const named = 4

// rank tells how well a rule names a method; 0 if it is for others. Whoever may
// GET may ask for HEAD.
func (r *rule) rank(method string) int {
	switch {
	case r.Methods == nil:
		return 1
	case slices.Contains(r.Methods, method):
		return 3
	case method == "HEAD" && slices.Contains(r.Methods, "GET"):
		return 2
	default:
		return 0
	}
}
