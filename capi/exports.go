package main

/*
#include "core.h"
*/
import "C"

import (
	"unsafe"

	"libdbox_aio/go/abi"
)

//export dbox_core_submit
func dbox_core_submit(handle C.uint64_t, requests *C.struct_dbox_core_request, count C.size_t, last C.int, ids *C.uint64_t, out *C.struct_dbox_core_completion, max C.uint, more *C.uint32_t) (status C.int) {
	defer guard(handle, &status)
	*more = 0
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	var idsOut []uint64
	if ids != nil {
		idsOut = unsafe.Slice((*uint64)(unsafe.Pointer(ids)), int(count))
	}
	in := unsafe.Slice((*abi.Request)(unsafe.Pointer(requests)), int(count))
	n, left := e.Submit(in, idsOut, completions(out, max), last != 0)
	*more = C.uint32_t(left)
	return C.int(n)
}

//export dbox_core_dispatch
func dbox_core_dispatch(handle C.uint64_t, out *C.struct_dbox_core_completion, max C.uint, budget C.uint64_t, more *C.uint32_t) (status C.int) {
	defer guard(handle, &status)
	*more = 0
	room := completions(out, max)
	e, ok := alive(handle)
	if !ok {
		return endRequests(handle, room, more)
	}
	n, left := e.Dispatch(room, int64(budget))
	*more = C.uint32_t(left)
	return C.int(n)
}

// endRequests gives the requests of a dead context their last result. If its
// state is too broken for that, they are lost, and the host is told.
func endRequests(handle C.uint64_t, room []abi.Completion, more *C.uint32_t) C.int {
	c := contextOf(handle)
	if c.broken {
		return C.int(abi.EINTERNAL)
	}
	c.broken = true
	n := c.engine.Shutdown(room, abi.EINTERNAL)
	c.broken = false
	if n == 0 {
		return C.int(abi.EINTERNAL)
	}
	*more = abi.MoreResults
	return C.int(n)
}

func completions(out *C.struct_dbox_core_completion, n C.uint) []abi.Completion {
	return unsafe.Slice((*abi.Completion)(unsafe.Pointer(out)), int(n))
}

//export dbox_core_take
func dbox_core_take(handle, id C.uint64_t, out *C.struct_dbox_core_completion, budget C.uint64_t, more *C.uint32_t) (status C.int) {
	defer guard(handle, &status)
	*more = 0
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	ready, failed, left := e.Take(uint64(id), (*abi.Completion)(unsafe.Pointer(out)), int64(budget))
	*more = C.uint32_t(left)
	if failed != abi.OK {
		return C.int(failed)
	}
	if ready {
		return 1
	}
	return 0
}

//export dbox_core_cancel
func dbox_core_cancel(handle, id C.uint64_t) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	return C.int(e.Cancel(uint64(id)))
}

//export dbox_core_cancel_stream
func dbox_core_cancel_stream(handle, stream C.uint64_t) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	return C.int(e.CancelStream(uint64(stream)))
}

//export dbox_core_file_open
func dbox_core_file_open(handle C.uint64_t, path *C.char, length C.uint32_t, alt *C.char, altLength C.uint32_t, cookie *C.struct_dbox_aio_file, file *C.uint64_t) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	number, failed := e.OpenFile(text(path, length), text(alt, altLength), uintptr(unsafe.Pointer(cookie)))
	*file = C.uint64_t(number)
	return C.int(failed)
}

// text gives a C string's bytes, valid during the call; nil for NULL.
func text(s *C.char, n C.uint32_t) []byte {
	if s == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), int(n))
}

//export dbox_core_file_close
func dbox_core_file_close(handle, file C.uint64_t) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	return C.int(e.CloseFile(uint64(file)))
}

//export dbox_core_close_fd
func dbox_core_close_fd(handle C.uint64_t, fd C.int) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	return C.int(e.CloseFD(int32(fd)))
}

//export dbox_core_stats
func dbox_core_stats(handle C.uint64_t, stats *C.struct_dbox_aio_stats) (status C.int) {
	defer guard(handle, &status)
	e, ok := alive(handle)
	if !ok {
		return C.int(abi.EINTERNAL)
	}
	out := (*abi.Stats)(unsafe.Pointer(stats))
	size := out.StructSize
	e.Stats(out)
	out.StructSize = size
	return 0
}

//export dbox_core_shutdown
func dbox_core_shutdown(handle C.uint64_t, out *C.struct_dbox_core_completion, max C.uint) (status C.int) {
	defer guard(handle, &status)
	c := contextOf(handle)
	if c.broken {
		return 0
	}
	c.broken = true
	n := c.engine.Shutdown(completions(out, max), abi.ESHUTDOWN)
	c.broken = false
	return C.int(n)
}

//export dbox_core_free
func dbox_core_free(handle C.uint64_t) (status C.int) {
	defer remove(handle)
	defer guard(handle, &status)
	c := contextOf(handle)
	defer c.rights.free()
	ended := false
	defer func() {
		// Also where the end itself goes wrong, nobody may be signalled
		// any more: the front closes the descriptor.
		if !ended {
			c.engine.Abandon()
		}
	}()
	if !c.dead && !c.broken {
		c.engine.Free()
		ended = true
	}
	return 0
}
