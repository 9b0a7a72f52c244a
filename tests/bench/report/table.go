package main

import (
	"fmt"
	"strings"
)

// peers in the order of the tables, and what they are.
var peers = []struct{ name, what string }{
	{"S", "open, fstat, read, close, one message after another (mdbox: a file stays open while the next message is in it)"},
	{"F", "the same, with posix_fadvise called for the whole batch before"},
	{"V", "libuv with its default of 4 threads, a message one piece of work"},
	{"P", "a pool of 64 threads and an eventfd"},
	{"L1", "liburing by hand, message by message: open, read, close as steps; DEFER_TASKRUN, eventfd, IOSQE_ASYNC on FUSE, 64 io-wq workers of each kind, which are 64 for opens and 64 more for reads"},
	{"L2", "liburing by hand, the messages of a batch sorted, neighbours read together (mdbox)"},
	{"library", "libdbox_aio, io_uring"},
	{"threads", "libdbox_aio, threads"},
}

var states = map[string]string{
	"warm":         "cached",
	"cold":         "cold",
	"pages":        "cold but for directories and inodes",
	"fuse1-direct": "FUSE 1 ms, direct",
	"fuse1-cached": "FUSE 1 ms",
	"fuse5-direct": "FUSE 5 ms, direct",
	"fuse5-cached": "FUSE 5 ms",
}

func (k key) title() string {
	layout := k.layout
	switch layout {
	case "shuffled":
		layout = "mdbox shuffled"
	case "large":
		layout = "sdbox of 1.5 MB each"
	}
	s := fmt.Sprintf("%s, %s, b = %d", layout, states[k.state], k.batch)
	if k.mode == "direct" {
		s += " without the loop"
	}
	return s
}

// table is the whole report.
func table(f *figures, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmark\n\n%s; %s; %s.\n\n", f.notes["machine"], f.notes["kernel"], f.notes["versions"])
	fmt.Fprintf(&b, "Times are microseconds a message, medians of the rounds; ratios are medians of the ratios of\n"+
		"rounds run side by side. All rounds: [%s-rounds.csv](%s-rounds.csv), [%s-specials.csv](%s-specials.csv).\n", name, name, name, name)
	fmt.Fprintf(&b, "b is the number of messages asked for at once; the next batch begins when all of them are\n"+
		"there. Cold: everything dropped before each round, by %s.\n"+
		"Messages have 2 to 64 KiB, 1000 of them in sdbox files or in 10 mdbox files, where nothing else is said. On FUSE the library\n"+
		"gets max_workers = 128, so that one mount has 64 of them, as P has in all; each open\n"+
		"and each read takes the time that is given, names and attributes are cached.\n\n", f.notes["cold"])
	for _, p := range peers {
		fmt.Fprintf(&b, "- **%s**: %s\n", p.name, p.what)
	}
	fmt.Fprintf(&b, "\n![Time against the best by hand](%s-ratios.svg)\n\n![Time by storage](%s-latency.svg)\n\n", name, name)
	b.WriteString("## Targets\n\n" + targetTable(f))
	b.WriteString("\n## Time, microseconds a message\n\n" + peerTable(f, wall, "%.1f"))
	b.WriteString("\n## CPU of the whole process, microseconds a message (system calls' part)\n\n" + cpuTable(f))
	b.WriteString("\n## Context switches a message, voluntary\n\n" + peerTable(f, func(r round) float64 { return r.switches }, "%.2f"))
	if reason := f.notes["calls"]; reason != "" {
		fmt.Fprintf(&b, "\nSystem calls: %s.\n", reason)
	} else {
		b.WriteString("\n## System calls a message, counted in a round of their own\n\n" +
			peerTable(f, func(r round) float64 { return r.calls }, "%.2f"))
	}
	b.WriteString("\n## Longest time away from the loop, microseconds, callbacks included\n\n" + longestTable(f))
	b.WriteString("\n## One request every 10 ms\n\n" + sparseTable(f))
	b.WriteString("\n## Lengths of submit and dispatch, calls of all rounds\n\n" + lengthTable(f))
	for i, s := range f.skips {
		if i == 0 {
			b.WriteString("\n## Not measured\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", s)
	}
	return b.String()
}

func targetTable(f *figures) string {
	var b strings.Builder
	b.WriteString("| # | what | target | measured | |\n| --- | --- | --- | --- | --- |\n")
	for _, t := range targets(f) {
		value, verdict := t.value, "reached"
		switch {
		case value == "":
			value, verdict = "–", "not measured"
		case !t.reached:
			value, verdict = "**"+value+"**", "**not reached**"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", t.number, t.what, t.bound, value, verdict)
	}
	return b.String()
}

// heading is a table's first two lines, with a column for each peer.
func heading(b *strings.Builder, first string) {
	fmt.Fprintf(b, "| %s |", first)
	for _, p := range peers {
		fmt.Fprintf(b, " %s |", p.name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(peers)) + "\n")
}

// rows is a table with a row for each case and a cell for each peer.
func rows(f *figures, cell func(k key, peer string) string) string {
	var b strings.Builder
	heading(&b, "case")
	for _, k := range f.cases {
		fmt.Fprintf(&b, "| %s |", k.title())
		for _, p := range peers {
			text := "–"
			if len(f.rounds[k][p.name]) > 0 {
				text = cell(k, p.name)
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func peerTable(f *figures, get func(round) float64, format string) string {
	return rows(f, func(k key, peer string) string {
		return fmt.Sprintf(format, f.of(k, peer, get))
	})
}

func cpuTable(f *figures) string {
	return rows(f, func(k key, peer string) string {
		return fmt.Sprintf("%.1f (%.1f)", f.of(k, peer, cpu),
			f.of(k, peer, func(r round) float64 { return r.system }))
	})
}

func longestTable(f *figures) string {
	return rows(f, func(k key, peer string) string {
		longest := 0.0
		for _, r := range f.rounds[k][peer] {
			longest = max(longest, r.longest)
		}
		return fmt.Sprintf("%.0f", longest)
	})
}

func sparseTable(f *figures) string {
	var b strings.Builder
	b.WriteString("| | CPU, µs a request | context switches a request |\n| --- | --- | --- |\n")
	for _, name := range []string{"none", "S", "L1", "library", "threads"} {
		title := name
		if name == "none" {
			title = "the wait of 10 ms alone"
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.1f |\n", title,
			one(f, "sparse_cpu_us", name), one(f, "sparse_switches", name))
	}
	return b.String()
}

func lengthTable(f *figures) string {
	var b strings.Builder
	variants := []string{"library cached", "threads cached", "library fuse20", "threads fuse20"}
	b.WriteString("| at least, µs |")
	for _, v := range variants {
		fmt.Fprintf(&b, " %s |", v)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(variants)) + "\n")
	for us := 1; us < 1<<24; us *= 2 {
		name := fmt.Sprintf("calls_%d_us", us)
		if len(f.specials[name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %d |", us)
		for _, v := range variants {
			sum := 0.0
			for _, n := range f.special(name, v) {
				sum += n
			}
			fmt.Fprintf(&b, " %.0f |", sum)
		}
		b.WriteString("\n")
	}
	return b.String()
}
