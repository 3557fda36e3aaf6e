package main

import (
	"fmt"
	"math"
	"strings"
)

// The size of one panel of a plot, and the room around its axes, in pixels.
const (
	panelWidth  = 300
	panelHeight = 280
	marginLeft  = 52
	marginTop   = 30
	marginRight = 14
	marginEnd   = 40
	overhang    = 10 // of the last number
)

const svgStyle = `text{font:11px sans-serif;fill:#24292f}.title{font-weight:bold}.grid{stroke:#d0d7de}.axis{stroke:#57606a}` +
	`.straight{stroke:#57606a;stroke-dasharray:4 4;fill:none}.curve{stroke:#0969da;stroke-width:2;fill:none}.point{fill:#0969da}`

// plot draws curves side by side as SVG, on logarithmic axes. The dashed line is
// straight growth: twice the work, twice the cost.
func plot(curves []curve) string {
	var b strings.Builder
	width := panelWidth*len(curves) + overhang
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n",
		width, panelHeight, width, panelHeight)
	fmt.Fprintf(&b, "<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", svgStyle)
	for i, c := range curves {
		c.draw(&b, float64(i*panelWidth))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// An axis is logarithmic, from one power of ten to another.
type axis struct {
	from, to   float64 // exponents
	start, end float64 // pixels
}

func newAxis(values []float64, start, end float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	a := axis{math.Floor(math.Log10(low)), math.Ceil(math.Log10(high)), start, end}
	if a.from == a.to {
		a.to++
	}
	return a
}

func (a axis) at(v float64) float64 {
	return a.start + (math.Log10(v)-a.from)/(a.to-a.from)*(a.end-a.start)
}

func (c curve) draw(b *strings.Builder, left float64) {
	works, costs := make([]float64, len(c.points)), make([]float64, len(c.points))
	for i, p := range c.points {
		works[i], costs[i] = p.work, max(p.cost, 1e-3) // below what /proc can tell
	}
	x := newAxis(works, left+marginLeft, left+panelWidth-marginRight)
	y := newAxis(costs, panelHeight-marginEnd, marginTop)
	fmt.Fprintf(b, `<text class="title" x="%.0f" y="18">%s</text>`+"\n", left+marginLeft, c.title)
	for e := x.from; e <= x.to; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(b, `<line class="grid" x1="%[1]f" x2="%[1]f" y1="%[2]f" y2="%[3]f"/><text x="%[1]f" y="%[4]d" text-anchor="middle">%[5]g</text>`+"\n",
			x.at(v), y.start, y.end, panelHeight-marginEnd+16, v)
	}
	for e := y.from; e <= y.to; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(b, `<line class="grid" x1="%[1]f" x2="%[2]f" y1="%[3]f" y2="%[3]f"/><text x="%[4]f" y="%[5]f" text-anchor="end">%[6]g</text>`+"\n",
			x.start, x.end, y.at(v), x.start-6, y.at(v)+4, v)
	}
	fmt.Fprintf(b, `<text x="%f" y="%d" text-anchor="middle">%s</text>`+"\n", (x.start+x.end)/2, panelHeight-8, c.workLabel)
	fmt.Fprintf(b, `<text transform="translate(%f %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", left+12, panelHeight/2, c.costLabel)

	last := len(works) - 1
	each := costs[last] / works[last]
	fmt.Fprintf(b, `<polyline class="straight" points="%s"/>`+"\n", clipped(x, y, works[0], works[last], each))
	var line []string
	for i := range works {
		line = append(line, fmt.Sprintf("%.1f,%.1f", x.at(works[i]), y.at(costs[i])))
		fmt.Fprintf(b, `<circle class="point" cx="%.1f" cy="%.1f" r="3"/>`+"\n", x.at(works[i]), y.at(costs[i]))
	}
	fmt.Fprintf(b, `<polyline class="curve" points="%s"/>`+"\n", strings.Join(line, " "))
}

// clipped gives the ends of the line cost = each × work within the panel.
func clipped(x, y axis, from, to, each float64) string {
	from = max(from, math.Pow(10, y.from)/each)
	return fmt.Sprintf("%.1f,%.1f %.1f,%.1f", x.at(from), y.at(from*each), x.at(to), y.at(to*each))
}
