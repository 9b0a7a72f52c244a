/* ring.h: the ring of the two peers that use liburing. */
#ifndef RING_H
#define RING_H

#include <liburing.h>
#include "bench.h"

struct ring {
	struct io_uring uring;
	/* nothing is tried on this thread first: it could wait for storage */
	int remote;
};

/* Makes the ring, and the loop that its eventfd is polled by. */
void ring_init(struct ring *ring, const struct peer_setup *setup);
/* A free entry, whatever must be submitted for that. */
struct io_uring_sqe *ring_entry(struct ring *ring);

/* Entries for the steps of reading a file. data comes back with the completion;
   that of a close is its step, and there is none if it succeeds. */
void ring_open(struct ring *ring, const char *path, uintptr_t data);
void ring_read(struct ring *ring, int fd, void *buf, size_t size,
	       uint64_t offset, uintptr_t data);
void ring_close(struct ring *ring, int fd, uintptr_t data);

/* Submits what was prepared, and has the kernel finish what it can. */
void ring_enter(struct ring *ring);
/* Waits in the event loop until there may be completions. With many operations
   at io-wq the kernel was seen to have some, its flag set, and to have signalled
   nothing (Linux 6.18). */
void ring_wait(struct ring *ring);

#endif
