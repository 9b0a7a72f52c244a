/* wait_request runs the callback of one request and no other. */
#include "check.h"

#define COUNT 150

static struct outcome outcomes[COUNT];
static uint64_t ids[COUNT];
static const char *path;

static void submit_all(struct dbox_aio *ctx, dbox_aio_callback_t *callback)
{
	static struct dbox_aio_request requests[COUNT];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < COUNT; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
		requests[i].callback = callback;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, COUNT, ids), COUNT);
}

static int all_finals(void)
{
	int i, sum = 0;

	for (i = 0; i < COUNT; i++)
		sum += outcomes[i].finals;
	return sum;
}

static void clear_all(void)
{
	int i;

	for (i = 0; i < COUNT; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, 0);
		outcome_clear(&outcomes[i]);
	}
}

static void test_outside(struct dbox_aio *ctx)
{
	int i, done = 0;

	submit_all(ctx, outcome_callback);
	for (i = COUNT - 1; i >= 0; i -= 3) {
		CHECK_STATUS(dbox_aio_wait_request(ctx, ids[i], -1), 0);
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_INT(all_finals(), ++done);
		CHECK_INT(dbox_aio_pending(ctx), COUNT - done);
		CHECK_STATUS(dbox_aio_wait_request(ctx, ids[i], -1),
			     DBOX_AIO_ENOENT);
	}
	/* The others are not forgotten. */
	while (dbox_aio_pending(ctx) > 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	clear_all();
}

/* In each callback, all others are waited for: each runs once, nested. */
static int depth, deepest;

static void wait_others(struct dbox_aio *ctx,
			const struct dbox_aio_result *result)
{
	struct outcome *outcome = result->context;
	const int i = (int)(outcome - outcomes), next = (i + 7) % COUNT;
	int ret, before;

	outcome_callback(ctx, result);
	if (++depth > deepest)
		deepest = depth;
	before = outcomes[next].finals;
	ret = depth < 20 ? dbox_aio_wait_request(ctx, ids[next], -1) :
		before ? DBOX_AIO_ENOENT : 0;
	CHECK_STATUS(ret, before ? DBOX_AIO_ENOENT : 0);
	if (depth < 20)
		CHECK_INT(outcomes[next].finals, 1);
	body_check(result->message, "hello");
	depth--;
}

static void test_nested(struct dbox_aio *ctx)
{
	submit_all(ctx, wait_others);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, COUNT, -1) >= 0);
	CHECK(deepest > 1);
	clear_all();
	submit_all(ctx, wait_others);
	CHECK_STATUS(dbox_aio_wait_request(ctx, ids[3], -1), 0);
	CHECK(all_finals() > 1);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, COUNT, -1) >= 0);
	clear_all();
}

/* In a callback, one that was just submitted. */
static void wait_new(struct dbox_aio *ctx,
		     const struct dbox_aio_result *result)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);

	outcome_callback(ctx, result);
	request_submit(ctx, &request);
	CHECK_STATUS(dbox_aio_wait_request(ctx, outcome.id, -1), 0);
	CHECK_INT(outcome.finals, 1);
	outcome_clear(&outcome);
}

static void test_new(struct dbox_aio *ctx)
{
	submit_all(ctx, wait_new);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, COUNT, -1) >= 0);
	clear_all();
}

static void test_time(void)
{
	struct blocked blocked;
	struct outcome outcome = { 0 }, other = { 0 };
	struct dbox_aio_request request;

	blocked_open(&blocked, NULL);
	request = blocked_request(&blocked, &outcome);
	request_submit(blocked.ctx, &request);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcome.id, 0),
		     DBOX_AIO_ETIMEDOUT);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcome.id, 50),
		     DBOX_AIO_ETIMEDOUT);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcome.id, -2),
		     DBOX_AIO_EINVAL);
	CHECK_INT(outcome.calls, 0);
	/* STAT needs no bytes: it passes, and leaves the other alone. */
	request = request_make(DBOX_AIO_STAT, blocked.path, &other);
	request_submit(blocked.ctx, &request);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, other.id, -1), 0);
	CHECK_INT(outcome.calls, 0);
	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcome.id), 0);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcome.id, 0), 0);
	CHECK_STATUS(outcome.result.status, DBOX_AIO_ECANCELED);
	blocked_release(&blocked);
	dbox_aio_deinit(&blocked.ctx);
}

static void test_scan(struct dbox_aio *ctx)
{
	struct outcome scan = { 0 }, other = { 0 };
	const char *file = check_path("m.1");
	struct dbox_aio_request request;
	struct image image;
	int i;

	image_begin(&image);
	for (i = 0; i < 200; i++)
		image_add_record(&image, "x", 1, METADATA);
	image_end(&image, file);
	request = request_make(DBOX_AIO_READ, path, &other);
	request_submit(ctx, &request);
	request = request_make(DBOX_AIO_SCAN, file, &scan);
	request_submit(ctx, &request);
	CHECK_STATUS(dbox_aio_wait_request(ctx, scan.id, -1), 0);
	CHECK_INT(scan.calls, 201);
	CHECK_INT(scan.finals, 1);
	CHECK_INT(other.calls, 0);
	CHECK_INT(dbox_aio_wait(ctx, 1, -1), 1);
	outcome_clear(&scan);
	outcome_clear(&other);
}

/* Waiting for the rest of a scan in a callback for one of its records. */
static int scan_calls;

static void scan_rest(struct dbox_aio *ctx,
		      const struct dbox_aio_result *result)
{
	CHECK_STATUS(result->status, 0);
	if (++scan_calls == 3) {
		CHECK_STATUS(dbox_aio_wait_request(ctx, result->id, -1), 0);
		CHECK_INT(scan_calls, 201);
	}
}

static void test_scan_inside(struct dbox_aio *ctx)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	uint64_t id;

	request.op = DBOX_AIO_SCAN;
	request.path = check_path("m.1");
	request.callback = scan_rest;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	CHECK(dbox_aio_wait(ctx, 1, -1) >= 0);
	CHECK_INT(scan_calls, 201);
	CHECK_INT(dbox_aio_pending(ctx), 0);

	scan_calls = 0;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, &id), 1);
	CHECK_STATUS(dbox_aio_wait_request(ctx, id, -1), 0);
	CHECK_INT(scan_calls, 201);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	test_outside(ctx);
	test_nested(ctx);
	test_new(ctx);
	test_scan(ctx);
	test_scan_inside(ctx);
	dbox_aio_deinit(&ctx);
	test_time();
	return 0;
}
