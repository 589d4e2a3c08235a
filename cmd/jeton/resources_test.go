package main

import (
	"math"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestHashesHaveProcessorsAndMemory(t *testing.T) {
	const unlimited = math.MaxInt16
	for _, c := range []struct {
		why                    string
		processors, cores, fit int
		slots, then            int
	}{
		{"one for each core, beside Go's other processors", 2, 2, unlimited, 2, 4},
		{"one core", 1, 1, unlimited, 1, 2},
		{"many cores and much memory", 32, 32, 32, 32, 64},
		{"many cores and little memory", 32, 32, 8, 8, 40},
		{"room for one", 2, 2, 1, 1, 3},
		{"a share of the cores: one is left free", 4, 32, unlimited, 3, 4},
		{"a share of one core", 1, 32, unlimited, 1, 1},
		{"a share of the cores, and little memory", 8, 32, 2, 2, 8},
	} {
		if slots, then := share(c.processors, c.cores, c.fit); slots != c.slots || then != c.then {
			t.Errorf("%s: %d hashes at once and %d processors, not %d and %d", c.why, slots, then, c.slots, c.then)
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
		limit       int64
		slots       int
		here, apart int64
	}{
		{math.MaxInt64, 2, 74 * mega, 36 * mega},
		{math.MaxInt64, 8, 188 * mega, 36 * mega},
		{200 * mega, 4, 200 * mega, 100 * mega},
		{100 * mega, 2, 100 * mega, 50 * mega},
		{60 * mega, 1, 60 * mega, 36 * mega},
		{20 * mega, 1, 20 * mega, 20 * mega},
	} {
		if here, apart := limitOfGo(c.limit, c.slots, false), limitOfGo(c.limit, c.slots, true); here != c.here || apart != c.apart {
			t.Errorf("with GOMEMLIMIT %d and %d hashes the limit is %d, apart %d, not %d and %d", c.limit, c.slots, here, apart, c.here, c.apart)
		}
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
