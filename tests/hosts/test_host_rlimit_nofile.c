/*
 * The process has no descriptor left: requests get EMFILE, and work again as
 * soon as there are some.
 */
#include "host.h"
#include <sys/resource.h>

#define MAILS 50
#define LIMIT 128

static int kept[LIMIT], kept_count;

static void use_up_descriptors(void)
{
	int fd;

	while ((fd = fcntl(0, F_DUPFD_CLOEXEC, 3)) != -1)
		kept[kept_count++] = fd;
	CHECK(errno == EMFILE);
}

static void give_back(int count)
{
	while (count-- > 0 && kept_count > 0)
		close(kept[--kept_count]);
}

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx, *other;
	struct host_results results;
	struct rlimit rlim;
	unsigned int i;
	int fd;

	for (fd = 3; fd < 1024; fd++)
		close(fd);
	CHECK(getrlimit(RLIMIT_NOFILE, &rlim) == 0);
	rlim.rlim_cur = LIMIT;
	CHECK(setrlimit(RLIMIT_NOFILE, &rlim) == 0);

	/* not even a context */
	use_up_descriptors();
	options.backend = host_backend(argc, argv);
	CHECK_EQ(dbox_aio_init(&ctx, &options), DBOX_AIO_EMFILE);
	give_back(LIMIT);
	ctx = host_init(options.backend);
	host_read_all(ctx, paths, MAILS);

	for (i = 0; i < 3; i++) {
		use_up_descriptors();
		memset(&results, 0, sizeof(results));
		host_submit(ctx, paths, MAILS, &results);
		host_loop(ctx, &results, MAILS);
		CHECK_EQ(results.good, 0);
		CHECK_EQ(results.status, DBOX_AIO_EMFILE);
		CHECK_EQ(results.sys_errno, EMFILE);
		CHECK_EQ(dbox_aio_init(&other, &options), DBOX_AIO_EMFILE);

		/* one is enough, if not for all at once */
		give_back(1);
		memset(&results, 0, sizeof(results));
		host_submit(ctx, paths, MAILS, &results);
		host_loop(ctx, &results, MAILS);
		CHECK(results.good > 0);
		CHECK(results.status == 0 ||
		      results.status == DBOX_AIO_EMFILE);

		give_back(LIMIT);
		host_read_all(ctx, paths, MAILS);
	}
	host_deinit(&ctx);
	return 0;
}
