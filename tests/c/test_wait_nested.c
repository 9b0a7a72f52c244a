/* A SCAN's callback waits for its own scan: the rest of the scan is called back
   inside, and what is ready of other requests stays to be delivered. */
#include "check.h"

#define RECORDS 5

struct scan {
	int records, finals, nested;
	uint64_t id;
};

static void scan_callback(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	struct scan *scan = result->context;

	CHECK_STATUS(result->status, 0);
	if ((result->flags & DBOX_AIO_MORE) == 0) {
		scan->finals++;
		return;
	}
	CHECK_INT(scan->finals, 0);
	if (++scan->records > 1)
		return;
	scan->nested++;
	CHECK_STATUS(dbox_aio_wait_request(ctx, scan->id, -1), 0);
	CHECK_INT(scan->records, RECORDS);
	CHECK_INT(scan->finals, 1);
}

static void submit_both(struct dbox_aio *ctx, struct scan *scan,
			struct outcome *other)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	memset(scan, 0, sizeof(*scan));
	outcome_clear(other);
	request.op = DBOX_AIO_SCAN;
	request.path = check_path("m.1");
	request.callback = scan_callback;
	request.context = scan;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, &scan->id), 1);
	request = request_make(DBOX_AIO_READ, check_path("u.1"), other);
	request_submit(ctx, &request);
}

static void check_both(struct dbox_aio *ctx, const struct scan *scan,
		       const struct outcome *other)
{
	CHECK_INT(scan->nested, 1);
	CHECK_INT(scan->records, RECORDS);
	CHECK_INT(scan->finals, 1);
	CHECK_INT(other->finals, 1);
	CHECK_STATUS(other->result.status, 0);
	body_check(other->message, "other");
	CHECK_INT(dbox_aio_pending(ctx), 0);
	CHECK_STATUS(dbox_aio_wait_request(ctx, scan->id, 0),
		     DBOX_AIO_ENOENT);
}

static void test_in_wait_request(struct dbox_aio *ctx)
{
	struct outcome other = { 0 };
	struct scan scan;

	submit_both(ctx, &scan, &other);
	/* time for both to be ready */
	CHECK(fd_readable(dbox_aio_fd(ctx), -1));
	CHECK_STATUS(dbox_aio_wait_request(ctx, scan.id, -1), 0);
	CHECK_INT(scan.finals, 1);
	CHECK_INT(other.calls, 0);
	CHECK_INT(dbox_aio_pending(ctx), 1);
	CHECK(fd_readable(dbox_aio_fd(ctx), -1));
	while (other.finals == 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	check_both(ctx, &scan, &other);
	outcome_clear(&other);
}

static void test_in_dispatch(struct dbox_aio *ctx)
{
	struct outcome other = { 0 };
	struct scan scan;

	submit_both(ctx, &scan, &other);
	while (scan.finals == 0 || other.finals == 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 1) >= 0);
	}
	check_both(ctx, &scan, &other);
	outcome_clear(&other);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	struct image image;
	int i;

	check_begin(argc, argv);
	image_begin(&image);
	for (i = 0; i < RECORDS; i++)
		image_add_record(&image, "abc", 3, METADATA);
	image_end(&image, check_path("m.1"));
	sdbox_write(check_path("u.1"), "other");
	ctx = context_open(NULL);
	for (i = 0; i < 20; i++) {
		test_in_wait_request(ctx);
		test_in_dispatch(ctx);
	}
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
