package main

/*
#include "core.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/engine"
)

// context is one dbox_core_context.
type context struct {
	engine *engine.Engine
	rights *rights
	dead   bool // an export panicked
	broken bool // so did the attempt to end its requests
}

// contexts has the contexts of all threads. A call reads it without a lock;
// only init and free change it.
var (
	contexts     atomic.Pointer[[]*context]
	contextsLock sync.Mutex
)

func init() {
	contexts.Store(&[]*context{})
}

// add returns the handle of a new context: its index plus one.
func add(c *context) uint64 {
	contextsLock.Lock()
	defer contextsLock.Unlock()
	list := append([]*context(nil), *contexts.Load()...)
	for i := range list {
		if list[i] == nil {
			list[i] = c
			contexts.Store(&list)
			return uint64(i) + 1
		}
	}
	list = append(list, c)
	contexts.Store(&list)
	return uint64(len(list))
}

func remove(handle C.uint64_t) {
	contextsLock.Lock()
	defer contextsLock.Unlock()
	list := append([]*context(nil), *contexts.Load()...)
	list[handle-1] = nil
	contexts.Store(&list)
}

func contextOf(handle C.uint64_t) *context {
	return (*contexts.Load())[handle-1]
}

// alive returns the engine of a context, unless it is dead.
func alive(handle C.uint64_t) (*engine.Engine, bool) {
	c := contextOf(handle)
	return c.engine, !c.dead
}

// guard turns a panic into EINTERNAL. It is deferred by every export.
func guard(handle C.uint64_t, status *C.int) {
	if recover() == nil {
		return
	}
	*status = C.int(abi.EINTERNAL)
	if c := contextOf(handle); c != nil {
		c.dead = true
		c.engine.Signal()
	}
}
