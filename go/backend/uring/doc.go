// Package uring does operations by io_uring, on github.com/godzie44/go-uring
// and golang.org/x/sys.
//
// The ring is set up with SINGLE_ISSUER and DEFER_TASKRUN (Linux 6.1): the
// kernel then finishes operations only while the owning thread is inside
// Reap, and never interrupts the thread's own waiting calls. The context's
// event descriptor is registered with the ring, so it is signalled when there
// is something to finish.
//
// An operation with Wait set goes straight to one of the kernel's io-wq
// workers.
//
// The ring is for local file systems. On others a plain submission reads
// inside io_uring_enter(2) and blocks the host, and Linux 6.18 was seen to go
// on after a short read of a FUSE file with direct I/O at the wrong offset:
// package both gives those to package threads.
package uring
