package main

import (
	"net/http"
	"net/http/pprof"
	"slices"
	"time"
)

// profileTime is how long the admin listener may take to answer where profiles
// are taken over a time.
const profileTime = 2 * time.Minute

// profiles answers requests for profiles by name. The command line is none of
// them: it may hold the password of the database.
func profiles(w http.ResponseWriter, r *http.Request) {
	switch name := r.PathValue("profile"); {
	case name == "profile":
		pprof.Profile(w, r)
	case name == "trace":
		pprof.Trace(w, r)
	case slices.Contains([]string{"allocs", "block", "goroutine", "heap", "mutex", "threadcreate"}, name):
		pprof.Handler(name).ServeHTTP(w, r)
	default:
		http.Error(w, "no such profile: allocs, block, goroutine, heap, mutex, profile, threadcreate, trace", http.StatusNotFound)
	}
}
