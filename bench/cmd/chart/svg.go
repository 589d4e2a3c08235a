package main

import (
	"fmt"
	"html"
	"strings"
)

// The chart has a panel for each algorithm, and in it a bar for each library:
// its time as a multiple of the floor's. Each panel has its own scale.
const (
	chartWidth  = 760
	columns     = 2
	gap         = 24
	margin      = 16
	panelWidth  = (chartWidth - 2*margin - (columns-1)*gap) / columns
	labelWidth  = 92
	numberWidth = 48
	barHeight   = 14
	barStep     = 20
	titleHeight = 28
)

// The chart brings its own background, because a picture in a page does not
// learn which theme the page has, only which one the reader's system prefers.
const style = `
.back{fill:#ffffff} .text{fill:#24292f} .dim{fill:#57606a} .axis{stroke:#8c959f}
.bar{fill:#9aa7b4} .own{fill:#c2410c} .least{fill:#57606a}
@media (prefers-color-scheme: dark){
.back{fill:#0d1117} .text{fill:#e6edf3} .dim{fill:#9da7b3} .axis{stroke:#6e7681}
.bar{fill:#54616f} .own{fill:#fb923c} .least{fill:#9da7b3}}
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.title{font-size:15px;font-weight:600} .panel{font-size:13px;font-weight:600}`

type bar struct {
	library string
	ratio   float64
}

func svg(r *results, op operation) string {
	type panel struct {
		title string
		bars  []bar
	}
	var panels []panel
	for _, alg := range algorithms {
		var bars []bar
		for _, library := range r.rows(op.name) {
			if ratio, ok := r.ratio(op.name, alg, library, floor); ok {
				bars = append(bars, bar{library, ratio})
			}
		}
		if len(bars) > 0 {
			panels = append(panels, panel{alg + ", " + runs(r, op.name, alg), bars})
		}
	}

	var body strings.Builder
	title := op.title + ": time per token, as a multiple of the floor (shorter is better)"
	fmt.Fprintf(&body, `<text class="text title" x="%d" y="28">%s</text>`+"\n", margin, html.EscapeString(title))
	y := 44
	for row := 0; row < len(panels); row += columns {
		height := 0
		for i, p := range panels[row:min(row+columns, len(panels))] {
			x := margin + i*(panelWidth+gap)
			drawPanel(&body, x, y, p.title, p.bars)
			height = max(height, titleHeight+len(p.bars)*barStep)
		}
		y += height + gap/2
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n<style>%s</style>\n"+`<rect class="back" width="%d" height="%d" rx="6"/>`+"\n%s</svg>\n",
		chartWidth, y, chartWidth, y, html.EscapeString(title), style, chartWidth, y, body.String())
}

// runs says of how many runs the medians are, since one alone means little.
func runs(r *results, operation, algorithm string) string {
	if _, n := r.median(key{operation, algorithm, floor}); n > 1 {
		return fmt.Sprintf("%d runs", n)
	}
	return "1 run"
}

func drawPanel(b *strings.Builder, x, y int, title string, bars []bar) {
	fmt.Fprintf(b, `<text class="text panel" x="%d" y="%d">%s</text>`+"\n", x, y+18, html.EscapeString(title))
	longest := 1.0
	for _, e := range bars {
		longest = max(longest, e.ratio)
	}
	room := float64(panelWidth - labelWidth - numberWidth)
	left, top := x+labelWidth, y+titleHeight
	for i, e := range bars {
		at := top + i*barStep
		class := "bar"
		switch {
		case e.library == floor:
			class = "least"
		case strings.HasPrefix(e.library, "jeton"):
			class = "own"
		}
		width := max(1, e.ratio/longest*room)
		fmt.Fprintf(b, `<text class="text" x="%d" y="%d" text-anchor="end">%s</text>`, left-6, at+barHeight-3, html.EscapeString(e.library))
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`, class, left, at, width, barHeight)
		fmt.Fprintf(b, `<text class="dim" x="%.1f" y="%d">%s</text>`+"\n", float64(left)+width+5, at+barHeight-3, multiple(e.ratio))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", left, top-3, left, top+len(bars)*barStep-2)
}
