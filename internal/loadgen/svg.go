package loadgen

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"time"
)

// The picture: a bar for each step of latency, on a logarithmic axis, because
// the tail is what it is for.
const (
	svgWidth, svgHeight = 760, 340
	plotLeft, plotRight = 56, 744
	plotTop, plotBottom = 84, 288
	stepsPerDecade      = 20
)

// It brings its own background, since a picture in a page does not learn which
// theme the page has, only which one the reader's system prefers.
const svgStyle = `
.back{fill:#ffffff} .text{fill:#24292f} .dim{fill:#57606a} .axis{stroke:#d0d7de} .bar{fill:#2563a8} .mark{stroke:#c2410c} .label{fill:#c2410c}
@media (prefers-color-scheme: dark){
.back{fill:#0d1117} .text{fill:#e6edf3} .dim{fill:#9da7b3} .axis{stroke:#30363d} .bar{fill:#58a6ff} .mark{stroke:#fb923c} .label{fill:#fb923c}}
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.title{font-size:15px;font-weight:600}`

// SVG returns the latencies as a picture of 760 x 340.
func (r *Result) SVG() string {
	counts := make(map[int]int64)
	first, last := math.MaxInt, math.MinInt
	var most int64
	for _, bar := range r.histogram.Distribution() {
		if bar.Count == 0 {
			continue
		}
		step := stepOf(float64(min(bar.To, int64(r.Max*float64(time.Millisecond)))))
		counts[step] += bar.Count
		first, last, most = min(first, step), max(last, step), max(most, counts[step])
	}
	title := fmt.Sprintf("%s, %s: %s/s", r.Op, count(int64(r.Clients), "client"), thousands(int64(math.Round(r.OpsPerS))))
	if r.Rate > 0 {
		title += fmt.Sprintf(" of %s/s due", thousands(int64(math.Round(r.Rate))))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n<style>%s</style>\n",
		svgWidth, svgHeight, svgWidth, svgHeight, html.EscapeString("Latency of "+title), svgStyle)
	fmt.Fprintf(&b, `<rect class="back" width="%d" height="%d" rx="6"/>`+"\n", svgWidth, svgHeight)
	fmt.Fprintf(&b, `<text class="text title" x="16" y="28">%s</text>`+"\n", html.EscapeString(title))
	fmt.Fprintf(&b, `<text class="dim" x="16" y="48">%s</text>`+"\n", html.EscapeString(r.subtitle()))
	if most > 0 {
		// Whole decades, so that there are round numbers on the axis.
		from := int(math.Floor(float64(first)/stepsPerDecade)) * stepsPerDecade
		to := (int(math.Floor(float64(last)/stepsPerDecade)) + 1) * stepsPerDecade
		r.drawPlot(&b, counts, from, to, most)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (r *Result) subtitle() string {
	text := fmt.Sprintf("%s in %.1f s, errors %s", count(r.Ops, "operation"), r.Seconds, thousands(r.Errors))
	if r.Unsent > 0 {
		text += fmt.Sprintf(", %s not sent in time", thousands(r.Unsent))
	}
	if r.Rate > 0 {
		return text + "; latency from when a request was due"
	}
	return text + "; closed loop"
}

func (r *Result) drawPlot(b *strings.Builder, counts map[int]int64, from, to int, most int64) {
	width := float64(plotRight-plotLeft) / float64(to-from)
	x := func(step float64) float64 { return plotLeft + (step-float64(from))*width }
	for decade := from; decade <= to; decade += stepsPerDecade {
		at := x(float64(decade))
		fmt.Fprintf(b, `<path class="axis" d="M%.1f %dV%d"/><text class="dim" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			at, plotTop, plotBottom+4, at, plotBottom+20, duration(latencyOf(float64(decade))))
	}
	fmt.Fprintf(b, `<path class="axis" d="M%d %dH%d"/>`+"\n", plotLeft, plotBottom, plotRight)
	fmt.Fprintf(b, `<text class="dim" x="%d" y="%d" text-anchor="end">%s</text>`+"\n", plotLeft-8, plotTop+8, short(most))
	fmt.Fprintf(b, `<text class="dim" x="%d" y="%d" text-anchor="middle">latency</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+40)
	for step := from; step < to; step++ {
		n := counts[step]
		if n == 0 {
			continue
		}
		height := max(1, float64(n)/float64(most)*(plotBottom-plotTop))
		fmt.Fprintf(b, `<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s to %s: %s</title></rect>`+"\n",
			x(float64(step))+0.5, plotBottom-height, width-1, height,
			duration(latencyOf(float64(step))), duration(latencyOf(float64(step+1))), thousands(n))
	}
	row := 0
	for _, mark := range []struct {
		name string
		ms   float64
	}{{"p50", r.P50}, {"p99", r.P99}, {"max", r.Max}} {
		if mark.ms <= 0 {
			continue
		}
		at := x(math.Log10(mark.ms*float64(time.Millisecond)) * stepsPerDecade)
		anchor, shift := "start", 4.0
		if at > plotRight-110 {
			anchor, shift = "end", -4.0
		}
		y := plotTop - 18 + row*13
		fmt.Fprintf(b, `<path class="mark" d="M%.1f %dV%d" stroke-dasharray="3 3"/><text class="label" x="%.1f" y="%d" text-anchor="%s">%s %s</text>`+"\n",
			at, y-8, plotBottom, at+shift, y, anchor, mark.name, duration(time.Duration(mark.ms*float64(time.Millisecond))))
		row++
	}
}

func stepOf(nanoseconds float64) int {
	return int(math.Floor(math.Log10(max(1, nanoseconds)) * stepsPerDecade))
}

func latencyOf(step float64) time.Duration {
	return time.Duration(math.Round(math.Pow(10, step/stepsPerDecade)))
}

// duration writes three digits and a unit.
func duration(d time.Duration) string {
	switch {
	case d >= time.Second:
		return significant(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return significant(float64(d)/float64(time.Millisecond)) + " ms"
	default:
		return significant(float64(d)/float64(time.Microsecond)) + " \u00b5s"
	}
}

func significant(x float64) string {
	digits := 0
	switch {
	case x < 10:
		digits = 2
	case x < 100:
		digits = 1
	}
	text := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func short(n int64) string {
	switch {
	case n >= 1e6:
		return significant(float64(n)/1e6) + " M"
	case n >= 1e4:
		return significant(float64(n)/1e3) + " k"
	}
	return thousands(n)
}

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}
