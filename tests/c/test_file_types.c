/* What is not a regular file, or no path at all. */
#include "check.h"

static void open_check(struct dbox_aio *ctx, const char *path, int expected,
		       int sys_errno)
{
	const uint32_t ops[] = { DBOX_AIO_READ, DBOX_AIO_OPEN, DBOX_AIO_SCAN };
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		request = request_make(ops[i], path, &outcome);
		CHECK_STATUS(request_run(ctx, &request), expected);
		if (sys_errno != 0)
			CHECK_INT(outcome.result.sys_errno, sys_errno);
		CHECK_INT(outcome.message != NULL,
			  expected == 0 && ops[i] != DBOX_AIO_OPEN);
		outcome_clear(&outcome);
	}
}

static void test_long(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;
	char *path = malloc(10001);

	memset(path, 'x', 10000);
	path[10000] = '\0';
	path[0] = '/';
	open_check(ctx, path, DBOX_AIO_EIO, ENAMETOOLONG);
	request = request_make(DBOX_AIO_STAT, path, &outcome);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_EIO);
	CHECK_INT(outcome.result.sys_errno, ENAMETOOLONG);

	path[PATH_MAX] = '\0';
	open_check(ctx, path, DBOX_AIO_EIO, ENAMETOOLONG);
	path[300] = '\0';       /* a name that is too long */
	open_check(ctx, path, DBOX_AIO_EIO, ENAMETOOLONG);

	memset(path, '/', PATH_MAX);
	path[PATH_MAX] = '\0';
	CHECK_STATUS(dbox_aio_file_open(ctx, path, path, &file), 0);
	request = request_make(DBOX_AIO_READ, NULL, &outcome);
	request.file = file;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_EIO);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_EIO);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	free(path);
}

static void test_access(struct dbox_aio *ctx)
{
	const char *path = check_path("secret");
	int fd;

	sdbox_write(path, "hello");
	CHECK_INT(chmod(path, 0), 0);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		close(fd);
		printf("no EACCES for this user\n");
		return;
	}
	open_check(ctx, path, DBOX_AIO_EACCES, EACCES);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	open_check(ctx, check_dir, DBOX_AIO_ENOTFILE, 0);
	CHECK_INT(mkfifo(check_path("fifo"), 0600), 0);
	open_check(ctx, check_path("fifo"), DBOX_AIO_ENOTFILE, 0);
	open_check(ctx, "/dev/null", DBOX_AIO_ENOTFILE, 0);
	open_check(ctx, "/dev/zero", DBOX_AIO_ENOTFILE, 0);
	CHECK_INT(symlink("loop", check_path("loop")), 0);
	open_check(ctx, check_path("loop"), DBOX_AIO_EIO, ELOOP);
	open_check(ctx, check_path("none"), DBOX_AIO_ENOENT, ENOENT);
	open_check(ctx, check_path("none/u.1"), DBOX_AIO_ENOENT, ENOENT);
	CHECK_INT(symlink("target", check_path("link")), 0);
	open_check(ctx, check_path("link"), DBOX_AIO_ENOENT, ENOENT);
	sdbox_write(check_path("target"), "hello");
	open_check(ctx, check_path("link"), 0, 0);
	test_long(ctx);
	test_access(ctx);
	dbox_aio_deinit(&ctx);
	return 0;
}
