/* dispatch runs at most max callbacks, and the descriptor tells of the rest. */
#include "check.h"

static void test_max(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcomes[100];
	struct dbox_aio_request requests[100];
	int i, ret, total = 0;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 100; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	CHECK_INT(dbox_aio_dispatch(ctx, 0), 0);
	CHECK(!fd_readable(dbox_aio_fd(ctx), 0));
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 100, NULL), 100);
	for (i = 0; i < 100; i++)
		CHECK_INT(outcomes[i].calls, 0);
	while (total < 100) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		ret = dbox_aio_dispatch(ctx, 7);
		CHECK(ret >= 0 && ret <= 7);
		total += ret;
		CHECK_INT(dbox_aio_pending(ctx), 100 - total);
	}
	for (i = 0; i < 100; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		outcome_clear(&outcomes[i]);
	}
	/* Nothing is left but perhaps releases, and files that workers close. */
	for (i = 0; i < 200 && fd_readable(dbox_aio_fd(ctx), 100); i++)
		CHECK_INT(dbox_aio_dispatch(ctx, 0), 0);
	CHECK(i < 200);
}

/* Callbacks with MORE count. */
static void test_scan(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("m.1");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_SCAN, path, &outcome);
	struct image image;
	int i, ret, total = 0;

	image_begin(&image);
	for (i = 0; i < 30; i++)
		image_add_record(&image, "x", 1, METADATA);
	image_end(&image, path);
	request_submit(ctx, &request);
	while (outcome.finals == 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		ret = dbox_aio_dispatch(ctx, 4);
		CHECK(ret >= 0 && ret <= 4);
		total += ret;
		CHECK_INT(outcome.calls, total);
	}
	CHECK_INT(total, 31);
	outcome_clear(&outcome);
}

/* Poll and dispatch, as every event loop does it, one request at a time. */
static void test_loop(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	const int fd = dbox_aio_fd(ctx);
	int i;

	for (i = 0; i < 500; i++) {
		outcome_clear(&outcome);
		request_submit(ctx, &request);
		while (outcome.finals == 0) {
			CHECK(fd_readable(fd, -1));
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		}
		CHECK_STATUS(outcome.result.status, 0);
	}
	CHECK_INT(dbox_aio_fd(ctx), fd);
	outcome_clear(&outcome);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	const char *path;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	test_max(ctx, path);
	test_scan(ctx);
	test_loop(ctx, path);
	dbox_aio_deinit(&ctx);
	return 0;
}
