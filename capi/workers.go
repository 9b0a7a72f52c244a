package main

/*
// Workers are threads with no canary that the C library has set.
#cgo CFLAGS: -fno-stack-protector
#include "creds.h"
#include "workers.h"
*/
import "C"

import (
	"errors"
	"syscall"
	"unsafe"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/posix"
	"libdbox_aio/go/backend/threads"
)

// executor has the threads of workers.c for workers.
type executor struct {
	workers *C.struct_dbox_workers
	rights  *rights
}

func newExecutor(shared *threads.Shared, max int, rights *rights) (threads.Executor, error) {
	x := &executor{rights: rights}
	done := (*C.struct_dbox_done)(unsafe.Pointer(shared))
	errno := C.dbox_workers_new(done, C.uint(max), posix.OpenFlags, posix.StatxMask, &x.workers)
	if errno != 0 {
		return nil, errors.New("no thread can be created (" + syscall.Errno(errno).Error() +
			"): raise RLIMIT_NPROC, or pids.max of the control group")
	}
	return x, nil
}

func (x *executor) Post(job uintptr, look bool) bool {
	if other := abi.At[threads.Job](job).Rights; other != 0 {
		creds := x.rights.of(other)
		return creds != nil && C.dbox_workers_post_as(x.workers, abi.At[C.struct_dbox_job](job), creds) == 0
	}
	mayDiffer := C.int(0)
	if look {
		mayDiffer = 1
	}
	return C.dbox_workers_post(x.workers, abi.At[C.struct_dbox_job](job), mayDiffer) == 0
}

func (x *executor) Stop() {
	C.dbox_workers_stop(x.workers)
	x.workers = nil
}

func (x *executor) CloseAll(fds []int32) { closeAll(fds) }

// closeAll has workers close the descriptors. What they can't take, since none
// can be made, a goroutine closes: its thread may have to wait.
func closeAll(fds []int32) {
	n := C.dbox_workers_close((*C.int32_t)(unsafe.SliceData(fds)), C.uint(len(fds)))
	posix.CloseAll(fds[n:])
}
