/* special_pending.c: 100,000 requests of 1000 streams, on storage that hangs,
   and then goes on: memory, and the time that submit takes. */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "library.h"

#define REQUESTS 100000
#define STREAMS 1000
#define CHUNK 1000
#define CHUNKS (REQUESTS / CHUNK)
/* ways to write one path: dir/name, dir/./name ... */
#define SPELLINGS 10
#define MAX_BYTES ((uint64_t)32 << 20)

struct pending {
	const struct store *store;
	struct mount *mount;
	uint64_t drain_ns;
};

struct pending_result {
	uint64_t paths, submitted, peak, done;
	uint64_t submit_ns[CHUNKS];
};

static char *path_spell(const struct message *msg, unsigned int spelling)
{
	const size_t dir = strlen(msg->path) - strlen(msg->name);
	char *path = malloc(strlen(msg->path) + 2 * spelling + 1), *pos;
	unsigned int i;

	if (path == NULL)
		err(1, "malloc");
	memcpy(path, msg->path, dir);
	pos = path + dir;
	for (i = 0; i < spelling; i++)
		pos = stpcpy(pos, "./");
	strcpy(pos, msg->name);
	return path;
}

/* Another path for each request: the library can't share anything. */
static struct dbox_aio_request *requests_make(const struct store *store,
					      struct pending_result *result)
{
	struct dbox_aio_request *requests = calloc(REQUESTS,
						   sizeof(*requests));
	const struct message *msg;
	unsigned int i;

	if (requests == NULL)
		err(1, "calloc");
	for (i = 0; i < REQUESTS; i++) {
		msg = &store->messages[i / SPELLINGS];
		library_request(&requests[i], msg, library_delivered);
		requests[i].path = path_spell(msg, i % SPELLINGS);
		requests[i].stream = i % STREAMS;
		result->paths += strlen(requests[i].path);
	}
	return requests;
}

static void pending_drain(struct dbox_aio *ctx, uint64_t duration)
{
	const uint64_t end = clock_ns() + duration;
	struct pollfd poll_fd = { .fd = dbox_aio_fd(ctx), .events = POLLIN };

	while (dbox_aio_pending(ctx) > 0 && clock_ns() < end) {
		if (poll(&poll_fd, 1, 1000) < 0)
			err(1, "poll");
		if (dbox_aio_dispatch(ctx, 0) < 0)
			library_fail("dbox_aio_dispatch");
	}
}

static void pending_run(const void *arg, void *data)
{
	const struct pending *pending = arg;
	struct pending_result *result = data;
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request *requests;
	struct dbox_aio *ctx;
	uint64_t begin, memory;
	unsigned int i;

	memset(result, 0, sizeof(*result));
	requests = requests_make(pending->store, result);
	options.max_pending = REQUESTS;
	options.max_bytes = MAX_BYTES;
	options.max_workers = 2 * BENCH_WORKERS;
	if (dbox_aio_init(&ctx, &options) < 0)
		library_fail("dbox_aio_init");
	memory = memory_resident();
	for (i = 0; i < CHUNKS; i++) {
		begin = clock_ns();
		if (dbox_aio_submit(ctx, requests + i * CHUNK, CHUNK, NULL) !=
		    CHUNK)
			library_fail("dbox_aio_submit");
		result->submit_ns[i] = clock_ns() - begin;
	}
	result->submitted = memory_resident() - memory;
	mount_command(pending->mount, "resume");
	memory_reset_peak();
	pending_drain(ctx, pending->drain_ns);
	result->peak = memory_peak() - memory;
	result->done = delivered_count();
}

static double mean(const uint64_t *values, unsigned int count)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		sum += values[i];
	return (double)sum / count;
}

void special_pending(const struct run *run)
{
	static const char *const options[] = {
		"-open", "1ms", "-read", "1ms", "-direct", NULL
	};
	const char *reason = mount_impossible();
	struct store store;
	struct pending pending = { .store = &store };
	struct pending_result result;

	if (reason != NULL) {
		special_skip(run, "pending requests", reason);
		return;
	}
	store_small(run, &store);
	pending.mount = mount_start(run->dir, options);
	store_move(&store, run->dir, mount_path(pending.mount));
	mount_command(pending.mount, "hang open read");
	pending.drain_ns = (run->quick ? 2 : 60) * (uint64_t)1000000000;
	child_call(pending_run, &pending, &result, sizeof(result));
	mount_stop(pending.mount);

	special_row(run, "pending_requests", "library", 1, REQUESTS);
	special_row(run, "pending_max_bytes", "library", 1,
		    (double)MAX_BYTES);
	special_row(run, "pending_path_bytes", "library", 1,
		    (double)result.paths);
	special_row(run, "pending_memory", "library submitted", 1,
		    (double)result.submitted);
	special_row(run, "pending_memory", "library peak", 1,
		    (double)result.peak);
	special_row(run, "pending_done", "library", 1, (double)result.done);
	special_row(run, "pending_submit_ns", "library first tenth", 1,
		    mean(result.submit_ns, CHUNKS / 10) / CHUNK);
	special_row(run, "pending_submit_ns", "library last tenth", 1,
		    mean(result.submit_ns + CHUNKS * 9 / 10, CHUNKS / 10) /
		    CHUNK);
}
