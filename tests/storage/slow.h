/*
 * slow.h: mounts of slowfs for the tests in this directory, each of which is a
 * host as those in tests/hosts are.
 */
#ifndef SLOW_H
#define SLOW_H

#include "host.h"

struct slow {
	/* what is shown, and where */
	char source[300], mount[300];
	char control[300];
	pid_t pid;
};

/* Mounts an empty directory. The options are those of slowfs, ended by NULL; it
   sleeps nowhere if they do not say so. The name is that of a new directory in
   host_dir(); mails for it are made by host_mail("<name>/u.1", size). It is
   unmounted at exit(). Skips the test if there is no FUSE. */
struct slow *slow_start(const char *name, ...) __attribute__((sentinel));
/* Tells slowfs something, which must be fine with it; see its control.go.
   Returns the rest of the answer. */
const char *slow_tell(struct slow *slow, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Returns one of slowfs's counters, like "max_inflight". */
unsigned long slow_counter(struct slow *slow, const char *name);
/* Path of a file in the mount; never freed. */
const char *slow_path(const struct slow *slow, const char *name);
/* Writes count mails, u.1 and so on, into the source and returns their paths in
   the mount. */
const char **slow_mails(const struct slow *slow, unsigned int count,
			size_t body_size);

/* Runs a test in a child that may give up root's rights: slowfs ends with its
   parent, and only root can send it a signal. Returns the child's status; by
   then nothing hangs any more. */
int slow_run_child(struct slow *slow, void (*test)(const char *what),
		   const char *what);

/* Has a filter of system calls refuse clone(2) for the rest of the process, so
   that workers are POSIX threads. Ends it with 77 where that can't be. */
void slow_refuse_clone(uint32_t backend);

/* One request, waited for in a host's loop, with an empty result.detail as "".
   The result's message, if any, is kept until the next call. */
const struct dbox_aio_result *
slow_request(struct dbox_aio *ctx, const struct dbox_aio_request *request);
/* The same for an operation at an offset of a path. */
const struct dbox_aio_result *
slow_op(struct dbox_aio *ctx, uint32_t op, const char *path, uint64_t offset);

#endif
