/* max_pending cuts a submit short, and the descriptor tells when there is
   room. */
#include "check.h"

static void test_short(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct blocked blocked;
	struct outcome outcomes[6];
	struct dbox_aio_request requests[6];
	uint64_t ids[6];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	memset(ids, 0, sizeof(ids));
	options.max_pending = 4;
	blocked_open(&blocked, &options);
	for (i = 0; i < 6; i++)
		requests[i] = blocked_request(&blocked, &outcomes[i]);
	CHECK_STATUS(dbox_aio_submit(blocked.ctx, requests, 6, ids), 4);
	for (i = 0; i < 6; i++) {
		CHECK_INT(ids[i] != 0, i < 4);
		outcomes[i].id = ids[i];
	}
	CHECK_INT(dbox_aio_pending(blocked.ctx), 4);
	CHECK_STATUS(dbox_aio_submit(blocked.ctx, requests + 4, 2, ids),
		     DBOX_AIO_EBUSY);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 50), 0);

	/* Malformed comes before busy. */
	requests[5].op = 99;
	CHECK_STATUS(dbox_aio_submit(blocked.ctx, requests + 4, 2, ids),
		     DBOX_AIO_EINVAL);
	requests[5].op = DBOX_AIO_READ;

	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcomes[1].id), 0);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, -1), 1);
	CHECK_STATUS(outcomes[1].result.status, DBOX_AIO_ECANCELED);
	CHECK(fd_readable(dbox_aio_fd(blocked.ctx), 0));
	CHECK_STATUS(dbox_aio_submit(blocked.ctx, requests + 4, 2, ids), 1);

	/* Room by wait_request is room as well. */
	CHECK_STATUS(dbox_aio_cancel(blocked.ctx, outcomes[0].id), 0);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcomes[0].id, -1),
		     0);
	CHECK(fd_readable(dbox_aio_fd(blocked.ctx), 0));
	CHECK_INT(dbox_aio_pending(blocked.ctx), 3);
	CHECK_STATUS(dbox_aio_deinit(&blocked.ctx), 0);
	blocked_release(&blocked);
	for (i = 0; i < 6; i++)
		CHECK_INT(outcomes[i].finals, i < 5);
}

/* More than fit into the front's batches. */
static void test_many(void)
{
	enum { COUNT = 5000 };
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct outcome *outcomes = calloc(COUNT, sizeof(*outcomes));
	struct dbox_aio_request *requests = calloc(COUNT, sizeof(*requests));
	uint64_t *ids = calloc(COUNT, sizeof(*ids));
	const char *path = check_path("u.1");
	struct dbox_aio *ctx;
	int i, ret, done = 0, submitted = 0;

	options.max_pending = 3000;
	sdbox_write(path, "hello");
	ctx = context_open(&options);
	for (i = 0; i < COUNT; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	while (done < COUNT) {
		if (submitted < COUNT) {
			ret = dbox_aio_submit(ctx, requests + submitted,
				(size_t)(COUNT - submitted), ids + submitted);
			CHECK(ret > 0 || ret == DBOX_AIO_EBUSY);
			if (ret > 0)
				submitted += ret;
			CHECK_INT(dbox_aio_pending(ctx), submitted - done);
		}
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		ret = dbox_aio_dispatch(ctx, 0);
		CHECK(ret >= 0);
		done += ret;
	}
	for (i = 0; i < COUNT; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, 0);
		CHECK(outcomes[i].result.id == ids[i]);
		outcome_clear(&outcomes[i]);
	}
	CHECK_INT(dbox_aio_pending(ctx), 0);
	dbox_aio_deinit(&ctx);
	free(outcomes);
	free(requests);
	free(ids);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	test_short();
	test_many();
	return 0;
}
