// Package both has a ring for what local storage answers without a worker, and
// workers for all other: remote storage, and local operations with Wait set.
//
// io_uring has workers of its own, io-wq, but the kernel creates them on the
// thread that submits, by task work that interrupts its waiting calls: with
// names and inodes out of the cache one in fifty cold opens made the host's
// epoll_wait(2) return EINTR, DEFER_TASKRUN or not (Linux 6.18).
//
// The workers exist only from the first operation that needs one on. All is for
// them once the kernel refuses the ring, which a host can bring about that makes
// a context first and a seccomp filter later.
package both

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/threads"
	"libdbox_aio/go/backend/uring"
)

// Backend is the io_uring backend with workers at its side.
type Backend struct {
	*uring.Backend
	newWorkers func() (backend.Backend, error)
	workers    backend.Backend // or nil
	atWorkers  []bool          // operations that they have, by tag
	ended      []event         // without a worker
	signal     func()
	moved      bool // the ring is refused: all is for workers
}

// event is one that has not been reaped yet.
type event struct {
	backend.Event
	kind backend.Kind
}

// New joins a ring with the workers that newWorkers makes when they are
// needed. signal makes the context's event descriptor readable.
func New(ring *uring.Backend, newWorkers func() (backend.Backend, error), signal func()) *Backend {
	return &Backend{Backend: ring, newWorkers: newWorkers, signal: signal}
}

// Start implements backend.Backend.
func (b *Backend) Start(op *backend.Op) {
	if !b.moved && !op.Remote && !op.Wait {
		b.Backend.Start(op)
		b.look()
		return
	}
	b.startWorker(op)
}

// haveWorkers reports whether there are workers, now at the latest.
func (b *Backend) haveWorkers() bool {
	if b.workers == nil {
		workers, err := b.newWorkers()
		if err != nil {
			return false
		}
		b.workers = workers
	}
	return true
}

func (b *Backend) startWorker(op *backend.Op) {
	if op.Cached {
		// From before the ring was refused. Now it is not Batched.
		b.end(op, -int32(unix.EAGAIN))
		return
	}
	if !b.haveWorkers() {
		// No thread is to be had, and the ring would want one too.
		res := -int32(unix.ENOMEM)
		if !op.Remote && op.Rights == 0 {
			res = threads.Do(op) // better late than refused
		}
		b.end(op, res)
		return
	}
	for int(op.Tag) >= len(b.atWorkers) {
		b.atWorkers = append(b.atWorkers, make([]bool, 256)...)
	}
	b.atWorkers[op.Tag] = true
	b.workers.Start(op)
}

func (b *Backend) end(op *backend.Op, res int32) {
	b.ended = append(b.ended, event{backend.Event{Tag: op.Tag, Res: res}, op.Kind})
	b.signal()
}

// look has the workers do all that the ring was to do, once it is refused.
func (b *Backend) look() {
	if b.moved || !b.Refused() {
		return
	}
	b.moved = true
	for _, op := range b.Unsent() {
		b.startWorker(&op)
	}
}

// Batched implements backend.Backend.
func (b *Backend) Batched() bool { return !b.moved }

// Pooled implements backend.Backend.
func (b *Backend) Pooled() bool { return b.moved }

// CloseSoon implements backend.Backend.
func (b *Backend) CloseSoon(fd int32) {
	if b.moved {
		b.CloseNow(fd)
		return
	}
	b.Backend.CloseSoon(fd)
	b.look()
}

// Alarm implements backend.Backend.
func (b *Backend) Alarm(at, now int64) {
	if !b.moved {
		b.Backend.Alarm(at, now)
		b.look()
	}
	if b.moved && b.haveWorkers() {
		b.workers.Alarm(at, now)
	}
}

// Reap implements backend.Backend.
func (b *Backend) Reap(events []backend.Event) int {
	n := b.reapWorkers(events)
	n += b.Backend.Reap(events[n:])
	b.look()
	return n
}

// Flush implements backend.Backend.
func (b *Backend) Flush() {
	b.Backend.Flush()
	b.look()
	if b.workers != nil {
		b.workers.Flush()
	}
}

// Turn implements backend.Backend. To workers a call ends with its Flush.
func (b *Backend) Turn(events []backend.Event) int {
	n := b.reapWorkers(events)
	n += b.Backend.Turn(events[n:])
	b.look()
	return n
}

func (b *Backend) reapWorkers(events []backend.Event) int {
	n := min(len(events), len(b.ended))
	for i := range n {
		events[i] = b.ended[i].Event
	}
	b.ended = append(b.ended[:0], b.ended[n:]...)
	if b.workers == nil {
		return n
	}
	got := b.workers.Reap(events[n:])
	for _, ev := range events[n : n+got] {
		b.atWorkers[ev.Tag] = false
	}
	return n + got
}

// Cancel implements backend.Backend.
func (b *Backend) Cancel(tag uint32) {
	if int(tag) < len(b.atWorkers) && b.atWorkers[tag] {
		b.workers.Cancel(tag)
		return
	}
	if !b.moved {
		b.Backend.Cancel(tag)
	}
}

// Close implements backend.Backend.
func (b *Backend) Close(released func()) {
	for _, ev := range b.ended {
		if ev.kind == backend.Open && ev.Res >= 0 {
			b.CloseNow(ev.Res)
		}
	}
	if b.workers == nil {
		b.Backend.Close(released)
		return
	}
	var ended atomic.Int32
	one := func() {
		if ended.Add(1) == 2 {
			released()
		}
	}
	b.workers.Close(one)
	b.Backend.Close(one)
}
