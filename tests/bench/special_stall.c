/*
 * special_stall.c: how long one submit or dispatch takes at most, callbacks not
 * counted: 1000 messages of 64 KiB that are all cached, in one batch; and the
 * first touch of a file system that takes 20 ms for everything.
 */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "library.h"

#define BODY_SIZE (64 << 10)
#define BUCKETS 24

struct stall {
	const struct store *store;
	unsigned int count;
	uint32_t backend;
};

struct stall_result {
	uint64_t submit_ns, dispatch_ns, idle_ns;
	/* calls that took 2^i to 2^(i+1) - 1 microseconds; [0] has 0 too */
	unsigned int calls[BUCKETS];
};

static uint64_t callbacks_ns;
static struct stall_result *result;

static void delivered(struct dbox_aio *ctx, const struct dbox_aio_result *res)
{
	const uint64_t begin = clock_ns();

	library_delivered(ctx, res);
	callbacks_ns += clock_ns() - begin;
}

static void call_add(uint64_t time, uint64_t *longest)
{
	unsigned int bucket = 0;

	if (time > *longest)
		*longest = time;
	for (time /= 1000; time > 1 && bucket < BUCKETS - 1; time /= 2)
		bucket++;
	result->calls[bucket]++;
}

/* The longest time that this machine keeps a process from running which never
   waits. */
static uint64_t idle_longest(uint64_t duration)
{
	const uint64_t end = clock_ns() + duration;
	uint64_t now = clock_ns(), last, longest = 0;

	while (now < end) {
		last = now;
		now = clock_ns();
		if (now - last > longest)
			longest = now - last;
	}
	return longest;
}

static void stall_run(const void *arg, void *data)
{
	const struct stall *stall = arg;
	struct dbox_aio_request *requests;
	struct pollfd poll_fd = { .events = POLLIN };
	struct dbox_aio *ctx;
	uint64_t begin, started, idle;
	unsigned int i;

	result = data;
	memset(result, 0, sizeof(*result));
	requests = calloc(stall->count, sizeof(*requests));
	if (requests == NULL)
		err(1, "calloc");
	for (i = 0; i < stall->count; i++)
		library_request(&requests[i], &stall->store->messages[i],
				delivered);
	ctx = library_init(stall->backend, 0);
	poll_fd.fd = dbox_aio_fd(ctx);
	idle = idle_longest(100000000);

	started = begin = clock_ns();
	if (dbox_aio_submit(ctx, requests, stall->count, NULL) !=
	    (int)stall->count)
		library_fail("dbox_aio_submit");
	call_add(clock_ns() - begin, &result->submit_ns);
	while (dbox_aio_pending(ctx) > 0) {
		if (poll(&poll_fd, 1, -1) < 0)
			err(1, "poll");
		callbacks_ns = 0;
		begin = clock_ns();
		if (dbox_aio_dispatch(ctx, 0) < 0)
			library_fail("dbox_aio_dispatch");
		call_add(clock_ns() - begin - callbacks_ns,
			 &result->dispatch_ns);
	}
	result->idle_ns = idle_longest(clock_ns() - started);
	if (result->idle_ns < idle)
		result->idle_ns = idle;
	if (delivered_count() != stall->count)
		errx(1, "not all was delivered");
}

static void stall_measure(const struct run *run, const struct stall *stall,
			  const char *storage, unsigned int round)
{
	const char *backend = stall->backend == DBOX_AIO_BACKEND_URING ?
		"library" : "threads";
	struct stall_result res;
	char variant[64], figure[32];
	unsigned int i;

	child_call(stall_run, stall, &res, sizeof(res));
	snprintf(variant, sizeof(variant), "%s %s", backend, storage);
	special_row(run, "longest_submit_us", variant, round,
		    (double)res.submit_ns / 1e3);
	special_row(run, "longest_dispatch_us", variant, round,
		    (double)res.dispatch_ns / 1e3);
	special_row(run, "longest_idle_us", variant, round,
		    (double)res.idle_ns / 1e3);
	for (i = 0; i < BUCKETS; i++) {
		if (res.calls[i] == 0)
			continue;
		snprintf(figure, sizeof(figure), "calls_%u_us", 1U << i);
		special_row(run, figure, variant, round, res.calls[i]);
	}
}

void special_stall(const struct run *run)
{
	static const char *const options[] = {
		"-open", "20ms", "-read", "20ms", "-lookup", "20ms", NULL
	};
	const char *reason = mount_impossible();
	struct store store;
	struct stall stall = { .store = &store };
	struct mount *mount;
	char dir[4096];
	unsigned int round;

	snprintf(dir, sizeof(dir), "%s/large", run->dir);
	store_make(dir, 1000, BODY_SIZE);
	store_find(&store, dir, "u.");
	for (round = 1; round <= run->rounds_count; round++) {
		stall.count = store.count;
		stall.backend = DBOX_AIO_BACKEND_URING;
		stall_measure(run, &stall, "cached", round);
		stall.backend = DBOX_AIO_BACKEND_THREADS;
		stall_measure(run, &stall, "cached", round);
	}
	if (reason != NULL) {
		special_skip(run, "longest call on FUSE", reason);
		return;
	}
	for (round = 1; round <= run->rounds_count; round++) {
		/* a new one each time: nothing of it is known */
		mount = mount_start(run->dir, options);
		store_move(&store, run->dir, mount_path(mount));
		stall.count = 100;
		stall.backend = round % 2 ? DBOX_AIO_BACKEND_URING :
			DBOX_AIO_BACKEND_THREADS;
		stall_measure(run, &stall, "fuse20", round);
		mount_stop(mount);
	}
}
