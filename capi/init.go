package main

/*
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "reserve.h"
#include "resident.h"

#define DBOX_STRING2(x) #x
#define DBOX_STRING(x) DBOX_STRING2(x)
static const char *core_version(void)
{
	return DBOX_STRING(DBOX_AIO_VERSION_MAJOR) "."
		DBOX_STRING(DBOX_AIO_VERSION_MINOR) "."
		DBOX_STRING(DBOX_AIO_VERSION_PATCH);
}
*/
import "C"

import (
	"errors"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend"
	"libdbox_aio/go/backend/both"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/backend/threads"
	"libdbox_aio/go/backend/uring"
	"libdbox_aio/go/engine"
	"libdbox_aio/go/mem"
)

//export dbox_core_version
func dbox_core_version() *C.char { return C.core_version() }

//export dbox_core_init
func dbox_core_init(o *C.struct_dbox_core_options, out *C.struct_dbox_core_context) (status C.int) {
	defer func() {
		if recover() != nil {
			setText(&out.error, "an error inside the library, while a context was made")
			status = C.int(abi.EINTERNAL)
		}
	}()
	C.memset(unsafe.Pointer(out), 0, C.sizeof_struct_dbox_core_context)
	out.ring_fd = -1
	opts := engine.Options{
		QueueDepth:     int(o.queue_depth),
		MaxPending:     int(o.max_pending),
		MaxWorkers:     int(o.max_workers),
		StallNS:        int64(o.stall_ns),
		MaxBytes:       int64(o.max_bytes),
		MaxMessageSize: uint64(o.max_message_size),
		EventFD:        int32(o.event_fd),
		PID:            int32(o.pid),
		CloseAll:       closeAll,
	}
	known := newRights()
	if known == nil {
		setText(&out.error, "the system has no memory left")
		return C.int(abi.ENOMEM)
	}
	opts.Rights = known
	be, failed := newBackend(uint32(o.backend), &opts, known, out)
	if failed != abi.OK {
		known.free()
		return C.int(failed)
	}
	pool, err := mem.NewPool(opts.MaxBytes, opts.PID, opts.EventFD)
	if err != nil {
		be.Close(func() {})
		known.free()
		setText(&out.error, "the system has no memory left")
		return C.int(abi.ENOMEM)
	}
	e := engine.New(opts, be, pool, uint32(out.backend), int32(out.fallback_errno))
	out.pool = abi.At[C.struct_dbox_pool](pool.Address())
	out.handle = C.uint64_t(add(&context{engine: e, rights: known}))
	warmUp()
	return 0
}

// newBackend makes the backend that is asked for, or the one there can be.
func newBackend(want uint32, opts *engine.Options, known *rights, out *C.struct_dbox_core_context) (backend.Backend, abi.Status) {
	newWorkers := func() (backend.Backend, error) {
		return threads.New(opts.MaxWorkers, int(opts.EventFD), func(shared *threads.Shared, max int) (threads.Executor, error) {
			return newExecutor(shared, max, known)
		})
	}
	if want != abi.BackendThreads {
		ring, err := uring.New(opts.QueueDepth, opts.MaxWorkers, int(opts.EventFD))
		if err == nil {
			out.backend = abi.BackendUring
			out.ring_fd = C.int32_t(ring.FD())
			return both.New(ring, newWorkers, func() { posix.Signal(opts.EventFD) }), abi.OK
		}
		var refusal *uring.Refusal
		errors.As(err, &refusal)
		if refusal.Errno == unix.EMFILE || refusal.Errno == unix.ENFILE {
			setText(&out.error, refusal.Reason)
			return nil, abi.EMFILE
		}
		if want == abi.BackendUring {
			setText(&out.error, refusal.Reason)
			return nil, abi.ENOTSUP
		}
		out.fallback_errno = C.int32_t(refusal.Errno)
		setText(&out.fallback_reason, refusal.Reason)
	}
	workers, err := newWorkers()
	if err != nil {
		setText(&out.error, err.Error())
		return nil, abi.ELIMIT
	}
	out.backend = abi.BackendThreads
	return workers, abi.OK
}

func setText(dst *[256]C.char, text string) {
	n := min(len(text), len(dst)-1)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(dst)), n), text[:n])
	dst[n] = 0
}

// warmUp lets the Go runtime start now what it starts when it first needs it:
// its threads, as the front has just made sure that threads can be created, and
// a Go runtime that is refused one ends the process; and its poller's
// descriptors, so that a host which counts its descriptors after init finds no
// more later. What it needed for starting only goes then.
var warmUp = sync.OnceFunc(func() {
	runtime.GC()
	startThreads(spareThreads)
	time.AfterFunc(time.Hour, func() {}).Stop()
	C.dbox_reserve_end()
	awaitThreads()
	C.dbox_resident_trim()
})

// spareThreads are as many as the scheduler was seen to want more, when a call
// took long and the process could have no more threads by then.
const spareThreads = 4

// awaitThreads waits for threads that were asked for and are still on their
// way: a host may lower its limits as soon as init returns. They are there when
// their number has been the same for a while, in which this thread has been
// given its turn several times.
func awaitThreads() {
	var task unix.Stat_t
	var last uint64
	same := 0
	for begin := time.Now(); same < settled && time.Since(begin) < settleMax; same++ {
		time.Sleep(settleStep)
		err := unix.Stat("/proc/self/task", &task)
		// 32 bits on some machines
		if threads := uint64(task.Nlink); err != nil || threads != last {
			last, same = threads, -1
		}
	}
}

const (
	settleStep = 500 * time.Microsecond
	settled    = 5
	settleMax  = 20 * time.Millisecond
)

// startThreads has as many threads at once; the runtime keeps them.
func startThreads(n int) {
	var begun, ended sync.WaitGroup
	end := make(chan struct{})
	for range n {
		begun.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begun.Done()
			<-end
		}()
	}
	begun.Wait()
	close(end)
	ended.Wait()
}
