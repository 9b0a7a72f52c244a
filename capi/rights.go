package main

/*
#include <stdlib.h>
#include "creds.h"

// 0 if the calling thread has the rights old; else 1, and *now_r has what it has.
static int creds_look(const struct creds *old, struct creds *now_r)
{
	creds_read(now_r);
	return old != NULL && creds_same(old, now_r) ? 0 : 1;
}

// The two can fail, which C.malloc can't.
static struct creds *creds_alloc(void) { return malloc(sizeof(struct creds)); }

static struct creds *creds_dup(const struct creds *creds)
{
	struct creds *copy = malloc(creds_size(creds));

	if (copy != NULL)
		creds_copy(copy, creds);
	return copy;
}
*/
import "C"

import (
	"unsafe"
)

// rights is engine.Rights: numbers for those that the thread of a context had.
type rights struct {
	known []knownRights // number 1 first
	last  uint32        // what Now has said
	fixed bool          // it never says anything else
	now   *C.struct_creds
}

type knownRights struct {
	creds *C.struct_creds // cut behind its groups; nil: there was no memory
	uses  int
}

// newRights returns nil if there is no memory.
func newRights() *rights {
	now := C.creds_alloc()
	if now == nil {
		return nil
	}
	return &rights{now: now}
}

// Now implements engine.Rights. A process that has no privileges and one
// identity only has that for good.
func (r *rights) Now() uint32 {
	if r.fixed || C.creds_look(r.of(r.last), r.now) == 0 {
		return r.last
	}
	r.last = r.find()
	r.fixed = C.creds_fixed(r.now) != 0 && r.of(r.last) != nil
	return r.last
}

// of returns nil for 0, and where there was no memory: such rights are like no
// other, and nobody can have them again.
func (r *rights) of(number uint32) *C.struct_creds {
	if number == 0 {
		return nil
	}
	return r.known[number-1].creds
}

// find returns the number of what was read to now.
func (r *rights) find() uint32 {
	free := -1
	for i, k := range r.known {
		switch {
		case k.uses == 0:
			free = i
		case k.creds != nil && C.creds_same(k.creds, r.now) != 0:
			return uint32(i) + 1
		}
	}
	if free < 0 {
		free = len(r.known)
		r.known = append(r.known, knownRights{})
	}
	k := &r.known[free]
	C.free(unsafe.Pointer(k.creds))
	k.creds = C.creds_dup(r.now)
	return uint32(free) + 1
}

// Use implements engine.Rights.
func (r *rights) Use(number uint32) { r.known[number-1].uses++ }

// Drop implements engine.Rights.
func (r *rights) Drop(number uint32) { r.known[number-1].uses-- }

// free gives the memory back. Use and Drop may follow, nothing else.
func (r *rights) free() {
	for i := range r.known {
		C.free(unsafe.Pointer(r.known[i].creds))
		r.known[i].creds = nil
	}
	C.free(unsafe.Pointer(r.now))
	r.now = nil
}
