/* Without descriptors requests get EMFILE, and work again afterwards. */
#include "check.h"

#include <sys/resource.h>

/* Takes all descriptors that are left. */
static int fill(int *fds)
{
	int count;

	for (count = 0; count < 64; count++) {
		fds[count] = open("/dev/null", O_RDONLY);
		if (fds[count] < 0)
			break;
	}
	CHECK(count < 64);
	return count;
}

int main(int argc, char **argv)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;
	struct dbox_aio *ctx;
	struct rlimit limit = { 64, 64 };
	const char *path;
	int i, ret, count, fds[64];

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);

	/* The very first init, which loads the core. */
	count = fill(fds);
	for (i = 0; i < 9; i++) {
		CHECK_STATUS(dbox_aio_init(&ctx, NULL), DBOX_AIO_EMFILE);
		CHECK(ctx == NULL);
		close(fds[--count]);
	}
	for (i = 0; i < count; i++)
		close(fds[i]);

	ctx = context_open(NULL);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	mail_fds_settle(ctx, 0);

	count = fill(fds);
	CHECK_STATUS(read_run(ctx, path, &outcome), DBOX_AIO_EMFILE);
	CHECK_INT(outcome.result.sys_errno, EMFILE);
	request = request_make(DBOX_AIO_READ, NULL, &outcome);
	request.file = file;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_EMFILE);
	for (i = 0; i < count; i++)
		close(fds[i]);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "hello");
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);

	count = fill(fds);
	ret = dbox_aio_init(&ctx, NULL);
	CHECK_STATUS(ret, DBOX_AIO_EMFILE);
	CHECK(ctx == NULL);
	for (i = 0; i < count; i++)
		close(fds[i]);
	ctx = context_open(NULL);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	dbox_aio_deinit(&ctx);
	return 0;
}
