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

// dbox_core_test_poison has the next call of whatever export find the engine in
// a state that no code expects.
//
//export dbox_core_test_poison
func dbox_core_test_poison(handle C.uint64_t) (status C.int) {
	contextOf(handle).engine.Poison()
	return 0
}

// dbox_core_test_poison_part is dbox_core_test_poison for a part of it: 0 what
// only a submit or dispatch needs, 1 what only the end needs.
//
//export dbox_core_test_poison_part
func dbox_core_test_poison_part(handle C.uint64_t, part C.int) (status C.int) {
	if e := contextOf(handle).engine; part == 0 {
		e.PoisonBackend()
	} else {
		e.PoisonMounts()
	}
	return 0
}
