package main

import (
	"fmt"
	"math"
	"strings"
)

// svg collects the elements of a picture.
type svg struct {
	strings.Builder
	width, height int
}

const style = `text{font:12px sans-serif;fill:#222}
.title{font-size:15px;font-weight:bold}.small{font-size:11px;fill:#666}
.right{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:#ddd}.one{stroke:#c33;stroke-width:1.5}`

func (s *svg) text(x, y float64, class, format string, args ...any) {
	fmt.Fprintf(s, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class, fmt.Sprintf(format, args...))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class)
}

func (s *svg) bar(x, y, w, h float64, color string) {
	fmt.Fprintf(s, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, y, w, h, color)
}

func (s *svg) picture() string {
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n<style>%s</style>\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n%s</svg>\n", s.width, s.height, style, s.String())
}

const (
	libraryColor = "#2a6f97"
	threadsColor = "#8fb8cf"
)

// best is the peer that the library is held against in a case.
func best(k key) string {
	switch {
	case k.mode == "direct":
		return "S"
	case k.layout == "sdbox":
		return "L1"
	}
	return "L2"
}

// ratioChart draws the library's time against the best that is written by hand.
func ratioChart(f *figures) string {
	const left, right, rowHeight, top, widest = 230.0, 830.0, 30.0, 70.0, 2.0
	s := &svg{width: 900, height: int(top + rowHeight*float64(len(f.cases)) + 20)}
	bottom := float64(s.height) - 15
	x := func(ratio float64) float64 { return left + (right-left)*min(ratio, widest)/widest }
	s.text(20, 25, "title", "Time of the library, as a part of liburing by hand (shorter is better)")
	s.text(20, 45, "small", "sdbox: against L1; mdbox: against L2; without the loop: against S. %s", f.notes["machine"])
	for r := 0.0; r <= widest; r += 0.25 {
		s.line(x(r), top-5, x(r), bottom, "grid")
		s.text(x(r), top-9, "small middle", "%.2f", r)
	}
	for i, k := range f.cases {
		y := top + rowHeight*float64(i)
		s.text(left-8, y+16, "right", "%s", k.title())
		for j, peer := range []string{"library", "threads"} {
			ratio, ok := f.ratio(k, peer, best(k), wall)
			if !ok {
				continue
			}
			color := []string{libraryColor, threadsColor}[j]
			at := y + 3 + float64(j)*12
			s.bar(left, at, x(ratio)-left, 10, color)
			s.text(x(ratio)+4, at+9, "small", "%.2f", ratio)
		}
	}
	s.line(x(1), top-5, x(1), bottom, "one")
	s.bar(620, 16, 10, 10, libraryColor)
	s.text(634, 25, "small", "io_uring")
	s.bar(700, 16, 10, 10, threadsColor)
	s.text(714, 25, "small", "threads")
	return s.picture()
}

// latencyChart draws the time a message takes by how slow the storage is.
func latencyChart(f *figures) string {
	const left, right, top, bottom = 70.0, 860.0, 60.0, 380.0
	columns := []struct{ state, title string }{
		{"warm", "cached"}, {"cold", "local disk, cold"}, {"fuse1-direct", "1 ms (FUSE)"}, {"fuse5-direct", "5 ms (FUSE)"},
	}
	colors := map[string]string{
		"S": "#444", "F": "#999", "V": "#c9a227", "P": "#7a9e3f", "L1": "#c35a38",
		"library": libraryColor, "threads": threadsColor,
	}
	order := []string{"S", "F", "V", "P", "L1", "library", "threads"}
	s := &svg{width: 900, height: 430}
	s.text(20, 25, "title", "Time a message, by storage; sdbox, 100 at once (logarithmic)")
	y := func(us float64) float64 {
		return bottom - (bottom-top)*min(1, max(0, math.Log10(us)/math.Log10(20000)))
	}
	for _, us := range []float64{1, 10, 100, 1000, 10000} {
		s.line(left, y(us), right, y(us), "grid")
		s.text(left-6, y(us)+4, "small right", "%.0f µs", us)
	}
	group := (right - left) / float64(len(columns))
	for i, c := range columns {
		at := left + group*float64(i) + 10
		s.text(at+group/2-10, bottom+20, "middle", "%s", c.title)
		for j, peer := range order {
			k := sdbox(c.state, 100)
			if len(f.rounds[k][peer]) == 0 {
				continue
			}
			us := f.of(k, peer, wall)
			w := (group - 20) / float64(len(order))
			s.bar(at+w*float64(j), y(us), w-3, bottom-y(us), colors[peer])
			s.text(at+w*float64(j)+w/2-1, y(us)-3, "small middle", "%.3g", us)
		}
	}
	for j, peer := range order {
		s.bar(left+float64(j)*100, 410, 10, 10, colors[peer])
		s.text(left+float64(j)*100+14, 419, "small", "%s", peer)
	}
	return s.picture()
}
