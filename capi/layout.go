package main

/*
#include "core.h"
#include "workers.h"
*/
import "C"

import (
	"unsafe"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/backend/threads"
)

// same fails to compile unless a and b are equal constants: one of the two
// array lengths would be negative.
//
// The structs of package abi and of package threads are C's structs. Sizes
// and the offsets of fields at which padding could differ are compared.
var (
	_ [unsafe.Sizeof(abi.Request{}) - C.sizeof_struct_dbox_core_request]struct{}
	_ [C.sizeof_struct_dbox_core_request - unsafe.Sizeof(abi.Request{})]struct{}
	_ [unsafe.Offsetof(abi.Request{}.File) - unsafe.Offsetof(C.struct_dbox_core_request{}.file)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_core_request{}.callback) - unsafe.Offsetof(abi.Request{}.Callback)]struct{}

	_ [unsafe.Sizeof(abi.Completion{}) - C.sizeof_struct_dbox_core_completion]struct{}
	_ [C.sizeof_struct_dbox_core_completion - unsafe.Sizeof(abi.Completion{})]struct{}
	_ [unsafe.Offsetof(abi.Result{}.ID) - unsafe.Offsetof(C.struct_dbox_aio_result{}.id)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_aio_result{}.id) - unsafe.Offsetof(abi.Result{}.ID)]struct{}
	_ [unsafe.Offsetof(abi.Result{}.Context) - unsafe.Offsetof(C.struct_dbox_aio_result{}.context)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_aio_result{}.context) - unsafe.Offsetof(abi.Result{}.Context)]struct{}
	_ [unsafe.Offsetof(abi.Result{}.Detail) - unsafe.Offsetof(C.struct_dbox_aio_result{}.detail)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_aio_result{}.detail) - unsafe.Offsetof(abi.Result{}.Detail)]struct{}

	_ [unsafe.Sizeof(abi.Stats{}) - C.sizeof_struct_dbox_aio_stats]struct{}
	_ [C.sizeof_struct_dbox_aio_stats - unsafe.Sizeof(abi.Stats{})]struct{}
	_ [unsafe.Offsetof(abi.Stats{}.QueueWaitUS) - unsafe.Offsetof(C.struct_dbox_aio_stats{}.queue_wait_us)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_aio_stats{}.queue_wait_us) - unsafe.Offsetof(abi.Stats{}.QueueWaitUS)]struct{}

	_ [unsafe.Sizeof(abi.Message{}) - C.sizeof_struct_dbox_aio_message]struct{}
	_ [C.sizeof_struct_dbox_aio_message - unsafe.Sizeof(abi.Message{})]struct{}
	_ [unsafe.Offsetof(abi.Message{}.Raw) - unsafe.Offsetof(C.struct_dbox_aio_message{}.raw)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_aio_message{}.raw) - unsafe.Offsetof(abi.Message{}.Raw)]struct{}

	_ [unsafe.Sizeof(abi.Metadata{}) - C.sizeof_struct_dbox_metadata]struct{}
	_ [C.sizeof_struct_dbox_metadata - unsafe.Sizeof(abi.Metadata{})]struct{}
	_ [unsafe.Sizeof(abi.Mapping{}) - C.sizeof_struct_dbox_mapping]struct{}
	_ [C.sizeof_struct_dbox_mapping - unsafe.Sizeof(abi.Mapping{})]struct{}
	_ [unsafe.Sizeof(abi.Pool{}) - C.sizeof_struct_dbox_pool]struct{}
	_ [C.sizeof_struct_dbox_pool - unsafe.Sizeof(abi.Pool{})]struct{}
	_ [unsafe.Offsetof(abi.Pool{}.Wake) - unsafe.Offsetof(C.struct_dbox_pool{}.wake)]struct{}
	_ [unsafe.Offsetof(C.struct_dbox_pool{}.mappings) - unsafe.Offsetof(abi.Pool{}.Mappings)]struct{}

	_ [unsafe.Sizeof(threads.Job{}) - C.sizeof_struct_dbox_job]struct{}
	_ [C.sizeof_struct_dbox_job - unsafe.Sizeof(threads.Job{})]struct{}
	_ [unsafe.Offsetof(threads.Job{}.State) - unsafe.Offsetof(C.struct_dbox_job{}.state)]struct{}
	_ [unsafe.Sizeof(threads.Shared{}) - C.sizeof_struct_dbox_done]struct{}
	_ [C.sizeof_struct_dbox_done - unsafe.Sizeof(threads.Shared{})]struct{}
)
