/*
 * special_fairness.c: 200 streams that ask for one message now and then, alone;
 * beside a stream that has asked for 10,000 at once; and with a dead mount
 * beside that. Storage takes 5 ms. The 99th percentile of the quick streams.
 */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "library.h"

#define QUICK_STREAMS 200
/* The stream that wants all, and the one on the dead mount. */
#define LONG_STREAM 1000
#define DEAD_STREAM 1001
#define LONG_REQUESTS 10000
#define DEAD_REQUESTS 1000
/* A quick stream's pause before its next request: this, and up to as much
   again. */
#define PAUSE_NS 250000000
#define MAX_TIMES 100000

enum company { ALONE, LONG_QUEUE, DEAD_MOUNT, COMPANIES };
static const char *const company_names[COMPANIES] = {
	"alone", "beside", "dead"
};

struct fairness {
	const struct store *store;	/* on the slow mount */
	const struct store *dead;	/* on the dead one */
	struct mount *dead_mount;
	uint32_t backend;
	enum company company;
	uint64_t duration;
};

struct fairness_result {
	double p99_us, median_us, deinit_us;
	unsigned int count;
};

struct stream {
	const struct message *msg;
	uint64_t next_at, asked_at;
};

static struct stream streams[QUICK_STREAMS];
static uint64_t *times;
static unsigned int times_count, long_pending;
static int ending;

static uint64_t pause_next(void)
{
	static uint64_t random = 7;

	random = random * 6364136223846793005U + 1442695040888963407U;
	return PAUSE_NS + (random >> 33) % PAUSE_NS;
}

static void quick_done(struct dbox_aio *ctx,
		       const struct dbox_aio_result *result)
{
	struct stream *stream = result->context;
	const uint64_t now = clock_ns();

	(void)ctx;
	if (ending)
		return;
	if (result->status != DBOX_AIO_OK)
		errx(1, "%s", dbox_aio_strerror(result->status));
	if (times_count < MAX_TIMES)
		times[times_count++] = now - stream->asked_at;
	stream->asked_at = 0;
	stream->next_at = now + pause_next();
}

static void long_done(struct dbox_aio *ctx,
		      const struct dbox_aio_result *result)
{
	(void)ctx;
	if (!ending && result->status != DBOX_AIO_OK)
		errx(1, "%s", dbox_aio_strerror(result->status));
	long_pending--;
}

static void dead_done(struct dbox_aio *ctx,
		      const struct dbox_aio_result *result)
{
	(void)ctx;
	if (!ending)
		errx(1, "the dead mount answers: %s",
		     dbox_aio_strerror(result->status));
}

/* Asks for as many messages at once. */
static void flood(struct dbox_aio *ctx, const struct store *store,
		  unsigned int count, uint64_t stream,
		  dbox_aio_callback_t *callback)
{
	struct dbox_aio_request *requests = calloc(count, sizeof(*requests));
	unsigned int i;

	if (requests == NULL)
		err(1, "calloc");
	for (i = 0; i < count; i++) {
		library_request(&requests[i], &store->messages[i], callback);
		requests[i].stream = stream;
	}
	if (dbox_aio_submit(ctx, requests, count, NULL) != (int)count)
		library_fail("dbox_aio_submit");
	free(requests);
}

static void stream_ask(struct dbox_aio *ctx, struct stream *stream,
		       uint64_t number, uint64_t now)
{
	struct dbox_aio_request request;

	library_request(&request, stream->msg, quick_done);
	request.context = stream;
	request.stream = number;
	stream->asked_at = now;
	if (dbox_aio_submit(ctx, &request, 1, NULL) != 1)
		library_fail("dbox_aio_submit");
}

/* Has the streams ask whose time has come. Returns when the next one's is. */
static uint64_t streams_ask(struct dbox_aio *ctx)
{
	uint64_t now = clock_ns(), next = now + PAUSE_NS;
	unsigned int i;

	for (i = 0; i < QUICK_STREAMS; i++) {
		if (streams[i].asked_at != 0)
			continue;
		if (streams[i].next_at <= now)
			stream_ask(ctx, &streams[i], i + 1, now);
		else if (streams[i].next_at < next)
			next = streams[i].next_at;
	}
	return next;
}

static void host_run(struct dbox_aio *ctx, const struct fairness *fairness)
{
	const uint64_t end = clock_ns() + fairness->duration;
	struct pollfd poll_fd = { .fd = dbox_aio_fd(ctx), .events = POLLIN };
	struct timespec timeout;
	uint64_t next, now;

	while (clock_ns() < end || long_pending > 0) {
		/* as long as the quick ones go on, so does the queue */
		if (fairness->company != ALONE && long_pending == 0) {
			long_pending = LONG_REQUESTS;
			flood(ctx, fairness->store, LONG_REQUESTS,
			      LONG_STREAM, long_done);
		}
		next = streams_ask(ctx);
		now = clock_ns();
		timeout.tv_sec = 0;
		timeout.tv_nsec = next > now ? (long)(next - now) : 0;
		if (ppoll(&poll_fd, 1, &timeout, NULL) > 0 &&
		    dbox_aio_dispatch(ctx, 0) < 0)
			library_fail("dbox_aio_dispatch");
	}
}

static int time_cmp(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void fairness_run(const void *arg, void *data)
{
	const struct fairness *fairness = arg;
	struct fairness_result *result = data;
	struct dbox_aio *ctx;
	uint64_t begin;
	unsigned int i;

	times = malloc(MAX_TIMES * sizeof(*times));
	if (times == NULL)
		err(1, "malloc");
	ctx = library_init(fairness->backend, 1);
	begin = clock_ns();
	for (i = 0; i < QUICK_STREAMS; i++) {
		streams[i].msg = &fairness->store->messages[LONG_REQUESTS + i];
		streams[i].next_at = begin + pause_next() - PAUSE_NS;
	}
	if (fairness->company == DEAD_MOUNT)
		flood(ctx, fairness->dead, DEAD_REQUESTS, DEAD_STREAM,
		      dead_done);
	host_run(ctx, fairness);

	qsort(times, times_count, sizeof(*times), time_cmp);
	result->count = times_count;
	result->median_us = (double)times[times_count / 2] / 1e3;
	result->p99_us = (double)times[times_count * 99 / 100] / 1e3;
	ending = 1;
	begin = clock_ns();
	dbox_aio_deinit(&ctx);
	result->deinit_us = (double)(clock_ns() - begin) / 1e3;
	/* a process with requests that hang can't end */
	if (fairness->company == DEAD_MOUNT)
		mount_command(fairness->dead_mount, "resume");
}

static void backend_run(const struct run *run, struct fairness *fairness,
			const char *name, unsigned int round)
{
	struct fairness_result result;
	char variant[64];

	for (fairness->company = 0; fairness->company < COMPANIES;
	     fairness->company++) {
		snprintf(variant, sizeof(variant), "%s %s", name,
			 company_names[fairness->company]);
		if (fairness->company == DEAD_MOUNT)
			mount_command(fairness->dead_mount,
				      "hang open read");
		child_call(fairness_run, fairness, &result, sizeof(result));
		special_row(run, "quick_p99_us", variant, round,
			    result.p99_us);
		special_row(run, "quick_median_us", variant, round,
			    result.median_us);
		special_row(run, "quick_count", variant, round, result.count);
		special_row(run, "deinit_us", variant, round,
			    result.deinit_us);
	}
}

void special_fairness(const struct run *run)
{
	static const char *const options[] = {
		"-open", "5ms", "-read", "5ms", NULL
	};
	const char *reason = mount_impossible();
	struct fairness fairness;
	struct store store, dead;
	struct mount *mount;
	unsigned int round;

	if (reason != NULL) {
		special_skip(run, "fairness", reason);
		return;
	}
	store_small(run, &store);
	store_small(run, &dead);
	mount = mount_start(run->dir, options);
	store_move(&store, run->dir, mount_path(mount));
	fairness.dead_mount = mount_start(run->dir, options);
	store_move(&dead, run->dir, mount_path(fairness.dead_mount));
	fairness.store = &store;
	fairness.dead = &dead;
	fairness.duration = (run->quick ? 1 : 3) * (uint64_t)1000000000;
	for (round = 1; round <= (run->quick ? 1 : 5); round++) {
		fairness.backend = DBOX_AIO_BACKEND_URING;
		backend_run(run, &fairness, "library", round);
		fairness.backend = DBOX_AIO_BACKEND_THREADS;
		if (!run->quick)
			backend_run(run, &fairness, "threads", round);
	}
	mount_stop(fairness.dead_mount);
	mount_stop(mount);
}
