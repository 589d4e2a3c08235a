package main

import (
	"math"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestHashesHaveProcessorsAndMemory(t *testing.T) {
	const unlimited = math.MaxInt16
	for _, c := range []struct {
		why                    string
		processors, cores, fit int
		fixed, apart           bool
		hashes, then           int
	}{
		{"one for each core, beside Go's other processors", 2, 2, unlimited, false, false, 2, 4},
		{"the same apart", 2, 2, unlimited, false, true, 2, 4},
		{"one core", 1, 1, unlimited, false, false, 1, 2},
		{"many cores and much memory", 32, 32, 32, false, false, 32, 64},
		{"many cores and little memory", 32, 32, 8, false, false, 8, 40},
		{"room for one", 2, 2, 1, false, false, 1, 3},
		{"a share of the cores: one is left free", 4, 32, unlimited, false, false, 3, 4},
		{"the same apart", 4, 32, unlimited, false, true, 3, 4},
		{"a share of one core", 1, 32, unlimited, false, false, 1, 1},
		{"a share of the cores, and little memory", 8, 32, 2, false, false, 2, 8},
		{"processors as set: one is left free", 2, 2, unlimited, true, false, 1, 2},
		{"processors as set, apart", 2, 2, unlimited, true, true, 2, 2},
		{"more processors set than cores", 8, 2, unlimited, true, true, 2, 8},
		{"fewer set than cores, apart", 1, 2, unlimited, true, true, 1, 1},
	} {
		if hashes, then := hashesAtOnce(c.processors, c.cores, c.fit, c.fixed, c.apart); hashes != c.hashes || then != c.then {
			t.Errorf("%s: %d hashes at once and %d processors, not %d and %d", c.why, hashes, then, c.hashes, c.then)
		}
	}
}

func TestHashesHaveWhatBothLimitsLeave(t *testing.T) {
	const mega = 1 << 20
	for _, c := range []struct {
		limit       int64
		container   uint64
		here, apart int // hashes at once
	}{
		{math.MaxInt64, math.MaxInt64, math.MaxInt16, math.MaxInt16},
		{math.MaxInt64, math.MaxUint64, math.MaxInt16, math.MaxInt16},
		{math.MaxInt64, 256 * mega, 8, 6}, // packaging/kubernetes
		{math.MaxInt64, 32 * mega, 1, 1},
		{230 * mega, 256 * mega, 8, 6},
		{100 * mega, 256 * mega, 3, 2},
		{(36 + 2*25) * mega, math.MaxInt64, 2, 2},
		{(36+2*25)*mega - 1, math.MaxInt64, 2, 1},
		{(36+2*19)*mega - 1, math.MaxInt64, 1, 1},
		{0, math.MaxInt64, 1, 1},
	} {
		room := roomForHashes(c.limit, c.container)
		if here, apart := fitting(room, false), fitting(room, true); here != c.here || apart != c.apart {
			t.Errorf("%d hashes at once, %d apart, with GOMEMLIMIT %d in a container of %d, not %d and %d", here, apart, c.limit, c.container, c.here, c.apart)
		}
	}
}

// A limit is one for all processes together.
func TestTheCollectorHasItsLimit(t *testing.T) {
	const mega = 1 << 20
	for _, c := range []struct {
		share
		here, apart int64
	}{
		{share{2, math.MaxInt64, math.MaxInt64}, 74 * mega, math.MaxInt64},
		{share{8, math.MaxInt64, math.MaxUint64}, 188 * mega, math.MaxInt64},
		{share{2, math.MaxInt64, 256 * mega}, 74 * mega, (256 - 64 - 50) * mega},
		{share{6, math.MaxInt64, 256 * mega}, 150 * mega, (256 - 64 - 150) * mega},
		{share{1, math.MaxInt64, 32 * mega}, 55 * mega, 36 * mega},
		{share{4, 200 * mega, math.MaxInt64}, 200 * mega, 100 * mega},
		{share{4, 200 * mega, 256 * mega}, 200 * mega, 92 * mega},
		{share{2, 100 * mega, math.MaxInt64}, 100 * mega, 50 * mega},
		{share{1, 60 * mega, math.MaxInt64}, 60 * mega, 36 * mega},
		{share{1, 20 * mega, math.MaxInt64}, 20 * mega, 20 * mega},
	} {
		if here, apart := c.limitOfGo(false), c.limitOfGo(true); here != c.here || apart != c.apart {
			t.Errorf("%+v: the limit is %d, apart %d, not %d and %d", c.share, here, apart, c.here, c.apart)
		}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	share{2, math.MaxInt64, math.MaxInt64}.hashHere()
	if got := debug.SetMemoryLimit(-1); got != 74*mega {
		t.Errorf("when hashes are made here after all, the limit is %d", got)
	}
}

func TestTheMemoryLimitBoundsTheHashesAtOnce(t *testing.T) {
	data := t.TempDir()
	cmd := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json")
	cmd.Env = append(cmd.Environ(), "GOMEMLIMIT=80MiB")
	s := start(t, data, cmd, false)
	if metrics := s.metrics(); !strings.Contains(metrics, "jeton_password_hash_slots 1\n") {
		t.Error("with 80 MiB, there is not one hash at once")
	}
	if runtime.NumCPU() > 1 && !strings.Contains(s.log(), "fewer password hashes at once") {
		t.Errorf("that logins are slower than the cores allow is not said: %s", s.log())
	}
}
