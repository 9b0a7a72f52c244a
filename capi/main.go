// Command capi is the core as a C shared library: the thin layer between the
// front (lib/) and package engine. core.h is its contract.
//
// Every export recovers from a panic: the context it happened in is dead from
// then on and says so, and the host goes on.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/.. -DDBOX_CORE_TYPES_ONLY
// See reserve.c.
#cgo LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=free
#cgo LDFLAGS: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_getattr_np
*/
import "C"

func main() {}
