/*
 * test_host_init_again, under no_uring: the first init is refused, as io_uring
 * was asked for. The process then takes nearly all of its descriptors, and
 * tries again with threads. However few are left: EMFILE, or a context that
 * works, and never the end of the process.
 */
#include "host.h"
#include <fcntl.h>
#include <sys/resource.h>

#define FILES 64

static void try_with(const char *const *paths, unsigned int left)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int fds[FILES], count, ret;
	unsigned int i;

	for (count = 0; count < FILES; count++) {
		fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[count] < 0)
			break;
	}
	CHECK(count > (int)left && count < FILES);
	for (i = 0; i < left; i++)
		close(fds[--count]);

	options.backend = DBOX_AIO_BACKEND_THREADS;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == 0) {
		ret = host_read(ctx, paths[0]);
		host_deinit(&ctx);
	}
	/* one for the context's event, one for the list of mounts, one for
	   the mail, are enough */
	if (ret != 0 || left == 0)
		CHECK_EQ(ret, DBOX_AIO_EMFILE);
	CHECK(ret == 0 || left < 4);
	while (count > 0)
		close(fds[--count]);
}

int main(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	const struct rlimit limit = { FILES, FILES };
	const char **paths = host_mails(1, 9000);
	struct dbox_aio *ctx;
	unsigned int left;

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	options.backend = DBOX_AIO_BACKEND_URING;
	CHECK_EQ(dbox_aio_init(&ctx, &options), DBOX_AIO_ENOTSUP);
	for (left = 0; left < 8; left++)
		try_with(paths, left);
	ctx = host_init(DBOX_AIO_BACKEND_THREADS);
	host_read_all(ctx, paths, 1);
	host_deinit(&ctx);
	return 0;
}
