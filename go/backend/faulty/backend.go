package faulty

import (
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

// Backend is a backend that misbehaves.
type Backend struct {
	inner  backend.Backend
	script Script
	signal func()
	counts [Calls]int

	at     []place // operations in flight, by tag
	held   []held  // in the order in which they came to be held
	ended  []backend.Event
	buffer [64]backend.Event
	closed bool
	left   atomic.Int32 // what released waits for, after Close
	done   func()
}

// place is where an operation is.
type place struct {
	state state
	op    backend.Op
	fault Fault
}

// undone reports whether the fault keeps the operation from being done at all.
func (p *place) undone() bool {
	return p.fault.Errno != 0 && (p.op.Kind != backend.Close || p.fault.Errno == unix.ENOMEM)
}

type state uint8

const (
	absent state = iota
	inside       // the wrapped backend has it
	waiting
	kept
	over // its event waits for Reap
)

type held struct {
	tag uint32
	res int32 // of one that is kept back
}

// New wraps a backend. signal makes the context's event descriptor readable;
// a nil script lets all go well.
func New(inner backend.Backend, signal func(), script Script) *Backend {
	b := &Backend{inner: inner, signal: signal}
	b.Play(script)
	return b
}

// Play has another script followed from now on; the calls are counted anew.
func (b *Backend) Play(script Script) {
	if script == nil {
		script = func(Call, int) Fault { return Fault{} }
	}
	b.script = script
	b.counts = [Calls]int{}
}

// Count returns how many calls of a kind there have been since the script
// began.
func (b *Backend) Count(call Call) int { return b.counts[call] }

// Held returns how many operations wait for Release.
func (b *Backend) Held() int { return len(b.held) }

// Release lets go of an operation that waits, the i-th of Held: of those that
// are left the order stays. It may be called after Close.
func (b *Backend) Release(i int) {
	h := b.held[i]
	b.held = append(b.held[:i], b.held[i+1:]...)
	p := &b.at[h.tag]
	switch {
	case b.closed && p.state == waiting:
		if !p.undone() {
			b.discard(p.op.Kind, do(&p.op))
		}
	case b.closed:
		b.discard(p.op.Kind, h.res)
	case p.state == kept:
		b.end(h.tag, h.res)
	default:
		b.begin(h.tag)
		b.inner.Flush()
	}
	if b.closed {
		b.drop()
	}
}

// ReleaseAll lets go of all that waits, and keeps nothing back that has begun.
func (b *Backend) ReleaseAll() {
	for i := range b.at {
		b.at[i].fault.Hold = HoldNot
	}
	for len(b.held) > 0 {
		b.Release(0)
	}
}

func (b *Backend) fault(call Call) Fault {
	b.counts[call]++
	return b.script(call, b.counts[call])
}

// TryOpen implements backend.Backend.
func (b *Backend) TryOpen(path uintptr) (int32, syscall.Errno) {
	if f := b.fault(TryOpen); f.Errno != 0 {
		return -1, f.Errno
	}
	return b.inner.TryOpen(path)
}

// TryRead implements backend.Backend.
func (b *Backend) TryRead(fd int32, buf uintptr, n int, off uint64) (int, syscall.Errno) {
	f := b.fault(TryRead)
	if f.Errno != 0 {
		return 0, f.Errno
	}
	if f.Short > 0 {
		n = min(n, f.Short)
	}
	return b.inner.TryRead(fd, buf, n, off)
}

// Attr implements backend.Backend.
func (b *Backend) Attr(fd int32, a *backend.Attr) syscall.Errno {
	f := b.fault(Attr)
	if f.Errno != 0 {
		return f.Errno
	}
	errno := b.inner.Attr(fd, a)
	if errno != 0 {
		return errno
	}
	if f.Mount != 0 {
		a.MountID = f.Mount
	}
	a.Size -= min(f.Shrink, a.Size)
	return 0
}

// CloseNow implements backend.Backend.
func (b *Backend) CloseNow(fd int32) { b.inner.CloseNow(fd) }

// CloseSoon implements backend.Backend.
func (b *Backend) CloseSoon(fd int32) { b.inner.CloseSoon(fd) }

// callOf is what an operation counts as.
func callOf(op *backend.Op) Call {
	switch op.Kind {
	case backend.Open:
		if op.Cached {
			return TryOpen
		}
		return Open
	case backend.Read:
		return Read
	case backend.Stat:
		return Stat
	}
	return Close
}

// Start implements backend.Backend.
func (b *Backend) Start(op *backend.Op) {
	for int(op.Tag) >= len(b.at) {
		b.at = append(b.at, make([]place, 256)...)
	}
	p := &b.at[op.Tag]
	if p.state != absent {
		panic("faulty: a tag is used for two operations at once")
	}
	*p = place{op: *op, fault: b.fault(callOf(op))}
	if p.fault.Short > 0 && op.Kind == backend.Read {
		p.op.Len = min(p.op.Len, uint32(p.fault.Short))
	}
	if p.fault.Hold == HoldStart {
		p.state = waiting
		b.held = append(b.held, held{tag: op.Tag})
		return
	}
	b.begin(op.Tag)
}

// begin gives an operation to the wrapped backend, or has it fail.
func (b *Backend) begin(tag uint32) {
	p := &b.at[tag]
	errno := p.fault.Errno
	if p.undone() {
		b.result(tag, -int32(errno))
		return
	}
	p.state = inside
	b.inner.Start(&p.op)
}

// result is called with the result of an operation that was done.
func (b *Backend) result(tag uint32, res int32) {
	p := &b.at[tag]
	if errno := p.fault.Errno; errno != 0 {
		res = -int32(errno)
	}
	if p.fault.Hold == HoldEvent {
		p.state = kept
		b.held = append(b.held, held{tag, res})
		return
	}
	b.end(tag, res)
}

func (b *Backend) end(tag uint32, res int32) {
	b.at[tag].state = over
	b.ended = append(b.ended, backend.Event{Tag: tag, Res: res})
	b.signal()
}

// Flush implements backend.Backend.
func (b *Backend) Flush() { b.inner.Flush() }

// Reap implements backend.Backend.
func (b *Backend) Reap(events []backend.Event) int {
	return b.collect(events, b.inner.Reap)
}

// Turn implements backend.Backend.
func (b *Backend) Turn(events []backend.Event) int {
	return b.collect(events, b.inner.Turn)
}

// Batched implements backend.Backend.
func (b *Backend) Batched() bool { return b.inner.Batched() }

func (b *Backend) collect(events []backend.Event, reap func([]backend.Event) int) int {
	for {
		n := reap(b.buffer[:])
		for _, ev := range b.buffer[:n] {
			b.result(ev.Tag, ev.Res)
		}
		if n < len(b.buffer) {
			break
		}
	}
	n := copy(events, b.ended)
	for _, ev := range events[:n] {
		b.at[ev.Tag] = place{}
	}
	b.ended = append(b.ended[:0], b.ended[n:]...)
	return n
}

// Cancel implements backend.Backend. What waits here is not to be moved by it.
func (b *Backend) Cancel(tag uint32) {
	if int(tag) < len(b.at) && b.at[tag].state == inside {
		b.inner.Cancel(tag)
	}
}

// Alarm implements backend.Backend.
func (b *Backend) Alarm(at, now int64) { b.inner.Alarm(at, now) }

// Pooled implements backend.Backend.
func (b *Backend) Pooled() bool { return b.inner.Pooled() }

// Close implements backend.Backend.
func (b *Backend) Close(released func()) {
	b.closed = true
	b.done = released
	b.left.Store(int32(len(b.held)) + 1)
	for _, ev := range b.ended {
		b.discard(b.at[ev.Tag].op.Kind, ev.Res)
	}
	b.ended = nil
	b.inner.Close(b.drop)
}

func (b *Backend) drop() {
	if b.left.Add(-1) == 0 {
		b.done()
	}
}

// discard drops a result that nobody waits for any more.
func (b *Backend) discard(kind backend.Kind, res int32) {
	if kind == backend.Open && res >= 0 {
		_ = unix.Close(int(res))
	}
}

// do does an operation when there is no backend any more, as a kernel would.
func do(op *backend.Op) int32 {
	var n uintptr
	var errno syscall.Errno
	switch op.Kind {
	case backend.Open:
		cwd := unix.AT_FDCWD
		n, _, errno = unix.Syscall6(unix.SYS_OPENAT, uintptr(cwd), op.Path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0, 0)
	case backend.Read:
		n, _, errno = unix.Syscall6(unix.SYS_PREAD64, uintptr(op.FD), op.Buf, uintptr(op.Len), uintptr(op.Off), 0, 0)
	case backend.Close:
		errno, _ = unix.Close(int(op.FD)).(syscall.Errno)
	}
	if errno != 0 {
		return -int32(errno)
	}
	return int32(n)
}
