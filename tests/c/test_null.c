/* NULL, stale ids and other nonsense give a status, never a crash. */
#include "check.h"

int main(int argc, char **argv)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio_file *file = NULL;
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = NULL, *wrong;
	const char *path;
	uint64_t stale;

	check_begin(argc, argv);
	CHECK_STATUS(dbox_aio_fd(NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_pending(NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_submit(NULL, NULL, 0, NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_dispatch(NULL, 0), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_wait(NULL, 0, 0), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_wait_request(NULL, 1, 0), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_cancel(NULL, 1), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_cancel_stream(NULL, 1), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_get_stats(NULL, &stats), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_open(NULL, "x", NULL, &file),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_close(NULL, &file), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_close_fd(NULL, 0), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_deinit(NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK(strcmp(dbox_aio_fallback_reason(NULL), "") == 0);

	ctx = context_open(NULL);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	stale = outcome.id;
	CHECK_STATUS(dbox_aio_cancel(ctx, stale), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_wait_request(ctx, stale, -1), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel(ctx, 0), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_wait_request(ctx, 0, -1), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel(ctx, stale + 1000), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel(ctx, (uint64_t)1 << 63),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel(ctx, UINT64_MAX), DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_wait_request(ctx, UINT64_MAX, 0),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, UINT64_MAX), 0);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, 0), 0);
	CHECK_STATUS(dbox_aio_close_fd(ctx, 12345), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_close_fd(ctx, dbox_aio_fd(ctx)),
		     DBOX_AIO_EINVAL);
	/* An id is never used again. */
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK(outcome.id != stale);
	outcome_clear(&outcome);

	wrong = ctx;
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK(ctx == NULL);
	CHECK(wrong != NULL);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
