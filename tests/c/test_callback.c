/* What may be called inside a callback, and what it does there. */
#include "check.h"

static const char *path;
static int submitted;

static void resubmit(struct dbox_aio *ctx,
		     const struct dbox_aio_result *result)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, result->context);
	struct dbox_aio_file *file;
	struct outcome *outcome = result->context;

	outcome->finals++;
	CHECK_STATUS(result->status, 0);
	body_check(result->message, "hello");
	CHECK_INT(dbox_aio_pending(ctx), 0);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 1), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_wait(ctx, 0, 0), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_wait(ctx, 1, -1), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_wait_request(ctx, result->id, -1),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel(ctx, result->id), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, result->stream), 0);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.pending, 0);
	CHECK_INT(stats.completed, outcome->finals);
	CHECK(dbox_aio_fd(ctx) >= 0);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	/* The result is not changed by any of this. */
	body_check(result->message, "hello");
	if (++submitted < 300) {
		request.callback = resubmit;
		CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
		CHECK_INT(dbox_aio_pending(ctx), 1);
	}
}

/* A chain of requests, each submitted by the callback before. */
static void test_chain(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	struct dbox_aio *ctx = context_open(NULL);

	request.callback = resubmit;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (dbox_aio_pending(ctx) > 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK_INT(outcome.finals, 300);
	dbox_aio_deinit(&ctx);
}

/* Many that submit many: what runs is not disturbed by what is added. */
static int grown;

static void grow(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct dbox_aio_request requests[100];
	const uint64_t id = result->id;
	int i;

	CHECK_STATUS(result->status, 0);
	grown++;
	if (result->context == NULL)
		return;
	for (i = 0; i < 100; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, NULL);
		requests[i].callback = grow;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 100, NULL), 100);
	CHECK(result->id == id);
	body_check(result->message, "hello");
}

static void test_growing(void)
{
	struct dbox_aio *ctx = context_open(NULL);
	struct dbox_aio_request requests[50];
	int i;

	for (i = 0; i < 50; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path,
					   (void *)&requests);
		requests[i].callback = grow;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 50, NULL), 50);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_INT(grown, 50 + 50 * 100);
	dbox_aio_deinit(&ctx);
}

/* Another context may be dispatched inside a callback. */
static struct dbox_aio *second;
static struct outcome second_outcome;

static void dispatch_second(struct dbox_aio *ctx,
			    const struct dbox_aio_result *result)
{
	CHECK(ctx != second);
	CHECK_STATUS(result->status, 0);
	CHECK_STATUS(read_run(second, path, &second_outcome), 0);
	++*(int *)result->context;
}

static void test_two(void)
{
	struct dbox_aio *ctx = context_open(NULL);
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	int called = 0;

	second = context_open(NULL);
	request.op = DBOX_AIO_READ;
	request.path = path;
	request.callback = dispatch_second;
	request.context = &called;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	CHECK_INT(dbox_aio_wait(ctx, 1, -1), 1);
	CHECK_INT(called, 1);
	outcome_clear(&second_outcome);
	dbox_aio_deinit(&second);
	dbox_aio_deinit(&ctx);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_chain();
	test_growing();
	test_two();
	return 0;
}
