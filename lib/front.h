/*
 * front.h: what the files of the front share. The front is all C that a host
 * links: it checks arguments, threads and processes, runs the callbacks, and
 * calls the core (core.h). It has no thread and no constructor.
 */
#ifndef DBOX_FRONT_H
#define DBOX_FRONT_H

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

/* The public functions are the only ones that -fvisibility=hidden leaves. */
#pragma GCC visibility push(default)
#include "dbox_aio.h"
#pragma GCC visibility pop
#include "core.h"

/* Completions taken from the core at once: as many as it reads with one call
   to the kernel. */
#define DISPATCH_BATCH 16
/* SIGRTMAX */
#define SIGNALS_MAX 64
/* Requests given to the core at once. */
#define SUBMIT_BATCH 1024
/* A struct_size above this is taken for garbage, and not read. */
#define STRUCT_SIZE_MAX 4096

/* How long calls of one kind took. */
struct call_times {
	uint64_t longest_ns;
	/* [i]: of 2^i to 2^(i+1) - 1 microseconds, [0] has those below too */
	uint64_t calls[32];
};

enum context_state {
	CONTEXT_LIVE,
	/* deinit was called in a callback that has not returned yet */
	CONTEXT_DOOMED,
	/* deinit is running the callbacks that are left */
	CONTEXT_CLOSING
};

struct dbox_aio {
	uint64_t thread;        /* thread_number() of the owner */
	pid_t pid;
	enum context_state state;
	unsigned int depth;     /* callbacks that are running, nested */

	uint64_t handle;
	struct dbox_core_context core;
	int event_fd;

	uint64_t stall_ns;
	uint32_t max_pending;
	uint32_t pending;
	int short_submit;       /* a submit found too little room */

	struct dbox_aio_file *files;
	struct dbox_core_request *batch;
	size_t batch_size;

	struct call_times submits;
	struct call_times dispatches;

	/* out[out_next] to out[out_count - 1] are not called back yet, but for
	   those without a callback, which wait_request has run. They are of the
	   dispatch that is running, or of a submit. */
	unsigned int out_next;
	unsigned int out_count;
	/* What submit left to do when it put results there. */
	uint32_t out_more;
	struct dbox_core_completion out[DISPATCH_BATCH];
};

struct dbox_aio_file {
	struct dbox_aio *ctx;
	uint64_t core;
	uint32_t in_flight;     /* requests whose final callback is to come */
	int closed;             /* freed with the last one of them */
	struct dbox_aio_file *prev, *next;
};

/*
 * The core, once it is loaded (load.c)
 */
struct core_calls {
	const char *(*version)(void);
	int (*init)(const struct dbox_core_options *,
		    struct dbox_core_context *);
	int (*submit)(uint64_t, const struct dbox_core_request *, size_t, int,
		      uint64_t *, struct dbox_core_completion *, unsigned int,
		      uint32_t *);
	int (*dispatch)(uint64_t, struct dbox_core_completion *, unsigned int,
			uint64_t, uint32_t *);
	int (*take)(uint64_t, uint64_t, struct dbox_core_completion *,
		    uint64_t, uint32_t *);
	int (*cancel)(uint64_t, uint64_t);
	int (*cancel_stream)(uint64_t, uint64_t);
	int (*file_open)(uint64_t, const char *, uint32_t, const char *,
			 uint32_t, struct dbox_aio_file *, uint64_t *);
	int (*file_close)(uint64_t, uint64_t);
	int (*close_fd)(uint64_t, int);
	int (*stats)(uint64_t, struct dbox_aio_stats *);
	int (*shutdown)(uint64_t, struct dbox_core_completion *, unsigned int);
	int (*free)(uint64_t);
};
extern struct core_calls core;

/* Loads the core if it is not loaded. 0, or a status with its text set. */
int core_load(void);

/* 0 if the process has the address space, descriptors and threads that loading
   the core takes: it would die without them. Otherwise a status with its text
   set. */
int limits_check(void);

/*
 * Signals (signals.c)
 */

/* All signals but those a fault raises in the thread that caused it. */
extern sigset_t signals_async;
void signals_init(void);

/* A thread with a small stack, if the host leaves room for that. 0, or an
   errno. */
int thread_create(pthread_t *thread_r, int detached, void *(*run)(void *),
		  void *context);

/* Handlers of the host, as they were before the Go runtime looked at them. */
struct signals_saved {
	struct sigaction actions[SIGNALS_MAX + 1];
	int valid[SIGNALS_MAX + 1];
};
void signals_save(struct signals_saved *saved_r);
void signals_restore(const struct signals_saved *saved);

/* Around every call into the core: a handler of the host that was installed
   without SA_ONSTACK must never run on the stack of a goroutine. */
static inline void core_enter(sigset_t *old_r)
{
	(void)pthread_sigmask(SIG_BLOCK, &signals_async, old_r);
}

static inline void core_leave(const sigset_t *old)
{
	(void)pthread_sigmask(SIG_SETMASK, old, NULL);
}

/*
 * Contexts
 */

/* A number for this thread that no other one of the process ever has. */
uint64_t thread_number(void);

/* To be called in the process that loads the core, before process_is(). */
void fork_mark_set(void);
/* 1 if this process, which has the core loaded or inherited it, is pid and not
   a child that was forked from it. */
int process_is(pid_t pid);

/* 0 if ctx is this thread's; otherwise a status with its text set. */
int context_check_owner(const struct dbox_aio *ctx);
/* The same, and deinit was not called. */
int context_check(const struct dbox_aio *ctx);
/* The same, and no callback is running. */
int context_check_idle(const struct dbox_aio *ctx);

/* Runs what is left of a context with DBOX_AIO_ESHUTDOWN, and frees it. */
void context_finish(struct dbox_aio *ctx);
/* Frees the memory of the front. */
void context_free(struct dbox_aio *ctx);

/* Runs one callback; drops the message reference that came with it. Returns 1
   if it was the request's final one. */
int completion_run(struct dbox_aio *ctx,
		   struct dbox_core_completion *completion);

/* The core's status of a call that has no text of its own. */
int core_failed(int status);

void file_unref_request(struct dbox_aio_file *file);

/*
 * The event descriptor and the clock (event.c)
 */
void event_signal(int fd);
/* Returns how often it was signalled since the last call; 0 if it was not
   readable, with errno EBADF if the host has closed it. */
uint64_t event_clear(int fd);
/* The error of a context whose descriptor the host has closed. */
int event_closed(void);
/* Waits until it is readable (1) or the clock shows deadline (0; UINT64_MAX is
   never). A status if it can't be polled. */
int event_wait(int fd, uint64_t deadline);
/* Signals that there is room again after a short submit, if there is. */
void event_signal_room(struct dbox_aio *ctx);

uint64_t clock_ns(void);
void call_time_add(struct call_times *times, uint64_t ns);
/* timeout_ms from now on; UINT64_MAX for -1. */
uint64_t clock_deadline(int timeout_ms);

/*
 * Errors (error.c)
 */

/* Both set this thread's last error and return status. text is static. */
int error_set(int status, const char *text);
int error_format(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Structs that the host passes (sizes.c)
 */

/* 0 if a struct of this size can be read by a library that knows known bytes
   of it, version 1.0 having had v1 of them. Otherwise DBOX_AIO_EINVAL. */
int struct_size_check(const char *name, size_t size, size_t v1);
/* 1 if all bytes of a struct behind those that the library knows are 0. */
int struct_tail_is_zero(const void *data, size_t size, size_t known);

#endif
