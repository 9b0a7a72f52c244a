/*
 * test_host_rlimit_memory BACKEND as|data: RLIMIT_AS (256 MiB is Dovecot's
 * default) or RLIMIT_DATA is too low for the core: the Go runtime would kill the
 * process while it loads. Init says ELIMIT, and what helps, and works once that
 * was done.
 */
#include "host.h"
#include <sys/resource.h>

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	const char *path = host_mail("u.1", 5000);
	struct dbox_aio *ctx;
	const int data = argc > 2 && strcmp(argv[2], "data") == 0;
	const int resource = data ? RLIMIT_DATA : RLIMIT_AS;
	struct rlimit rlim;
	char text[512];
	int i;

	CHECK(getrlimit(resource, &rlim) == 0);
	CHECK(rlim.rlim_cur != RLIM_INFINITY);
	options.backend = host_backend(argc, argv);
	for (i = 0; i < 3; i++) {
		ctx = (struct dbox_aio *)&options;
		CHECK_EQ(dbox_aio_init(&ctx, &options), DBOX_AIO_ELIMIT);
		CHECK(ctx == NULL);
		CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
		CHECK(strstr(text, data ? "RLIMIT_DATA" : "RLIMIT_AS") !=
		      NULL);
	}
	CHECK_EQ(host_count("task"), 1);

	if (rlim.rlim_max != RLIM_INFINITY)
		return 0;
	rlim.rlim_cur = rlim.rlim_max;
	CHECK(setrlimit(resource, &rlim) == 0);
	ctx = host_init(options.backend);
	CHECK_EQ(host_read(ctx, path), 0);
	host_deinit(&ctx);
	return 0;
}
