package uring

import (
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

	made     uint32  // entries that sqe has given out
	queued   int     // of them those that are not given to the kernel yet
	inFlight int     // operations whose Event was not reaped
	alarms   []int64 // that are set and have not rung; each is earlier than the one before
	pipe     int32   // see plantPipe; here since the kernel wants its address
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
	if errno := b.runTasks(); denied(errno) {
		b.closeRing()
		return nil, &Refusal{errno, "io_uring: io_uring_enter failed (" + errno.Error() + "): a seccomp filter denies it, though not io_uring_setup: allow both"}
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

// sqe returns the next free entry, all zero; nil if there is none, as the kernel
// takes none.
func (b *Backend) sqe() *uring.SQEntry {
	e, err := b.ring.NextSQE()
	for tries := 0; err != nil; tries++ {
		// The submission queue is full. Giving it to the kernel empties it,
		// unless completions have to be taken first.
		if tries == maxTries {
			return nil
		}
		if !b.submit() {
			b.drain()
		}
		e, err = b.ring.NextSQE()
	}
	if b.sqes == 0 {
		b.sqes = uintptr(unsafe.Pointer(e)) // the very first one
	}
	*e = uring.SQEntry{}
	b.made++
	b.queued++
	return e
}

// maxTries is how often room is made for one entry.
const maxTries = 3

// Start implements backend.Backend.
func (b *Backend) Start(op *backend.Op) {
	for int(op.Tag) >= len(b.opening) {
		b.opening = append(b.opening, make([]bool, 256)...)
	}
	b.opening[op.Tag] = op.Kind == backend.Open
	b.inFlight++
	e := b.sqe()
	if e == nil {
		b.refused(op.Tag)
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

// refused has an operation end that the kernel does not take, with EAGAIN: what
// is tried again then goes to a worker.
func (b *Backend) refused(tag uint32) {
	b.inFlight--
	b.ready = append(b.ready, backend.Event{Tag: tag, Res: -int32(unix.EAGAIN)})
	posix.Signal(b.eventFD)
}

// Flush implements backend.Backend: it ends the host's call, behind which the
// host can have other rights. Nothing is left for the next call to submit.
func (b *Backend) Flush() {
	if b.queued > 0 && !b.submit() {
		b.takeBack()
	}
}

// takeBack makes nothing of the queued entries that the kernel did not take.
// Nobody but submit has the kernel look at them.
func (b *Backend) takeBack() {
	for i := b.made - uint32(b.queued); i != b.made; i++ {
		e := abi.At[uring.SQEntry](b.sqes + uintptr(i&(b.entries-1))*sqeSize)
		was := *e
		*e = uring.SQEntry{OpCode: opNop, UserData: userIgnore}
		switch {
		case was.UserData&(userAlarm|userIgnore) == 0:
			b.refused(uint32(was.UserData))
		case was.OpCode == opClose:
			b.CloseNow(was.Fd)
		}
	}
}

// submit hands the queued entries to the kernel. It reports whether all went;
// what did not stays in the ring's queue: see takeBack.
func (b *Backend) submit() bool {
	n, err := b.ring.Submit()
	if err != nil {
		return false // EAGAIN, EBUSY: the kernel wants completions to be taken
	}
	b.queued -= int(n)
	return b.queued <= 0
}

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
	e := b.sqe()
	if e == nil {
		b.CloseNow(fd)
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
		if atomic.LoadUint32(b.flags)&sqTaskrun == 0 {
			break
		}
		if !b.runTasksQuietly() {
			break
		}
	}
	if b.queued > 0 {
		b.submit() // left over from a submission that was refused
	}
	return n
}

// runTasks lets the kernel finish what it has deferred for this thread.
func (b *Backend) runTasks() syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(b.ring.Fd()),
		0, 0, enterGetEvents, 0, 0)
	return errno
}

// denied reports whether io_uring_enter(2) is refused for ever, as by a filter
// of system calls that came after the ring.
func denied(errno syscall.Errno) bool {
	return errno == unix.EPERM || errno == unix.EACCES || errno == unix.ENOSYS
}

// runTasksQuietly does it without a signal for what is about to be taken: it
// would bring the host back for nothing. Reports whether there is something.
func (b *Backend) runTasksQuietly() bool {
	atomic.StoreUint32(b.cqFlags, cqEventfdDisabled)
	errno := b.runTasks()
	atomic.StoreUint32(b.cqFlags, 0)
	if b.ring.PeekCQEventBatch(b.cqes[:1]) > 0 {
		return true
	}
	if denied(errno) && b.inFlight > 0 {
		// Nobody would ever hear of them.
		panic("uring: io_uring_enter is denied (" + errno.Error() +
			") with operations in the kernel: make contexts when all filters of system calls are there")
	}
	// A round that brings nothing ends it although the flag may be set, for
	// something that came without a signal meanwhile.
	if atomic.LoadUint32(b.flags)&sqTaskrun != 0 {
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
			b.rung(int64(c.UserData &^ userAlarm))
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
	e := b.sqe()
	if e == nil {
		return // it ends as it ends
	}
	e.OpCode = opAsyncCancel
	e.Fd = -1
	e.Addr = uint64(tag)
	e.UserData = userIgnore
}

// Alarm implements backend.Backend. Without a timer the host is to come back at
// once.
func (b *Backend) Alarm(at, now int64) {
	if !b.SetAlarm(at, now) {
		posix.Signal(b.eventFD)
	}
}

// SetAlarm is Alarm by a timeout operation; false: the kernel does not take it.
// One that is set for later is left alone: it makes one idle wake-up.
func (b *Backend) SetAlarm(at, now int64) bool {
	for n := len(b.alarms); n > 0 && b.alarms[n-1] <= now; n-- {
		b.alarms = b.alarms[:n-1] // it has rung
	}
	if n := len(b.alarms); at == 0 || n > 0 && b.alarms[n-1] <= at {
		return true
	}
	e := b.sqe()
	if e == nil {
		return false
	}
	*b.timespec = unix.NsecToTimespec(at)
	e.OpCode = opTimeout
	e.Fd = -1
	e.Addr = uint64(uintptr(unsafe.Pointer(b.timespec)))
	e.Len = 1
	e.OpcodeFlags = timeoutAbs
	e.UserData = userAlarm | uint64(at)
	// The kernel reads the time while it takes the entry.
	if !b.submit() {
		b.takeBack()
		return false
	}
	b.alarms = append(b.alarms, at)
	return true
}

// rung is told that the alarm for that time has rung.
func (b *Backend) rung(at int64) {
	if n := len(b.alarms); n > 0 && b.alarms[n-1] == at {
		b.alarms = b.alarms[:n-1]
	}
}
