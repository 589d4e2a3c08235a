package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAClockThatJumpsIsTold(t *testing.T) {
	for _, c := range []struct {
		name         string
		wall, steady time.Duration // that pass between two looks
		want         string
	}{
		{"a clock that runs", time.Second, time.Second, ""},
		{"a clock that is corrected a little", 3 * time.Second, time.Second, ""},
		{"a machine that was busy", time.Minute, time.Minute, ""},
		{"an hour forward", time.Hour + time.Second, time.Second, `"the clock jumped forward`},
		{"an hour back", time.Second - time.Hour, time.Second, `"the clock jumped back`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			wall, steady := time.Unix(1_800_000_000, 0), time.Duration(0)
			w := newClockWatch(func() time.Time { return wall }, slog.New(slog.NewTextHandler(&out, nil)))
			w.steady = func() time.Duration { return steady }
			w.lastSteady = 0
			wall, steady = wall.Add(c.wall), steady+c.steady
			w.look()
			if c.want == "" && out.Len() > 0 || !strings.Contains(out.String(), c.want) {
				t.Errorf("the log has %q, want %q", out.String(), c.want)
			}
			if c.want != "" && !strings.Contains(out.String(), "1h0m0s") {
				t.Errorf("it does not say by how much: %q", out.String())
			}
			out.Reset()
			wall, steady = wall.Add(time.Second), steady+time.Second
			w.look()
			if out.Len() > 0 {
				t.Errorf("it is told twice: %q", out.String())
			}
		})
	}
}
