/*
 * core.h: the contract between the front (lib/, C) and the core (go/ behind
 * capi/, Go). Private: it is not installed, and both sides are always built
 * from the same tree; dbox_core_version() is compared at load.
 *
 * Threads: every function but dbox_core_version() is called by the thread
 * that owns the context, with asynchronous signals blocked, and never from a
 * forked child. The front has checked all of that, and all arguments.
 *
 * Memory: what the core is given is only read during the call. What it gives
 * back (messages) lies outside the Go heap, in mappings that the pool owns.
 */
#ifndef DBOX_CORE_H
#define DBOX_CORE_H

#include <stddef.h>
#include <stdint.h>
#include "dbox_aio.h"

/*
 * Messages and the pool they lie in
 */

/* One metadata line, in the order of the file. value ends with a NUL that
   size does not count. */
struct dbox_metadata {
	const char *value;
	uint32_t size;
	uint32_t key;
};

enum dbox_message_flags {
	DBOX_MESSAGE_WANT_FD = 0x01,    /* asked for with DBOX_AIO_WANT_FD */
	DBOX_MESSAGE_FD_SLOW = 0x02,    /* a close of fd may wait for storage */
	DBOX_MESSAGE_HAS_METADATA = 0x04
};

/* Written by the core before the front sees it. Afterwards only refs, fd and
   next change, all three atomically. */
struct dbox_aio_message {
	uint32_t refs;
	int32_t fd;                     /* for take_fd; -1: none, or taken */
	uint32_t flags;
	uint32_t metadata_count;
	struct dbox_pool *pool;
	struct dbox_aio_message *next;  /* in pool->freed */
	uint64_t block;                 /* the core's own */
	const unsigned char *body;
	uint64_t body_length;           /* of what was read */
	uint64_t body_size;             /* of the whole body */
	uint64_t record_size;
	const unsigned char *raw;
	uint64_t raw_size;
	uint64_t raw_offset;
	const struct dbox_metadata *metadata;
};

/* A piece of mapped memory. The pool's own lies in its first one. */
struct dbox_mapping {
	void *address;
	uint64_t size;
};

/*
 * Where a context's messages live; it outlives the context. All fields are
 * atomics but mappings and mappings_count, which the core changes while it
 * owns a count in live.
 *
 * unref to zero, on any thread:
 *   push the message to freed; if wake is not 0, or the message still has a
 *   descriptor: signal event_fd; then live -= 1, and whoever brings live to
 *   0 unmaps every mapping (the first, which holds this struct, last).
 *   A message with a descriptor is pushed between writers += 1 and
 *   writers -= 1, and only if closed is 0 by then; else unref closes it.
 * The core counts 1 in live for itself until the context is freed and the
 * kernel has let go of every buffer.
 * event_fd is written only between writers += 1 and writers -= 1, and only if
 * it is not negative by then; deinit sets it to -1 and waits for writers to
 * become 0 before it closes the descriptor.
 */
struct dbox_pool {
	struct dbox_aio_message *freed;
	uint64_t live;
	int32_t event_fd;
	uint32_t writers;
	uint32_t wake;
	uint32_t closed;                /* nobody reclaims freed any more */
	int32_t pid;                    /* only this process signals event_fd */
	uint32_t mappings_count;
	struct dbox_mapping *mappings;  /* itself in one of the mappings */
};

/*
 * Calls
 */

struct dbox_core_options {
	uint32_t backend, queue_depth, max_pending, max_workers;
	uint64_t stall_ns, max_bytes, max_message_size;
	int32_t event_fd;               /* nonblocking eventfd, owned by the front */
	int32_t pid;
};

struct dbox_core_context {
	uint64_t handle;
	struct dbox_pool *pool;
	int32_t ring_fd;                /* to be closed in a forked child; or -1 */
	uint32_t backend;               /* the one in use */
	int32_t fallback_errno;
	char fallback_reason[256];      /* "" where there was none */
	char error[256];                /* of a failed init: what to do about it */
};

/* A dbox_aio_request that was checked. */
struct dbox_core_request {
	uint32_t op, flags, priority, timeout_ms;
	uint64_t offset, size_hint, body_offset, body_limit, stream;
	uint64_t file;                  /* from dbox_core_file_open, or 0 */
	const char *path, *alt_path;    /* or NULL */
	uint32_t path_length, alt_length;  /* PATH_MAX or more: not all of it */
	uint64_t callback, context;     /* given back in the completion */
};

struct dbox_core_completion {
	struct dbox_aio_result result;
	uint64_t callback;
};

/* What is left to do, as dbox_core_dispatch and dbox_core_take report it. */
enum dbox_core_more {
	DBOX_CORE_MORE_RESULTS = 0x01,  /* completions are ready to be taken */
	DBOX_CORE_MORE_WORK = 0x02      /* the time was up before the work was done */
};

#ifndef DBOX_CORE_TYPES_ONLY /* cgo declares the functions by itself */

/* The first call of all: lets the Go runtime start, which has not begun to by
   then. 0; an errno if threads for it can't be created: it can be called again,
   also in a forked child; -1 if the dynamic linker has left the core half
   loaded, having run out of memory, and will not try again. */
int dbox_core_begin(void);

/* "MAJOR.MINOR.PATCH" of the tree the core was built from. */
const char *dbox_core_version(void);

/* 0, or a negative enum dbox_aio_status with error set. */
int dbox_core_init(const struct dbox_core_options *options,
		   struct dbox_core_context *ctx_r);

/* Accepts all of them: the front has looked at max_pending. Works on them for
   stall_ns at most if last is not 0, and then moves up to max final completions
   that are ready to out, else only queues them. Signals event_fd, once, if a
   dispatch has something to do or there are completions; *more_r gets what it
   has to do beside those. ids_r may be NULL. Returns the number of completions,
   or an error. */
int dbox_core_submit(uint64_t handle, const struct dbox_core_request *requests,
		     size_t count, int last, uint64_t *ids_r,
		     struct dbox_core_completion *out, unsigned int max,
		     uint32_t *more_r);

/* Works for budget_ns at most, then moves up to max completions that are
   ready to out; from then on they are unknown to the core. Returns their
   number. *more_r gets enum dbox_core_more; never signals event_fd itself. */
int dbox_core_dispatch(uint64_t handle, struct dbox_core_completion *out,
		       unsigned int max, uint64_t budget_ns, uint32_t *more_r);

/* Puts the request first in the queue, works for budget_ns at most. 1 and *out
   filled if its next completion is ready, 0 if not yet, DBOX_AIO_ENOENT if
   there is no such request. Never signals event_fd. */
int dbox_core_take(uint64_t handle, uint64_t id,
		   struct dbox_core_completion *out, uint64_t budget_ns,
		   uint32_t *more_r);

/* 0, DBOX_AIO_EALREADY, DBOX_AIO_ENOENT. Signals event_fd on 0. */
int dbox_core_cancel(uint64_t handle, uint64_t id);
/* Number cancelled. */
int dbox_core_cancel_stream(uint64_t handle, uint64_t stream);

/* cookie comes back as result.file of its requests. */
int dbox_core_file_open(uint64_t handle, const char *path, uint32_t path_length,
			const char *alt_path, uint32_t alt_length,
			struct dbox_aio_file *cookie, uint64_t *file_r);
int dbox_core_file_close(uint64_t handle, uint64_t file);

int dbox_core_close_fd(uint64_t handle, int fd);

/* Fills all of it but struct_size and the longest_ times. */
int dbox_core_stats(uint64_t handle, struct dbox_aio_stats *stats_r);

/* Moves up to max of the requests that are left to out, each with
   DBOX_AIO_ESHUTDOWN; returns their number, 0 when there is none left. From
   the first call on nothing else than this and dbox_core_free may follow. */
int dbox_core_shutdown(uint64_t handle, struct dbox_core_completion *out,
		       unsigned int max);

/* Returns within half a second. Sets pool->event_fd to -1 and waits for the
   writers; the front closes the descriptor afterwards. What the kernel still
   has is released when it lets go. */
int dbox_core_free(uint64_t handle);

#endif
#endif
