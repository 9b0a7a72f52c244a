package threads

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
)

// Backend is the thread backend.
type Backend struct {
	posix.Calls
	shared   *Shared
	memory   []uintptr // mappings of jobsMapping bytes; shared begins the first
	free     uintptr   // jobs
	byTag    []uintptr // jobs in flight
	executor Executor
	inFlight int
	posted   bool    // something, since the last Flush
	late     []int32 // descriptors that were opened for nobody
	batch    uintptr // finished jobs that were taken and not reported yet
	failed   []backend.Event

	timer   *time.Timer
	alarm   int64
	alarmFD atomic.Int32 // the event descriptor, -1 when the context is gone
	alarms  atomic.Int32 // timers that are writing to it now
}

const jobsMapping = 64 << 10

// New makes the backend; newExecutor makes its workers, nil means goroutines.
func New(workers, eventFD int, newExecutor func(*Shared, int) (Executor, error)) (*Backend, error) {
	b := &Backend{Calls: posix.NewCalls()}
	at, err := b.mapMemory()
	if err != nil {
		return nil, err
	}
	b.shared = abi.At[Shared](at)
	b.shared.EventFD = int32(eventFD)
	b.alarmFD.Store(int32(eventFD))
	b.carve(at+64, jobsMapping-64)
	if newExecutor == nil {
		b.executor = NewGoExecutor(b.shared, workers)
		return b, nil
	}
	if b.executor, err = newExecutor(b.shared, workers); err != nil {
		b.unmap()
		return nil, err
	}
	return b, nil
}

func (b *Backend) mapMemory() (uintptr, error) {
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, jobsMapping, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	b.memory = append(b.memory, at)
	return at, nil
}

func (b *Backend) unmap() {
	for _, at := range b.memory {
		_, _, _ = unix.Syscall(unix.SYS_MUNMAP, at, jobsMapping, 0)
	}
	b.memory = nil
}

// carve makes free jobs of a piece of memory.
func (b *Backend) carve(at uintptr, size uintptr) {
	for ; size >= jobSize; size -= jobSize {
		abi.At[Job](at).Next = b.free
		b.free = at
		at += jobSize
	}
}

// Start implements backend.Backend. Every operation goes to a worker: what
// needs no waiting was tried before.
func (b *Backend) Start(op *backend.Op) {
	if b.free == 0 {
		at, err := b.mapMemory()
		if err != nil {
			b.fail(op.Tag, unix.ENOMEM)
			return
		}
		b.carve(at, jobsMapping)
	}
	at := b.free
	job := abi.At[Job](at)
	b.free = job.Next
	*job = Job{
		Buf: op.Buf, Path: op.Path, Off: op.Off, Len: op.Len, FD: op.FD,
		Tag: op.Tag, Kind: uint32(op.Kind), Rights: op.Rights,
	}
	for int(op.Tag) >= len(b.byTag) {
		b.byTag = append(b.byTag, make([]uintptr, 256)...)
	}
	b.byTag[op.Tag] = at
	b.inFlight++
	// Rights do not change within one call of the host, which a Flush ends.
	look := !b.posted && op.Rights == 0
	b.posted = b.posted || look
	if !b.executor.Post(at, look) {
		job.Result = -int32(unix.ENOMEM)
		b.shared.finish(at)
	}
}

// fail reports an operation that could not be started at all.
func (b *Backend) fail(tag uint32, errno unix.Errno) {
	b.failed = append(b.failed, backend.Event{Tag: tag, Res: -int32(errno)})
	b.shared.signal()
}

// Pooled implements backend.Backend.
func (b *Backend) Pooled() bool { return true }

// Turn implements backend.Backend.
func (b *Backend) Turn(events []backend.Event) int { return b.Reap(events) }

// Batched implements backend.Backend.
func (b *Backend) Batched() bool { return false }

// Flush implements backend.Backend: it ends the host's call, behind which its
// rights may change. What was started is with the workers already.
func (b *Backend) Flush() { b.posted = false }

// Reap implements backend.Backend.
func (b *Backend) Reap(events []backend.Event) int {
	n := copy(events, b.failed)
	b.failed = append(b.failed[:0], b.failed[n:]...)
	for n < len(events) {
		if b.batch == 0 {
			b.batch = atomic.SwapUintptr(&b.shared.Done, 0)
			if b.batch == 0 {
				break
			}
		}
		at := b.batch
		job := abi.At[Job](at)
		b.batch = job.Next
		events[n] = backend.Event{Tag: job.Tag, Res: job.Result}
		n++
		b.byTag[job.Tag] = 0
		job.Next = b.free
		b.free = at
		b.inFlight--
	}
	return n
}

// Cancel implements backend.Backend: a worker that comes to the job drops it.
// One that has begun ends as it ends.
func (b *Backend) Cancel(tag uint32) {
	if int(tag) < len(b.byTag) && b.byTag[tag] != 0 {
		atomic.CompareAndSwapUint32(&abi.At[Job](b.byTag[tag]).State, jobQueued, jobCancelled)
	}
}

// Alarm implements backend.Backend.
func (b *Backend) Alarm(at, now int64) {
	if b.alarm <= now {
		b.alarm = 0
	}
	if at == 0 || b.alarm != 0 && b.alarm <= at {
		return
	}
	b.alarm = at
	wait := time.Duration(max(at-now, 0))
	if b.timer == nil {
		b.timer = time.AfterFunc(wait, b.ring)
	} else {
		b.timer.Reset(wait)
	}
}

func (b *Backend) ring() {
	b.alarms.Add(1)
	if fd := b.alarmFD.Load(); fd >= 0 {
		posix.Signal(fd)
	}
	b.alarms.Add(-1)
}

// Close implements backend.Backend. What still runs is waited for by a
// goroutine, with an event descriptor of its own.
func (b *Backend) Close(released func()) {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.alarmFD.Store(-1)
	atomic.StoreInt32(&b.shared.EventFD, -1)
	b.quiesce()
	b.executor.Stop()
	if b.inFlight > 0 {
		b.discard()
	}
	b.closeLate()
	if b.inFlight == 0 {
		b.end(released)
		return
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return // nothing to be woken by: the memory stays, safe and lost
	}
	file := os.NewFile(uintptr(fd), "workers")
	atomic.StoreInt32(&b.shared.EventFD, int32(fd))
	go func() {
		var count [8]byte
		for b.discard(); b.inFlight > 0; b.discard() {
			_, _ = file.Read(count[:])
		}
		b.closeLate()
		atomic.StoreInt32(&b.shared.EventFD, -1)
		b.quiesce()
		_ = file.Close()
		b.end(released)
	}()
}

// quiesce waits until no thread is about to signal or to hand a job back:
// neither waits for anything.
func (b *Backend) quiesce() {
	for b.alarms.Load() != 0 || atomic.LoadUint32(&b.shared.Writers) != 0 {
		runtime.Gosched()
	}
}

func (b *Backend) end(released func()) {
	b.quiesce()
	b.unmap()
	released()
}

// discard drops the results of operations that nobody waits for any more.
func (b *Backend) discard() {
	b.discardList(b.batch)
	b.batch = 0
	b.discardList(atomic.SwapUintptr(&b.shared.Done, 0))
}

func (b *Backend) discardList(at uintptr) {
	for at != 0 {
		job := abi.At[Job](at)
		if backend.Kind(job.Kind) == backend.Open && job.Result >= 0 {
			b.late = append(b.late, job.Result)
		}
		b.inFlight--
		at = job.Next
	}
}

// closeLate closes what discard has found open. That can wait for storage, and
// a thread of the Go runtime that waits is one that setuid(2) in the host waits
// for.
func (b *Backend) closeLate() {
	if len(b.late) > 0 {
		b.executor.CloseAll(b.late)
		b.late = nil
	}
}
