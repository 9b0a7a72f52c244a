/*
 * A host keeps every message it gets. Requests go on as long as there are
 * bytes, then wait, without an error, and go on as soon as something is
 * released, on whatever thread. If it keeps those of one stream only, the
 * others go on. A host that never dispatches takes no more memory either.
 */
#include "host.h"
#include <pthread.h>

#define MAILS 64
#define SIZE 100000
#define MAX_BYTES (1024 * 1024)

static struct dbox_aio_message *kept[MAILS];
static unsigned int kept_count, done;

static void keep(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	(void)ctx;
	CHECK_EQ(result->status, 0);
	CHECK(host_message_is_right(result->message));
	kept[kept_count++] = dbox_aio_message_ref(result->message);
	done++;
}

static void *release(void *arg)
{
	(void)arg;
	dbox_aio_message_unref(&kept[--kept_count]);
	return NULL;
}

static void submit_all(struct dbox_aio *ctx, const char **paths)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned int i;

	request.op = DBOX_AIO_READ;
	request.callback = keep;
	for (i = 0; i < MAILS; i++) {
		request.path = paths[i];
		request.stream = i % 4;
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
}

/* Dispatches until nothing has come for a while. */
static void dispatch_what_comes(struct dbox_aio *ctx)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (poll(&pfd, 1, 300) > 0)
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.bytes_held <= MAX_BYTES);
}

static void keeps_everything(struct dbox_aio *ctx, const char **paths)
{
	unsigned int before, at_first;
	pthread_t thread;

	submit_all(ctx, paths);
	dispatch_what_comes(ctx);
	at_first = done;
	/* a buffer may be larger than its message, but not by that much */
	CHECK(at_first >= MAX_BYTES / SIZE / 2);
	CHECK(at_first <= MAX_BYTES / SIZE);
	CHECK_EQ(dbox_aio_pending(ctx), MAILS - at_first);

	while (done < MAILS) {
		before = done;
		CHECK(pthread_create(&thread, NULL, release, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		while (done == before)
			CHECK(dbox_aio_wait(ctx, 1, 5000) > 0);
	}
	CHECK_EQ(dbox_aio_pending(ctx), 0);
	while (kept_count > 0)
		release(NULL);
}

/* One stream's clients never take what is theirs, so the host keeps it; the
   other streams go on beside them with the bytes that are left. */
#define MINE 7
static struct dbox_aio_message *held[MAILS];
static unsigned int held_count, others_done;

static void keep_mine(struct dbox_aio *ctx,
		      const struct dbox_aio_result *result)
{
	(void)ctx;
	CHECK_EQ(result->status, 0);
	if (result->stream == MINE)
		held[held_count++] = dbox_aio_message_ref(result->message);
	else
		others_done++;
}

static void submit_stream(struct dbox_aio *ctx, const char **paths,
			  uint64_t stream, unsigned int count)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned int i;

	request.op = DBOX_AIO_READ;
	request.callback = keep_mine;
	request.stream = stream;
	for (i = 0; i < count; i++) {
		request.path = paths[i];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
}

static void one_stream_keeps(struct dbox_aio *ctx, const char **paths)
{
	/* half of the bytes */
	const unsigned int half = MAX_BYTES / SIZE / 2 - 1;
	unsigned int round, before;
	uint64_t stream;

	CHECK(half > 2 && half < MAILS);
	submit_stream(ctx, paths, MINE, half);
	for (round = 0; round < 5; round++) {
		for (stream = 1; stream <= 3; stream++)
			submit_stream(ctx, paths, stream, MAILS);
		while (others_done < 3 * MAILS)
			CHECK(dbox_aio_wait(ctx, 1, 20000) > 0);
		CHECK_EQ(held_count, half);
		CHECK_EQ(dbox_aio_pending(ctx), 0);
		others_done = 0;
	}
	/* it wants more than there is: now all wait, until it takes one */
	submit_stream(ctx, paths, MINE, MAILS - half);
	dispatch_what_comes(ctx);
	CHECK(held_count > half && held_count < MAILS);
	submit_stream(ctx, paths, 1, 1);
	dispatch_what_comes(ctx);
	while (dbox_aio_pending(ctx) > 0) {
		before = held_count + others_done;
		CHECK(held_count > 0);
		dbox_aio_message_unref(&held[--held_count]);
		before--;
		while (dbox_aio_pending(ctx) > 0 &&
		       held_count + others_done == before)
			CHECK(dbox_aio_wait(ctx, 1, 20000) > 0);
	}
	CHECK_EQ(others_done, 1);
	while (held_count > 0)
		dbox_aio_message_unref(&held[--held_count]);
}

/* Resident bytes of this process. */
static unsigned long long resident(void)
{
	unsigned long long size, pages;
	FILE *f = fopen("/proc/self/statm", "re");

	CHECK(f != NULL);
	CHECK_EQ(fscanf(f, "%llu %llu", &size, &pages), 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void ignore(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	(void)ctx;
	(void)result;
}

static void never_dispatches(struct dbox_aio *ctx, const char **paths)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned long long before = resident();
	unsigned int i;

	request.op = DBOX_AIO_READ;
	request.callback = ignore;
	for (i = 0; i < 20 * MAILS; i++) {
		request.path = paths[i % MAILS];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
	host_sleep_ms(500);
	/* with what 1280 requests themselves take, and the core's heap */
	CHECK(resident() < before + MAX_BYTES + 8 * 1024 * 1024);
	CHECK_EQ(dbox_aio_pending(ctx), 20 * MAILS);
}

static struct dbox_aio *init(uint32_t backend)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int ret;

	options.backend = backend;
	options.max_bytes = MAX_BYTES;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		host_skip("this backend can't be had here");
	CHECK_EQ(ret, 0);
	return ctx;
}

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, SIZE);
	struct dbox_aio *ctx = init(host_backend(argc, argv));

	keeps_everything(ctx, paths);
	host_deinit(&ctx);

	ctx = init(host_backend(argc, argv));
	one_stream_keeps(ctx, paths);
	host_deinit(&ctx);

	ctx = init(host_backend(argc, argv));
	never_dispatches(ctx, paths);
	host_deinit(&ctx);
	return 0;
}
