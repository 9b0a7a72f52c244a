/*
 * test_host_no_uring EPERM|ENOSYS, under no_uring: io_uring is not to be had.
 * AUTO takes the threads and says why, URING fails.
 */
#include "host.h"

#define MAILS 100

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx;
	char text[512];
	int wanted;

	CHECK(argc == 2);
	wanted = strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM;

	ctx = host_init(DBOX_AIO_BACKEND_AUTO);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_EQ(stats.backend, DBOX_AIO_BACKEND_THREADS);
	CHECK_EQ(stats.fallback_errno, wanted);
	CHECK(strstr(dbox_aio_fallback_reason(ctx), "io_uring") != NULL);
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);

	options.backend = DBOX_AIO_BACKEND_URING;
	CHECK_EQ(dbox_aio_init(&ctx, &options), DBOX_AIO_ENOTSUP);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK(strstr(text, "io_uring") != NULL);

	/* asked for, the threads are no fallback */
	ctx = host_init(DBOX_AIO_BACKEND_THREADS);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_EQ(stats.fallback_errno, 0);
	CHECK(strcmp(dbox_aio_fallback_reason(ctx), "") == 0);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	return 0;
}
