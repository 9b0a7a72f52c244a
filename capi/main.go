// Command capi is the core as a C shared library: the thin layer between the
// front (lib/) and package engine. core.h is its contract.
//
// Every export recovers from a panic: the context it happened in is dead from
// then on and says so, and the host goes on.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/.. -DDBOX_CORE_TYPES_ONLY
*/
import "C"

func main() {}
