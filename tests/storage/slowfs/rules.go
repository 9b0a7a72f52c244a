package main

import (
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// op is what a rule applies to.
type op int

const (
	opLookup op = iota
	opOpen
	opRead
	opFlush // of a close
	opCount
)

var opNames = [opCount]string{"lookup", "open", "read", "flush"}

// failure makes count calls fail, from the first-th on. A count of 0 means for
// ever, an errno of 0 never.
type failure struct {
	errno        unix.Errno
	first, count uint64
	seen         uint64
}

// rules say how slow and how broken the file system is at this moment, and
// count what was asked of it. Only files whose name matches are slowed down,
// broken or counted.
type rules struct {
	mu      sync.Mutex
	changed *sync.Cond // held, or the counters
	match   []string
	delay   [opCount]time.Duration
	fail    [opCount]failure
	hang    [opCount]chan struct{} // nil, or closed by resume
	short   int64                  // longest read, or 0
	end     int64                  // where reads see the end of the file, or -1

	done        [opCount]uint64
	missing     uint64 // lookups of what is not there, or failed
	releases    uint64
	held        uint64 // calls that hang now
	inFlight    uint64 // opens and reads that are being worked on
	maxInFlight uint64
	bytes       uint64
}

func newRules(match string) *rules {
	r := &rules{end: -1}
	r.changed = sync.NewCond(&r.mu)
	r.setMatch(match)
	return r
}

func (r *rules) setMatch(patterns string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.match = nil
	if patterns != "" {
		r.match = strings.Split(patterns, ",")
	}
}

func (r *rules) setDelay(o op, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay[o] = d
}

func (r *rules) setFailure(o op, f failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail[o] = f
}

func (r *rules) setShort(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.short = n
}

func (r *rules) setEnd(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = n
}

// setHang makes the calls of one kind wait for resume.
func (r *rules) setHang(o op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hang[o] == nil {
		r.hang[o] = make(chan struct{})
	}
}

func (r *rules) resume(o op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hang[o] != nil {
		close(r.hang[o])
		r.hang[o] = nil
	}
}

func (r *rules) resumeAll() {
	for o := range opCount {
		r.resume(o)
	}
}

// release lets everything go, for an unmount.
func (r *rules) release() {
	r.resumeAll()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = [opCount]time.Duration{}
}

// waitHeld waits until at least n calls hang.
func (r *rules) waitHeld(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.held < n {
		r.changed.Wait()
	}
}

// waitReleased waits until every file that was opened has been released: the
// kernel does so some time after the last close.
func (r *rules) waitReleased() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.releases < r.done[opOpen] || r.inFlight > 0 {
		r.changed.Wait()
	}
}

func (r *rules) matches(name string) bool {
	if len(r.match) == 0 {
		return true
	}
	for _, pattern := range r.match {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// enter is called before the work of a call, which it may hold up, or fail by
// an errno that is not 0. Each enter needs a leave.
func (r *rules) enter(o op, name string) (matched bool, errno unix.Errno) {
	r.mu.Lock()
	if !r.matches(name) {
		r.mu.Unlock()
		return false, 0
	}
	if o == opOpen || o == opRead {
		r.inFlight++
		r.maxInFlight = max(r.maxInFlight, r.inFlight)
	}
	delay, gate := r.delay[o], r.hang[o]
	if f := &r.fail[o]; f.errno != 0 {
		f.seen++
		if f.seen >= f.first &&
			(f.count == 0 || f.seen < f.first+f.count) {
			errno = f.errno
		}
	}
	if gate != nil {
		r.held++
		r.changed.Broadcast()
	}
	r.mu.Unlock()

	// The kernel's interrupts are ignored, as a hard mount does.
	if delay > 0 {
		time.Sleep(delay)
	}
	if gate != nil {
		<-gate
		r.mu.Lock()
		r.held--
		r.mu.Unlock()
	}
	return true, errno
}

// leave ends what enter began. ok: the call succeeded.
func (r *rules) leave(o op, matched, ok bool) {
	if !matched {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o == opOpen || o == opRead {
		r.inFlight--
	}
	if ok {
		r.done[o]++
	} else if o == opLookup {
		r.missing++
	}
	r.changed.Broadcast()
}

func (r *rules) released() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.releases++
	r.changed.Broadcast()
}

// window cuts what a read is given.
func (r *rules) window(buf []byte, offset int64) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := int64(len(buf))
	if r.short > 0 {
		size = min(size, r.short)
	}
	if r.end >= 0 {
		size = max(0, min(size, r.end-offset))
	}
	r.bytes += uint64(size)
	return buf[:size]
}

func (r *rules) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Releases of files that are open now are still to come.
	r.done = [opCount]uint64{opOpen: r.done[opOpen] - r.releases}
	r.missing, r.releases, r.bytes = 0, 0, 0
	r.maxInFlight = r.inFlight
}

func (r *rules) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("lookups=%d missing=%d opens=%d reads=%d"+
		" releases=%d bytes=%d held=%d inflight=%d max_inflight=%d",
		r.done[opLookup], r.missing, r.done[opOpen], r.done[opRead],
		r.releases, r.bytes, r.held, r.inFlight, r.maxInFlight)
}
