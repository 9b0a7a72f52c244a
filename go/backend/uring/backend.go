package uring

import (
	"errors"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/godzie44/go-uring/uring"
	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
)

// What user_data says beside an operation's tag.
const (
	userAlarm  = 1 << 63
	userIgnore = 1 << 62 // a cancel
)

// Backend is the io_uring backend.
type Backend struct {
	posix.Calls
	ring    *uring.Ring
	entries uint32
	sqes    uintptr // the SQE array, which the library does not unmap
	view    uintptr // a mapping of our own of the ring's first page
	flags   *uint32 // the kernel's flags of the submission queue, in view
	cqFlags *uint32 // our flags of the completion queue, in view
	eventFD int32

	queued   int           // entries not given to the kernel yet
	unsent   []backend.Op  // what they stand for, in their order; Kind 0: nothing
	refused  syscall.Errno // io_uring_enter(2) is not to be had any more
	inFlight int           // operations whose Event was not reaped
	alarm    int64         // the earliest alarm that is set, or 0
	pipe     int32         // see plantPipe; here since the kernel wants its address
	timespec *unix.Timespec
	cqes     [64]*uring.CQEvent
	ready    []backend.Event // ended outside of a completion
	opening  []bool          // by tag: the operation is an Open
}

// New makes a ring for depth operations in flight with that many io-wq
// workers, which signals eventFD. The error is a *Refusal.
func New(depth, workers, eventFD int) (*Backend, error) {
	entries := uint32(64)
	for int(entries) < depth && entries < 4096 {
		entries *= 2
	}
	ring, err := newRing(entries)
	if err != nil {
		return nil, err
	}
	b := &Backend{
		Calls:    posix.NewCalls(),
		ring:     ring,
		entries:  *(*uint32)(unsafe.Pointer(ring.Params)),
		eventFD:  int32(eventFD),
		timespec: &unix.Timespec{},
		ready:    make([]backend.Event, 0, 64),
		opening:  make([]bool, 256),
	}
	if errno := register(ring.Fd(), registerEventfd, unsafe.Pointer(&b.eventFD), 1); errno != 0 {
		b.closeRing()
		return nil, &Refusal{errno, "io_uring: registering an eventfd failed: " + errno.Error()}
	}
	if errno := b.mapView(); errno != 0 {
		b.closeRing()
		return nil, &Refusal{errno, "io_uring: mapping the ring failed: " + errno.Error()}
	}
	if b.runTasks(); b.refused != 0 {
		b.closeRing()
		return nil, &Refusal{b.refused, "io_uring: io_uring_enter failed (" + b.refused.Error() + "): a seccomp filter denies it, though not io_uring_setup: allow both"}
	}
	raiseWorkers(ring.Fd(), workers)
	return b, nil
}

// mapView maps the page with the flags of both queues, to which the library
// gives no access.
func (b *Backend) mapView() syscall.Errno {
	at := *(*uint32)(unsafe.Add(unsafe.Pointer(b.ring.Params), paramsSQFlags))
	cqAt := *(*uint32)(unsafe.Add(unsafe.Pointer(b.ring.Params), paramsCQFlags))
	if max(at, cqAt) > viewSize-4 {
		return unix.ENOTSUP // not the kernel's layout of today
	}
	view, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, viewSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED, uintptr(b.ring.Fd()), 0)
	if errno != 0 {
		return errno
	}
	b.view = view
	b.flags = abi.At[uint32](view + uintptr(at))
	b.cqFlags = abi.At[uint32](view + uintptr(cqAt))
	return 0
}

const viewSize = 4096

func (b *Backend) unmapView() {
	if b.view != 0 {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, b.view, viewSize, 0)
		b.view = 0
	}
}

// FD returns the ring's descriptor: a forked child closes its copy.
func (b *Backend) FD() int { return b.ring.Fd() }

// sqe returns the next free entry, all zero, for op; nil if the kernel takes no
// more of them.
func (b *Backend) sqe(op backend.Op) *uring.SQEntry {
	e, err := b.ring.NextSQE()
	for err != nil && b.refused == 0 {
		// The submission queue is full. Giving it to the kernel empties it,
		// unless completions have to be taken first.
		if !b.submit() {
			b.drain()
		}
		e, err = b.ring.NextSQE()
	}
	b.unsent = append(b.unsent, op)
	if b.refused != 0 {
		return nil
	}
	if b.sqes == 0 {
		b.sqes = uintptr(unsafe.Pointer(e)) // the very first one
	}
	*e = uring.SQEntry{}
	b.queued++
	return e
}

// Start implements backend.Backend.
func (b *Backend) Start(op *backend.Op) {
	for int(op.Tag) >= len(b.opening) {
		b.opening = append(b.opening, make([]bool, 256)...)
	}
	b.opening[op.Tag] = op.Kind == backend.Open
	b.inFlight++
	e := b.sqe(*op)
	if e == nil {
		return
	}
	e.UserData = uint64(op.Tag)
	if op.Wait {
		e.Flags = sqeAsync
	}
	switch op.Kind {
	case backend.Open:
		if op.Cached {
			// The kernel takes RESOLVE_CACHED for a wish to hear EAGAIN
			// rather than to have a worker open it.
			how, size := b.How()
			e.OpCode = opOpenat2
			e.Fd = unix.AT_FDCWD
			e.Addr = uint64(op.Path)
			e.Len = size
			e.Off = uint64(how)
			break
		}
		e.OpCode = opOpenat
		e.Fd = unix.AT_FDCWD
		e.Addr = uint64(op.Path)
		e.OpcodeFlags = posix.OpenFlags
	case backend.Read:
		e.OpCode = opRead
		e.Fd = op.FD
		e.Addr = uint64(op.Buf)
		e.Len = op.Len
		e.Off = op.Off
	case backend.Stat:
		e.OpCode = opStatx
		e.Fd = op.FD
		e.Addr = uint64(posix.EmptyPath())
		e.Len = posix.StatxMask
		e.Off = uint64(op.Buf)
		e.OpcodeFlags = unix.AT_EMPTY_PATH
	case backend.Close:
		// Without IOSQE_ASYNC: the kernel itself goes to a worker where a
		// close waits, and only there.
		e.OpCode = opClose
		e.Fd = op.FD
		e.Flags = 0
	}
}

// Flush implements backend.Backend.
func (b *Backend) Flush() {
	if b.queued > 0 {
		b.submit()
	}
}

// submit hands the queued entries to the kernel. It reports whether all went;
// what did not stays in the ring's queue and goes with the next call.
func (b *Backend) submit() bool {
	n, err := b.ring.Submit()
	if err != nil {
		// EAGAIN, EBUSY: the kernel wants completions to be taken
		b.look(err)
		return false
	}
	b.queued -= int(n)
	b.unsent = append(b.unsent[:0], b.unsent[min(int(n), len(b.unsent)):]...)
	return b.queued <= 0
}

// look finds out whether an error of io_uring_enter(2) means that it will be
// refused for ever: a host that goes into a sandbox later than into a context.
func (b *Backend) look(err error) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = unix.EIO
	}
	switch errno {
	case unix.EAGAIN, unix.EBUSY, unix.EINTR, unix.ENOMEM:
	default:
		b.refused = errno
	}
}

// Refused reports whether the ring is of no use any more. Then Unsent tells
// what has to be done without it, and nothing else is to be started.
func (b *Backend) Refused() bool { return b.refused != 0 }

// Unsent returns the operations that the kernel has not seen. Those that it has
// will not be heard of again, which nobody can go on after: it panics then.
func (b *Backend) Unsent() []backend.Op {
	ops := b.dropUnsent()
	if b.inFlight > 0 {
		panic("uring: io_uring_enter is refused with operations in flight: " + b.refused.Error())
	}
	return ops
}

// dropUnsent forgets what the kernel has not seen, and does what is only to be
// closed.
func (b *Backend) dropUnsent() []backend.Op {
	var ops []backend.Op
	for _, op := range b.unsent {
		switch {
		case op.Kind == 0:
		case op.Kind == backend.Close && op.Tag == closeTag:
			b.CloseNow(op.FD)
		default:
			ops = append(ops, op)
		}
	}
	b.inFlight -= len(ops)
	b.unsent, b.queued = b.unsent[:0], 0
	return ops
}

// closeTag is that of a CloseSoon, which nobody waits for.
const closeTag = 1<<32 - 1

// Turn implements backend.Backend.
func (b *Backend) Turn(events []backend.Event) int {
	if b.queued > 0 {
		// What comes meanwhile without a signal Reap sees: in the queue, or
		// by the flag.
		atomic.StoreUint32(b.cqFlags, cqEventfdDisabled)
		b.submit()
		atomic.StoreUint32(b.cqFlags, 0)
	}
	return b.Reap(events)
}

// Batched implements backend.Backend.
func (b *Backend) Batched() bool { return true }

// CloseSoon implements backend.Backend.
func (b *Backend) CloseSoon(fd int32) {
	e := b.sqe(backend.Op{Kind: backend.Close, Tag: closeTag, FD: fd})
	if e == nil {
		return
	}
	e.OpCode = opClose
	e.Fd = fd
	e.Flags = sqeSkipSuccess
	e.UserData = userIgnore
}

// Reap implements backend.Backend.
func (b *Backend) Reap(events []backend.Event) int {
	n := copy(events, b.ready)
	b.ready = append(b.ready[:0], b.ready[n:]...)
	for n < len(events) {
		got := b.take(events[n:])
		n += got
		if got > 0 {
			continue
		}
		if b.refused != 0 || atomic.LoadUint32(b.flags)&sqTaskrun == 0 {
			break
		}
		if !b.runTasksQuietly() {
			break
		}
	}
	if b.queued > 0 && b.refused == 0 {
		b.submit() // left over from a submission that was refused
	}
	return n
}

// runTasks lets the kernel finish what it has deferred for this thread.
func (b *Backend) runTasks() {
	_, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(b.ring.Fd()),
		0, 0, enterGetEvents, 0, 0)
	if errno != 0 {
		b.look(errno)
	}
}

// runTasksQuietly does it without a signal for what is about to be taken: it
// would bring the host back for nothing. Reports whether there is something.
func (b *Backend) runTasksQuietly() bool {
	atomic.StoreUint32(b.cqFlags, cqEventfdDisabled)
	b.runTasks()
	atomic.StoreUint32(b.cqFlags, 0)
	if b.ring.PeekCQEventBatch(b.cqes[:1]) > 0 {
		return true
	}
	// A round that brings nothing ends it although the flag may be set, for
	// something that came without a signal meanwhile.
	if b.refused == 0 && atomic.LoadUint32(b.flags)&sqTaskrun != 0 {
		posix.Signal(b.eventFD)
	}
	return false
}

// drain moves completions to ready, to let a full ring go on.
func (b *Backend) drain() {
	var events [64]backend.Event
	b.runTasks()
	n := b.take(events[:])
	b.ready = append(b.ready, events[:n]...)
}

// take turns completions of the ring into events.
func (b *Backend) take(events []backend.Event) int {
	want := min(len(events), len(b.cqes))
	got := b.ring.PeekCQEventBatch(b.cqes[:want])
	n := 0
	for _, c := range b.cqes[:got] {
		switch {
		case c.UserData&userAlarm != 0:
			b.alarm = 0
		case c.UserData&userIgnore != 0:
		default:
			b.inFlight--
			events[n] = backend.Event{Tag: uint32(c.UserData), Res: c.Res}
			n++
		}
	}
	b.ring.AdvanceCQ(uint32(got))
	if n == 0 && got == want && got > 0 {
		return b.take(events)
	}
	return n
}

// Pooled implements backend.Backend.
func (b *Backend) Pooled() bool { return false }

// Cancel implements backend.Backend.
func (b *Backend) Cancel(tag uint32) {
	e := b.sqe(backend.Op{})
	if e == nil {
		return
	}
	e.OpCode = opAsyncCancel
	e.Fd = -1
	e.Addr = uint64(tag)
	e.UserData = userIgnore
}

// Alarm implements backend.Backend by a timeout operation. One that is set
// for later is left alone: it makes one idle wake-up.
func (b *Backend) Alarm(at, now int64) {
	if b.alarm <= now {
		b.alarm = 0 // it has rung
	}
	if at == 0 || b.alarm != 0 && b.alarm <= at {
		return
	}
	b.alarm = at
	*b.timespec = unix.NsecToTimespec(at)
	e := b.sqe(backend.Op{})
	if e == nil {
		return
	}
	e.OpCode = opTimeout
	e.Fd = -1
	e.Addr = uint64(uintptr(unsafe.Pointer(b.timespec)))
	e.Len = 1
	e.OpcodeFlags = timeoutAbs
	e.UserData = userAlarm
	// The kernel reads the time while it takes the entry.
	b.submit()
}
