/* deinit gives every request its callback, returns at once, and may be called
   in a callback. */
#include "check.h"

#include <time.h>

static const char *path;
static int callbacks;

/* Everything is refused while the context goes down. */
static void refused_callback(struct dbox_aio *ctx,
			     const struct dbox_aio_result *result)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, NULL);
	struct dbox_aio_file *file = NULL;
	struct dbox_aio *copy = ctx;

	callbacks++;
	CHECK_STATUS(result->status, DBOX_AIO_ESHUTDOWN);
	CHECK_INT(result->flags, 0);
	CHECK(result->message == NULL);
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL),
		     DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_wait(ctx, 1, 0), DBOX_AIO_EDEADLK);
	CHECK_STATUS(dbox_aio_wait_request(ctx, result->id, 0),
		     DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_cancel(ctx, result->id), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, 0), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_pending(ctx), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_fd(ctx), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file),
		     DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_close_fd(ctx, 0), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_deinit(&copy), DBOX_AIO_ESHUTDOWN);
	CHECK(copy == NULL);
}

static void test_pending(void)
{
	struct blocked blocked;
	struct dbox_aio_request request;
	int i;

	blocked_open(&blocked, NULL);
	request = blocked_request(&blocked, NULL);
	request.callback = refused_callback;
	for (i = 0; i < 200; i++)
		CHECK_STATUS(dbox_aio_submit(blocked.ctx, &request, 1, NULL),
			     1);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 20), 0);
	callbacks = 0;
	CHECK_STATUS(dbox_aio_deinit(&blocked.ctx), 0);
	CHECK(blocked.ctx == NULL);
	CHECK_INT(callbacks, 200);
	blocked_release(&blocked);
}

/* What is ready and what is under way. */
static void test_busy(void)
{
	static struct outcome outcomes[300];
	static struct dbox_aio_request requests[300];
	struct dbox_aio *ctx;
	int i, round;

	for (round = 0; round < 20; round++) {
		ctx = context_open(NULL);
		for (i = 0; i < 300; i++)
			requests[i] = request_make(DBOX_AIO_READ, path,
						   &outcomes[i]);
		CHECK_STATUS(dbox_aio_submit(ctx, requests, 300, NULL), 300);
		if (round % 3 == 1)
			CHECK(dbox_aio_dispatch(ctx, 50) >= 0);
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
		for (i = 0; i < 300; i++) {
			CHECK_INT(outcomes[i].finals, 1);
			CHECK(outcomes[i].result.status ==
			      DBOX_AIO_ESHUTDOWN ||
			      outcomes[i].result.status == 0);
			outcome_clear(&outcomes[i]);
		}
	}
}

/* In a callback. */
static struct dbox_aio *context;
static int marked, before_mark, after_mark;
static struct dbox_aio_message *kept;

static void deinit_callback(struct dbox_aio *ctx,
			    const struct dbox_aio_result *result)
{
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, NULL);
	struct dbox_aio *copy = ctx;

	if (marked) {
		after_mark++;
		refused_callback(ctx, result);
		return;
	}
	if (++before_mark < 5)
		return;
	CHECK_STATUS(result->status, 0);
	marked = 1;
	CHECK_STATUS(dbox_aio_deinit(&context), 0);
	CHECK(context == NULL);
	/* Until the callback returns, all is refused but nothing is freed. */
	body_check(result->message, "hello");
	kept = dbox_aio_message_ref(result->message);
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL),
		     DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_wait(ctx, 1, -1), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_wait_request(ctx, 1, -1), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_fd(ctx), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_pending(ctx), DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(dbox_aio_deinit(&copy), DBOX_AIO_ESHUTDOWN);
	CHECK_INT(after_mark, 0);
}

enum how { BY_DISPATCH, BY_WAIT, BY_WAIT_REQUEST };

static void test_inside(enum how how)
{
	struct dbox_aio_request requests[40];
	uint64_t ids[40];
	int i, ret = 0;

	marked = before_mark = after_mark = 0;
	context = context_open(NULL);
	for (i = 0; i < 40; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, NULL);
		requests[i].callback = deinit_callback;
	}
	CHECK_STATUS(dbox_aio_submit(context, requests, 40, ids), 40);
	for (i = 0; !marked; i++) {
		CHECK(i < 1000000);
		switch (how) {
		case BY_DISPATCH:
			CHECK(fd_readable(dbox_aio_fd(context), -1));
			ret = dbox_aio_dispatch(context, 0);
			break;
		case BY_WAIT:
			ret = dbox_aio_wait(context, 40, -1);
			break;
		case BY_WAIT_REQUEST:
			ret = dbox_aio_wait_request(context, ids[i], -1);
			break;
		}
	}
	CHECK_STATUS(ret, DBOX_AIO_ESHUTDOWN);
	CHECK(context == NULL);
	CHECK_INT(before_mark, 5);
	CHECK_INT(after_mark, 35);
	body_check(kept, "hello");
	dbox_aio_message_unref(&kept);
}

/* In a callback that wait_request runs inside another callback. */
static int nested_order;

static void nested_inner(struct dbox_aio *ctx CHECK_UNUSED,
			 const struct dbox_aio_result *result)
{
	CHECK_STATUS(result->status, 0);
	CHECK_INT(nested_order++, 1);
	CHECK_STATUS(dbox_aio_deinit(&context), 0);
}

static void nested_outer(struct dbox_aio *ctx,
			 const struct dbox_aio_result *result)
{
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, NULL);
	uint64_t id;

	CHECK_STATUS(result->status, 0);
	CHECK_INT(nested_order++, 0);
	request.callback = nested_inner;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, &id), 1);
	CHECK_STATUS(dbox_aio_wait_request(ctx, id, -1), DBOX_AIO_ESHUTDOWN);
	CHECK_INT(nested_order++, 2);
	CHECK_STATUS(dbox_aio_pending(ctx), DBOX_AIO_ESHUTDOWN);
	body_check(result->message, "hello");
}

static void test_nested(void)
{
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, NULL);

	context = context_open(NULL);
	request.callback = nested_outer;
	CHECK_STATUS(dbox_aio_submit(context, &request, 1, NULL), 1);
	CHECK_STATUS(dbox_aio_wait(context, 1, -1), DBOX_AIO_ESHUTDOWN);
	CHECK(context == NULL);
	CHECK_INT(nested_order, 3);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A paused scan gets one final callback. */
static void test_scan(void)
{
	struct dbox_aio_request request;
	struct blocked blocked;
	struct outcome outcome = { 0 };
	double begin;

	blocked_open(&blocked, NULL);
	request = request_make(DBOX_AIO_SCAN, blocked.path, &outcome);
	request_submit(blocked.ctx, &request);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 50), 0);
	begin = now();
	CHECK_STATUS(dbox_aio_deinit(&blocked.ctx), 0);
	CHECK(now() - begin < 1);
	CHECK_INT(outcome.finals, 1);
	CHECK_INT(outcome.calls, 1);
	CHECK_STATUS(outcome.result.status, DBOX_AIO_ESHUTDOWN);
	blocked_release(&blocked);
}

static void test_again(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx;
	int i, fds = 0;

	for (i = 0; i < 50; i++) {
		ctx = context_open(NULL);
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
		if (i == 5)
			fds = fds_open();
	}
	outcome_clear(&outcome);
	/* The kernel may let go of a ring a little later; the Go runtime may
	   have added two descriptors of its own, for ever. */
	for (i = 0; i < 200 && fds_open() > fds + 2; i++)
		usleep(10000);
	CHECK(fds_open() <= fds + 2);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_pending();
	test_busy();
	test_inside(BY_DISPATCH);
	test_inside(BY_WAIT);
	test_inside(BY_WAIT_REQUEST);
	test_nested();
	test_scan();
	test_again();
	return 0;
}
