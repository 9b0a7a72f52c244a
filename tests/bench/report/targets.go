package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is a figure that the library is to reach.
type target struct {
	number  int
	what    string
	bound   string
	value   string // "" where it was not measured
	reached bool
}

// targets compares what was measured with what is to be reached.
func targets(f *figures) []target {
	var list []target
	for _, t := range ratioTargets {
		v, ok := f.ratio(t.key, t.peer, t.to, t.figure.get)
		row := target{
			number: t.number,
			what:   fmt.Sprintf("%s, %s: %s of %s", t.key.title(), t.peer, t.figure.name, t.to),
			bound:  fmt.Sprintf("≤ %.2f", t.bound),
		}
		if ok {
			row.value = fmt.Sprintf("%.2f", v)
			if v < 0.1 {
				row.value = fmt.Sprintf("%.3f", v)
				row.bound = fmt.Sprintf("≤ %.3f", t.bound)
			}
			row.reached = v <= t.bound
		}
		list = append(list, row)
	}
	return append(list, specialTargets(f)...)
}

type figure struct {
	name string
	get  func(round) float64
}

var (
	wallTime = figure{"time", wall}
	cpuTime  = figure{"CPU", cpu}
)

type ratioTarget struct {
	number   int
	key      key
	peer, to string
	figure   figure
	bound    float64
}

func sdbox(state string, batch int) key { return key{"sdbox", state, batch, "epoll"} }

var ratioTargets = []ratioTarget{
	{1, sdbox("warm", 1), "library", "L1", wallTime, 1.00},
	{1, sdbox("warm", 10), "library", "L1", wallTime, 1.02},
	{1, sdbox("warm", 100), "library", "L1", wallTime, 1.00},
	{1, sdbox("warm", 1), "library", "L1", cpuTime, 1.10},
	{1, sdbox("warm", 10), "library", "L1", cpuTime, 1.10},
	{1, sdbox("warm", 100), "library", "L1", cpuTime, 1.10},
	{1, key{"sdbox", "warm", 1, "direct"}, "library", "S", wallTime, 1.10},
	{2, key{"mdbox", "warm", 100, "epoll"}, "library", "L2", wallTime, 1.05},
	{3, sdbox("cold", 100), "library", "L1", wallTime, 1.05},
	{4, key{"mdbox", "cold", 100, "epoll"}, "library", "L2", wallTime, 1.05},
	{4, key{"shuffled", "cold", 100, "epoll"}, "library", "L2", wallTime, 1.05},
	{5, sdbox("fuse1-direct", 100), "library", "L1", wallTime, 1.05},
	{5, sdbox("fuse1-cached", 100), "library", "L1", wallTime, 1.05},
	{5, sdbox("fuse5-direct", 100), "library", "L1", wallTime, 1.05},
	{5, sdbox("fuse5-cached", 100), "library", "L1", wallTime, 1.05},
	{5, sdbox("fuse1-direct", 100), "library", "S", wallTime, 1.0 / 20},
	{5, sdbox("fuse5-direct", 100), "library", "S", wallTime, 1.0 / 35},
	{6, sdbox("warm", 100), "threads", "P", wallTime, 1.10},
	{6, sdbox("cold", 100), "threads", "P", wallTime, 1.10},
	{6, sdbox("fuse1-direct", 100), "threads", "P", wallTime, 1.10},
	{6, sdbox("fuse1-cached", 100), "threads", "P", wallTime, 1.10},
	{6, sdbox("fuse5-direct", 100), "threads", "P", wallTime, 1.10},
	{6, sdbox("fuse5-cached", 100), "threads", "P", wallTime, 1.10},
}

// specialTargets are those that are no ratios of cases.
func specialTargets(f *figures) []target {
	var list []target
	add := func(number int, what, bound string, ok bool, format string, value float64, reached bool) {
		t := target{number: number, what: what, bound: bound}
		if ok {
			t.value = fmt.Sprintf(format, value)
			t.reached = reached
		}
		list = append(list, t)
	}
	for _, variant := range []string{"library cached", "threads cached", "library fuse20", "threads fuse20"} {
		v, ok := longest(f, variant)
		add(7, "longest call, less an idle loop's: "+variant, "≤ 2000 µs", ok, "%.0f µs", v, v <= 2000)
	}
	for _, backend := range []string{"library", "threads"} {
		for _, company := range []string{"beside", "dead"} {
			v, ok := fairness(f, backend, company)
			add(8, "quick streams' 99th percentile, against alone: "+backend+" "+company,
				"≤ 3", ok, "%.2f", v, v <= 3)
		}
	}
	requests := one(f, "pending_requests", "library")
	memory := one(f, "pending_memory", "library peak")
	bound := one(f, "pending_max_bytes", "library") + one(f, "pending_path_bytes", "library") + 300*requests
	add(9, "memory with 100,000 pending, peak, of its bound", "≤ 1", requests > 0, "%.2f", memory/bound, memory <= bound)
	first, last := one(f, "pending_submit_ns", "library first tenth"), one(f, "pending_submit_ns", "library last tenth")
	add(9, "submit's time a request, last tenth of first", "≤ 2", first > 0, "%.2f", last/first, last <= 2*first)
	for _, backend := range []string{"library", "threads"} {
		more := one(f, "idle_memory_kb", backend) - one(f, "idle_memory_kb", "L1")
		add(10, "resident memory after init, more than C's: "+backend, "≤ 4096 KiB", more != 0, "%.0f KiB", more, more <= 4096)
	}
	for _, backend := range []string{"library", "threads"} {
		v := f.special("idle_wakeups_10s", backend)
		add(11, "idle wake-ups in 10 s: "+backend, "≤ 5", len(v) > 0, "%.0f", median(v), median(v) <= 5)
	}
	for _, backend := range []string{"library", "threads"} {
		grown, ok := growth(f, backend)
		add(12, fmt.Sprintf("memory grown in %s requests: %s", million(one(f, "flat_requests", backend)), backend),
			"≤ 1024 KiB", ok, "%.0f KiB", grown, grown <= 1024)
	}
	for _, backend := range []string{"library", "threads"} {
		v := f.special("sparse_cpu_us", backend)
		add(13, "CPU of one request every 10 ms: "+backend, "≤ 100 µs", len(v) > 0, "%.0f µs", median(v), median(v) <= 100)
	}
	for _, peer := range []string{"library", "threads"} {
		n, ok := interrupted(f, peer)
		add(14, "waits interrupted in all cold cases: "+peer, "0", ok, "%.0f", float64(n), n == 0)
	}
	return list
}

func one(f *figures, figure, variant string) float64 { return median(f.special(figure, variant)) }

// longest is the longest call of all rounds, less what an idle loop showed.
func longest(f *figures, variant string) (float64, bool) {
	calls := slices.Concat(f.special("longest_submit_us", variant), f.special("longest_dispatch_us", variant))
	if len(calls) == 0 {
		return 0, false
	}
	return max(0, slices.Max(calls)-slices.Max(f.special("longest_idle_us", variant))), true
}

func fairness(f *figures, backend, company string) (float64, bool) {
	alone := f.special("quick_p99_us", backend+" alone")
	beside := f.special("quick_p99_us", backend+" "+company)
	if len(alone) == 0 || len(beside) == 0 {
		return 0, false
	}
	return median(beside) / median(alone), true
}

// growth is how much larger the process became after a tenth of the requests.
func growth(f *figures, backend string) (float64, bool) {
	v := f.special("flat_memory_kb", backend)
	if len(v) < 3 {
		return 0, false
	}
	return slices.Max(v) - v[len(v)/10-1], true
}

func interrupted(f *figures, peer string) (int, bool) {
	n, ok := 0, false
	for _, k := range f.cases {
		if !strings.HasPrefix(k.state, "cold") && k.state != "pages" {
			continue
		}
		for _, r := range f.rounds[k][peer] {
			n += r.interrupted
			ok = true
		}
	}
	return n, ok
}

func million(n float64) string {
	switch {
	case n == 0:
		return "many"
	case n < 1e6:
		return fmt.Sprintf("%.1f million", n/1e6)
	}
	return fmt.Sprintf("%.0f million", n/1e6)
}
