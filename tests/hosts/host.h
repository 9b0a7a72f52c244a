/*
 * host.h: what the hostile hosts have in common. Each of them is one small
 * program; its exit code is 0 if the library behaved, 1 if not, and 77, with
 * the reason on stdout, if that can't be tested here.
 */
#ifndef HOST_H
#define HOST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "dbox_aio.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the process with 1, and says where, if the condition is false. */
#define CHECK(condition) \
	((condition) ? (void)0 : host_failed(__FILE__, __LINE__, #condition))
/* The same for two numbers, which are shown. */
#define CHECK_EQ(a, b) \
	host_check_eq(__FILE__, __LINE__, #a " == " #b, (a), (b))

void host_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));
void host_check_eq(const char *file, int line, const char *what,
		   long long a, long long b);
/* Ends the process with 77. */
void host_skip(const char *reason) __attribute__((noreturn));

/* The backend that argv[1] names: uring, threads or auto. */
uint32_t host_backend(int argc, char *argv[]);
/* Makes a context, or skips the test if this backend can't be had here. */
struct dbox_aio *host_init(uint32_t backend);
/* Takes it down, which must succeed. */
void host_deinit(struct dbox_aio **ctx);

/* A directory of this test, removed when the process that asked for it first
   ends by exit(). Everybody can read it. */
const char *host_dir(void);
/* Writes an sdbox file of that name into it, with a body of this size, and
   returns its path, which is never freed. */
const char *host_mail(const char *name, size_t body_size);
/* Writes count of them, named u.1 and so on, and returns their paths. */
const char **host_mails(unsigned int count, size_t body_size);
/* Puts what is in their pages out of the page cache. */
void host_make_cold(const char *const *paths, unsigned int count);

/* What came back from requests whose context points to one of these. */
struct host_results {
	unsigned int done;
	/* OK, with the right body and metadata */
	unsigned int good;
	/* of those that were not good the last one's */
	int status, sys_errno;
	/* the thread that the callbacks must run on, or 0 */
	pid_t thread;
};
/* The callback that counts them. */
dbox_aio_callback_t host_count_result;
/* 1 if this is a whole message that host_mail() has written. */
int host_message_is_right(const struct dbox_aio_message *message);
/* Submits reads of these paths; all must be accepted. */
void host_submit(struct dbox_aio *ctx, const char *const *paths,
		 unsigned int count, struct host_results *results);
/* The same by poll() and dispatch, until all are done: as a host's loop. */
void host_loop(struct dbox_aio *ctx, struct host_results *results,
	       unsigned int count);
/* All of it: every one of them must be read rightly. */
void host_read_all(struct dbox_aio *ctx, const char *const *paths,
		   unsigned int count);
/* Reads one, and returns the status of its result. */
int host_read(struct dbox_aio *ctx, const char *path);

/* Dispatches until the context has so many files open: what is not known to be
   local is closed by a worker, some time later. */
void host_open_files_become(struct dbox_aio *ctx, uint32_t count);

struct seccomp_notif;
/* Has a thread be asked about each system call of this number that the process
   makes from now on: 0 lets it go on, an errno is its result in the place of
   that. Returns -1 if the kernel can't do this. */
int host_intercept(long number, int (*ask)(const struct seccomp_notif *call));
/* The status of a child that ends by itself: its exit code, or 128 and its
   signal. */
int host_wait(pid_t pid);
/* Number of entries in /proc/self/<name>, "fd" or "task". */
unsigned int host_count(const char *name);
/* Waits until it is not above limit any more, 5 s at most; returns it. */
unsigned int host_count_settles(const char *name, unsigned int limit);
unsigned long long host_now_ms(void);
void host_sleep_ms(unsigned int ms);

#endif
