/* cancel and cancel_stream: what they return is what comes. */
#include "check.h"

static void test_pending(void)
{
	struct blocked blocked;
	struct outcome outcomes[3];
	struct dbox_aio_request request;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	blocked_open(&blocked, NULL);
	for (i = 0; i < 3; i++) {
		request = blocked_request(&blocked, &outcomes[i]);
		request_submit(blocked.ctx, &request);
	}
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 50), 0);
	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcomes[1].id), 0);
	CHECK_INT(outcomes[1].calls, 0);
	CHECK_INT(dbox_aio_pending(blocked.ctx), 3);
	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcomes[1].id),
		     DBOX_AIO_EALREADY);
	CHECK(fd_readable(dbox_aio_fd(blocked.ctx), 0));
	CHECK_INT(dbox_aio_dispatch(blocked.ctx, 0), 1);
	CHECK_INT(outcomes[1].finals, 1);
	CHECK_STATUS(outcomes[1].result.status, DBOX_AIO_ECANCELED);
	CHECK(outcomes[1].message == NULL);
	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcomes[1].id),
		     DBOX_AIO_ENOENT);
	CHECK_INT(dbox_aio_pending(blocked.ctx), 2);

	blocked_release(&blocked);
	while (dbox_aio_pending(blocked.ctx) > 0) {
		CHECK(dbox_aio_wait(blocked.ctx, 1, -1) > 0);
		outcome_clear(&outcomes[0]);
		dbox_aio_message_unref(&outcomes[2].message);
	}
	CHECK_STATUS(outcomes[2].result.status, 0);
	CHECK_STATUS(dbox_aio_get_stats(blocked.ctx, &stats), 0);
	CHECK_INT(stats.cancelled, 1);
	dbox_aio_deinit(&blocked.ctx);
}

static void test_stream(void)
{
	const uint64_t streams[] = { 0, 1, UINT64_MAX, 0, 1, UINT64_MAX };
	struct blocked blocked;
	struct outcome outcomes[6];
	struct dbox_aio_request request;
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	blocked_open(&blocked, NULL);
	for (i = 0; i < 6; i++) {
		request = blocked_request(&blocked, &outcomes[i]);
		request.stream = streams[i];
		request_submit(blocked.ctx, &request);
	}
	CHECK_INT(dbox_aio_cancel_stream(blocked.ctx, 17), 0);
	CHECK_INT(dbox_aio_cancel_stream(blocked.ctx, 0), 2);
	CHECK_INT(dbox_aio_cancel_stream(blocked.ctx, 0), 0);
	CHECK_INT(dbox_aio_dispatch(blocked.ctx, 0), 2);
	CHECK_INT(dbox_aio_cancel_stream(blocked.ctx, UINT64_MAX), 2);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 2, -1), 2);
	for (i = 0; i < 6; i++) {
		CHECK_INT(outcomes[i].finals, streams[i] != 1);
		if (streams[i] != 1) {
			CHECK_STATUS(outcomes[i].result.status,
				     DBOX_AIO_ECANCELED);
			CHECK(outcomes[i].result.stream == streams[i]);
		}
	}
	CHECK_INT(dbox_aio_cancel_stream(blocked.ctx, 1), 2);
	dbox_aio_deinit(&blocked.ctx);
	CHECK_STATUS(outcomes[1].result.status, DBOX_AIO_ESHUTDOWN);
	CHECK_STATUS(outcomes[4].result.status, DBOX_AIO_ESHUTDOWN);
	blocked_release(&blocked);
}

/* Right after the submit of many, some may be complete already. */
static void test_race(void)
{
	enum { COUNT = 500 };
	static struct outcome outcomes[COUNT];
	static struct dbox_aio_request requests[COUNT];
	static uint64_t ids[COUNT];
	static int answers[COUNT];
	const char *path = check_path("u.1");
	struct dbox_aio *ctx = context_open(NULL);
	int i;

	sdbox_write(path, "hello");
	for (i = 0; i < COUNT; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, COUNT, ids), COUNT);
	for (i = 0; i < COUNT; i += 2) {
		answers[i] = dbox_aio_cancel(ctx, ids[i]);
		CHECK(answers[i] == 0 || answers[i] == DBOX_AIO_EALREADY);
	}
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, COUNT, -1) > 0);
	for (i = 0; i < COUNT; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status,
			     i % 2 == 0 && answers[i] == 0 ?
			     DBOX_AIO_ECANCELED : 0);
		outcome_clear(&outcomes[i]);
	}
	dbox_aio_deinit(&ctx);
}

/* Results that the running dispatch holds already are complete. */
static struct outcome inner[20];
static int answers_in[20];

static void cancel_others(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	int i;

	outcome_callback(ctx, result);
	CHECK_STATUS(dbox_aio_cancel(ctx, result->id), DBOX_AIO_ENOENT);
	for (i = 0; i < 20; i++) {
		if (inner[i].finals > 0)
			CHECK_STATUS(dbox_aio_cancel(ctx, inner[i].id),
				     DBOX_AIO_ENOENT);
		else if (answers_in[i] == 1)
			answers_in[i] = dbox_aio_cancel(ctx, inner[i].id);
		else
			CHECK_STATUS(dbox_aio_cancel(ctx, inner[i].id),
				     DBOX_AIO_EALREADY);
	}
}

static void test_in_callback(void)
{
	static struct dbox_aio_request requests[20];
	static uint64_t ids[20];
	struct dbox_aio *ctx = context_open(NULL);
	const char *path = check_path("u.1");
	int i;

	for (i = 0; i < 20; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, &inner[i]);
		requests[i].callback = cancel_others;
		answers_in[i] = 1;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 20, ids), 20);
	for (i = 0; i < 20; i++)
		inner[i].id = ids[i];
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 20, -1) > 0);
	for (i = 0; i < 20; i++) {
		CHECK_INT(inner[i].finals, 1);
		CHECK_STATUS(inner[i].result.status, answers_in[i] == 0 ?
			     DBOX_AIO_ECANCELED : 0);
		outcome_clear(&inner[i]);
	}
	dbox_aio_deinit(&ctx);
}

/* A SCAN is cancelled by its second record: some may have been ready, each comes
   once and in its order, and then its end. */
#define RECORDS 500
static uint64_t offsets[RECORDS];

struct scan {
	unsigned int records, finals;
	int cancelled, status;
};

static void cancel_scan(struct dbox_aio *ctx,
			const struct dbox_aio_result *result)
{
	struct scan *scan = result->context;

	CHECK_INT(scan->finals, 0);
	if ((result->flags & DBOX_AIO_MORE) == 0) {
		scan->finals++;
		scan->status = result->status;
		return;
	}
	CHECK_STATUS(result->status, 0);
	CHECK(scan->records < RECORDS);
	CHECK_INT(result->record_offset, offsets[scan->records]);
	if (++scan->records == 2)
		scan->cancelled = dbox_aio_cancel(ctx, result->id);
}

static void test_scan(void)
{
	struct scan scan = { 0, 0, 1, 1 };
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx = context_open(NULL);
	const char *path = check_path("m.1");
	struct image image;
	unsigned int i;

	image_begin(&image);
	for (i = 0; i < RECORDS; i++)
		offsets[i] = image_add_record(&image, "hello", 5, METADATA);
	image_end(&image, path);
	request.op = DBOX_AIO_SCAN;
	request.path = path;
	request.callback = cancel_scan;
	request.context = &scan;
	request_submit(ctx, &request);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_STATUS(scan.cancelled, 0);
	CHECK_INT(scan.finals, 1);
	CHECK_STATUS(scan.status, DBOX_AIO_ECANCELED);
	CHECK(scan.records >= 2 && scan.records < RECORDS);
	CHECK_INT(dbox_aio_dispatch(ctx, 0), 0);
	dbox_aio_deinit(&ctx);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	test_pending();
	test_stream();
	test_race();
	test_in_callback();
	test_scan();
	return 0;
}
