package threads

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/posix"
)

// Job is an operation for a worker: struct dbox_job of capi/workers.h. It lies
// outside the Go heap.
type Job struct {
	Next   uintptr // in Shared.Done, or of the executor while it is queued
	Buf    uintptr
	Path   uintptr
	Off    uint64
	Len    uint32
	FD     int32
	Tag    uint32
	Kind   uint32
	Result int32
	State  uint32 // of the constants below, atomic
	Rights uint32 // as of a backend.Op
	_      uint32
}

const (
	jobQueued    = 0
	jobRunning   = 1
	jobCancelled = 2
)

// Shared is where workers leave what they have done: struct dbox_done of
// capi/workers.h. It lies outside the Go heap. Between Writers += 1 and
// Writers -= 1 a worker pushes the job to Done and, if that was empty, signals
// EventFD unless it is negative.
type Shared struct {
	Done    uintptr
	EventFD int32
	Writers uint32
}

// Executor runs jobs on workers.
type Executor interface {
	// Post queues a job, to be done with the rights that the calling thread
	// has, or with those that the job says. It never waits. look is true if these can be others than they
	// were at the last Post. false: there is no worker, and none can be had.
	Post(job uintptr, look bool) bool
	// Stop lets the workers end when the queue is empty.
	Stop()
	// CloseAll closes descriptors, each of which may wait for storage: not
	// on the calling thread. Also after Stop.
	CloseAll(fds []int32)
}

// Do does an operation on the calling thread, which waits for it, and returns
// its result or a negative errno. It is for processes that can have no thread:
// Go's scheduler is not told, as it might want one while the thread waits.
func Do(op *backend.Op) int32 {
	job := Job{Buf: op.Buf, Path: op.Path, Off: op.Off, Len: op.Len, FD: op.FD, Kind: uint32(op.Kind)}
	runBy(unix.RawSyscall6, &job)
	return job.Result
}

// run does a job on the calling goroutine.
func run(job *Job) { runBy(unix.Syscall6, job) }

type syscall6 func(number, a, b, c, d, e, f uintptr) (uintptr, uintptr, unix.Errno)

func runBy(sys syscall6, job *Job) {
	if !atomic.CompareAndSwapUint32(&job.State, jobQueued, jobRunning) {
		job.Result = -int32(unix.ECANCELED)
		return
	}
	for {
		n, errno := call(sys, job)
		if errno == unix.EINTR {
			continue
		}
		job.Result = int32(n)
		if errno != 0 {
			job.Result = -int32(errno)
		}
		return
	}
}

func call(sys syscall6, job *Job) (uintptr, unix.Errno) {
	var n uintptr
	var errno unix.Errno
	switch backend.Kind(job.Kind) {
	case backend.Open:
		at := unix.AT_FDCWD
		n, _, errno = sys(unix.SYS_OPENAT, uintptr(at), job.Path, posix.OpenFlags, 0, 0, 0)
	case backend.Read:
		n, _, errno = sys(unix.SYS_PREAD64, uintptr(job.FD), job.Buf, uintptr(job.Len), uintptr(job.Off), 0, 0)
	case backend.Stat:
		n, _, errno = sys(unix.SYS_STATX, uintptr(job.FD), posix.EmptyPath(), unix.AT_EMPTY_PATH,
			posix.StatxMask, job.Buf, 0)
	case backend.Close:
		// The descriptor is free whatever the result: EINTR must not close
		// somebody else's.
		_, _, _ = sys(unix.SYS_CLOSE, uintptr(job.FD), 0, 0, 0, 0, 0)
	default:
		errno = unix.ENOSYS
	}
	return n, errno
}

// finish gives a job back.
func (s *Shared) finish(at uintptr) {
	atomic.AddUint32(&s.Writers, 1)
	job := abi.At[Job](at)
	for {
		head := atomic.LoadUintptr(&s.Done)
		job.Next = head
		if atomic.CompareAndSwapUintptr(&s.Done, head, at) {
			if head == 0 {
				s.notify()
			}
			break
		}
	}
	atomic.AddUint32(&s.Writers, ^uint32(0))
}

// signal wakes the context from outside of a worker.
func (s *Shared) signal() {
	atomic.AddUint32(&s.Writers, 1)
	s.notify()
	atomic.AddUint32(&s.Writers, ^uint32(0))
}

func (s *Shared) notify() {
	if fd := atomic.LoadInt32(&s.EventFD); fd >= 0 {
		posix.Signal(fd)
	}
}

const jobSize = unsafe.Sizeof(Job{})
