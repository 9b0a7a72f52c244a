package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Log is all of the log.
func (l *Lab) Log() []byte {
	text, err := os.ReadFile(l.LogFile())
	if err != nil {
		return nil
	}
	return text
}

// LogSince is what was added after mark, which was len(l.Log()).
func (l *Lab) LogSince(mark int) []byte {
	text := l.Log()
	if mark > len(text) {
		return nil
	}
	return text[mark:]
}

// SettleLog waits until what processes have said is in the log: they send it to
// a process of Dovecot's, which writes it.
func (l *Lab) SettleLog() {
	last := -1
	for size := len(l.Log()); size != last; size = len(l.Log()) {
		last = size
		time.Sleep(300 * time.Millisecond)
	}
}

// Tail is the end of the log.
func (l *Lab) Tail(lines int) []byte {
	all := bytes.SplitAfter(l.Log(), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], nil)
}

// What no Dovecot may ever say, plugin or not.
var crash = regexp.MustCompile(
	`(?m)^.*(Panic:|Fatal:|core dumped|killed with signal|Assertion|` +
		`SIGSEGV|fatal error:|runtime error:|Raw backtrace|Leaked ).*$`)

// Crashes are the lines in a piece of the log that tell of one.
func Crashes(log []byte) []string {
	var lines []string
	for _, line := range crash.FindAll(log, -1) {
		lines = append(lines, string(line))
	}
	return lines
}

var panicLine = regexp.MustCompile(
	`(?m)(Panic: .*|killed with signal \d+ .*|fatal error: .*|Leaked .*)$`)

// Panics is what processes died of, without which processes these were.
func Panics(log []byte) []string {
	var lines []string
	for _, line := range panicLine.FindAll(log, -1) {
		lines = append(lines, string(line))
	}
	return lines
}

var faultLine = regexp.MustCompile(`(?m)^.*(Error:|Warning:|Panic:|Fatal:).*$`)

// Faults are the lines that complain, of whatever.
func Faults(log []byte) []string {
	var lines []string
	for _, line := range faultLine.FindAll(log, -1) {
		lines = append(lines, string(line))
	}
	return lines
}

// Processes are the pids of this Dovecot's processes of that name.
func (l *Lab) Processes(name string) []int {
	if l.master == nil {
		return nil
	}
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range dirs {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		left, rest, ok := strings.Cut(string(text), ") ")
		if !ok {
			continue
		}
		pid, comm, _ := strings.Cut(left, " (")
		var state string
		var parent, group int
		fmt.Sscan(rest, &state, &parent, &group)
		if comm == name && group == l.master.Process.Pid && state != "Z" {
			n, _ := strconv.Atoi(pid)
			pids = append(pids, n)
		}
	}
	return pids
}

// OneProcess is the pid of the only process of that name.
func (l *Lab) OneProcess(name string) (int, error) {
	pids := l.Processes(name)
	if len(pids) != 1 {
		return 0, fmt.Errorf("%d processes of %s, not one\n%s", len(pids), name,
			l.Tail(10))
	}
	return pids[0], nil
}

// Descriptors are what a process has open, by what they lead to.
func Descriptors(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err == nil {
			open = append(open, target)
		}
	}
	return open, nil
}

// Eventually waits until f returns nil, or gives up with its error. What it
// waits for happens soon, or never.
func Eventually(f func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ResidentKB is how much memory of a process is resident now, its own share:
// what is shared is divided by how many share it.
func ResidentKB(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			return strconv.Atoi(strings.TrimSpace(
				strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
		}
	}
	return 0, fmt.Errorf("pid %d: no Pss", pid)
}
