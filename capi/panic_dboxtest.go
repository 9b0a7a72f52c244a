//go:build dboxtest

package main

/*
#include "core.h"
*/
import "C"

// dbox_core_test_panic is in the core that the tests build for themselves: it
// panics as a mistake inside any other export would.
//
//export dbox_core_test_panic
func dbox_core_test_panic(handle C.uint64_t) (status C.int) {
	defer guard(handle, &status)
	panic("asked for by a test")
}
