package main

import (
	"math"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestHashesHaveProcessorsAndMemory(t *testing.T) {
	const mega, unlimited = 1 << 20, math.MaxInt64 - restOfGo
	for _, c := range []struct {
		why               string
		processors, cores int
		memory            int64
		slots, then       int
	}{
		{"one for each core, beside Go's other processors", 2, 2, unlimited, 2, 4},
		{"one core", 1, 1, unlimited, 1, 2},
		{"many cores and much memory", 32, 32, 32 * 19 * mega, 32, 64},
		{"many cores and little memory", 32, 32, 156 * mega, 8, 40},
		{"a byte less than a second one takes", 2, 2, 2*19*mega - 1, 1, 3},
		{"no room for one", 2, 2, 5 * mega, 1, 3},
		{"less than nothing", 2, 2, -50 * mega, 1, 3},
		{"a share of the cores: one is left free", 4, 32, unlimited, 3, 4},
		{"a share of one core", 1, 32, unlimited, 1, 1},
		{"a share of the cores, and little memory", 8, 32, 50 * mega, 2, 8},
	} {
		if slots, then := share(c.processors, c.cores, c.memory); slots != c.slots || then != c.then {
			t.Errorf("%s: %d hashes at once and %d processors, not %d and %d", c.why, slots, then, c.slots, c.then)
		}
	}
}

func TestHashesHaveWhatBothLimitsLeave(t *testing.T) {
	const mega = 1 << 20
	for _, c := range []struct {
		limit     int64
		container uint64
		hashes    int
	}{
		{math.MaxInt64, math.MaxInt64, math.MaxInt16},
		{math.MaxInt64, math.MaxUint64, math.MaxInt16},
		{math.MaxInt64, 256 * mega, 8}, // packaging/kubernetes
		{math.MaxInt64, 32 * mega, 1},
		{230 * mega, 256 * mega, 8},
		{100 * mega, 256 * mega, 3},
		{100 * mega, math.MaxInt64, 3},
		{0, math.MaxInt64, 1},
	} {
		if got := fitting(roomForHashes(c.limit, c.container)); got != c.hashes {
			t.Errorf("%d hashes at once with GOMEMLIMIT %d in a container of %d, not %d", got, c.limit, c.container, c.hashes)
		}
	}
}

func TestTheMemoryLimitBoundsTheHashesAtOnce(t *testing.T) {
	data := t.TempDir()
	cmd := exec.Command("jeton", "serve", "--data", data, "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-format", "json")
	cmd.Env = append(cmd.Environ(), "GOMEMLIMIT=60MiB")
	s := start(t, data, cmd, false)
	if metrics := s.metrics(); !strings.Contains(metrics, "jeton_password_hash_slots 1\n") {
		t.Error("with 60 MiB, there is not one hash at once")
	}
	if runtime.NumCPU() > 1 && !strings.Contains(s.log(), "fewer password hashes at once") {
		t.Errorf("that logins are slower than the cores allow is not said: %s", s.log())
	}
}
