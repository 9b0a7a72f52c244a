/* max_bytes holds requests back until something is released, and refuses only
   what could never be read. */
#include "check.h"

#include <pthread.h>

static void *release(void *message)
{
	struct dbox_aio_message *copy = message;

	dbox_aio_message_unref(&copy);
	return NULL;
}

static void test_waits(void)
{
	struct blocked blocked;
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	pthread_t thread;
	int fd;

	blocked_open(&blocked, NULL);
	fd = dbox_aio_fd(blocked.ctx);
	request = blocked_request(&blocked, &outcome);
	request_submit(blocked.ctx, &request);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 100), 0);
	CHECK(!fd_readable(fd, 0));
	CHECK_STATUS(dbox_aio_get_stats(blocked.ctx, &stats), 0);
	CHECK(stats.bytes_held >= BLOCKED_SIZE);
	CHECK(stats.bytes_held <= 256 * 1024);
	CHECK_INT(stats.pending, 1);

	CHECK_INT(pthread_create(&thread, NULL, release,
				 blocked.held.message), 0);
	CHECK(fd_readable(fd, -1));
	pthread_join(thread, NULL);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, -1), 1);
	CHECK_STATUS(outcome.result.status, 0);
	outcome_clear(&outcome);

	CHECK(dbox_aio_wait(blocked.ctx, 0, 0) >= 0);
	CHECK(dbox_aio_dispatch(blocked.ctx, 0) >= 0);
	CHECK_STATUS(dbox_aio_get_stats(blocked.ctx, &stats), 0);
	CHECK_INT(stats.bytes_held, 0);
	dbox_aio_deinit(&blocked.ctx);
}

static void test_too_big(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct outcome outcome = { 0 };
	const char *path = check_path("big");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	struct dbox_aio *ctx;
	size_t size;

	options.max_bytes = 1 << 20;
	sdbox_write_big(path, 2 << 20);
	ctx = context_open(&options);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ETOOBIG);
	request.body_offset = 1500000;
	request.body_limit = 1000;
	CHECK_STATUS(request_run(ctx, &request), 0);
	dbox_aio_message_body(outcome.message, &size);
	CHECK_INT(size, 1000);
	CHECK_INT(dbox_aio_message_body_size(outcome.message), 2 << 20);
	request.body_limit = 1000000000;
	request.body_offset = 10;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ETOOBIG);
	request.body_limit = request.body_offset = 0;
	request.flags = DBOX_AIO_NO_BODY;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_STATUS(read_run(ctx, path, &outcome), DBOX_AIO_ETOOBIG);
	outcome_clear(&outcome);
	dbox_aio_deinit(&ctx);
}

static void test_max_message_size(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct outcome outcome = { 0 };
	const char *path = check_path("u.1");
	struct dbox_aio *ctx;

	options.max_message_size = 5000;
	ctx = context_open(&options);
	sdbox_write_big(path, 4000);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	sdbox_write_big(path, 6000);
	CHECK_STATUS(read_run(ctx, path, &outcome), DBOX_AIO_ETOOBIG);
	sdbox_write_big(path, 3 << 20);
	CHECK_STATUS(read_run(ctx, path, &outcome), DBOX_AIO_ETOOBIG);
	outcome_clear(&outcome);
	dbox_aio_deinit(&ctx);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	test_waits();
	test_too_big();
	test_max_message_size();
	return 0;
}
