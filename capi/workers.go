package main

/*
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

// executor has the POSIX threads of workers.c for workers.
type executor struct {
	workers *C.struct_dbox_workers
}

func newExecutor(shared *threads.Shared, max int) (threads.Executor, error) {
	x := &executor{}
	done := (*C.struct_dbox_done)(unsafe.Pointer(shared))
	errno := C.dbox_workers_new(done, C.uint(max), posix.OpenFlags, posix.StatxMask, &x.workers)
	if errno != 0 {
		return nil, errors.New("no thread can be created (" + syscall.Errno(errno).Error() +
			"): raise RLIMIT_NPROC, or pids.max of the control group")
	}
	return x, nil
}

func (x *executor) Post(job uintptr) bool {
	return C.dbox_workers_post(x.workers, abi.At[C.struct_dbox_job](job)) == 0
}

func (x *executor) Stop() {
	C.dbox_workers_stop(x.workers)
	x.workers = nil
}
