/* With hundreds of handles open there is still room for the opens of a path,
   also of one that leads through a symlink. */
#include "check.h"

#define HANDLES 270

static void open_handles(struct dbox_aio *ctx, struct dbox_aio_file **files)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_OPEN, NULL, &outcome);
	char name[32];
	int i;

	for (i = 0; i < HANDLES; i++) {
		snprintf(name, sizeof(name), "u.%d", i);
		sdbox_write(check_path(name), "hello\n");
		CHECK_STATUS(dbox_aio_file_open(ctx, check_path(name), NULL,
						&files[i]), 0);
		request.file = files[i];
		CHECK_STATUS(request_run(ctx, &request), 0);
	}
}

static void read_twice(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcomes[2] = { { 0 } };
	struct dbox_aio_request requests[2];
	int i;

	for (i = 0; i < 2; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 2, NULL), 2);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	for (i = 0; i < 2; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, 0);
		body_check(outcomes[i].message, "body\n");
		outcome_clear(&outcomes[i]);
	}
}

int main(int argc, char **argv)
{
	struct dbox_aio_file *files[HANDLES];
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio *ctx;
	int i;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	open_handles(ctx, files);
	sdbox_write(check_path("real"), "body\n");
	CHECK_INT(symlink(check_path("real"), check_path("link")), 0);
	for (i = 0; i < 10; i++) {
		read_twice(ctx, check_path("link"));
		read_twice(ctx, check_path("real"));
	}
	/* and the handles are as good as before */
	request = request_make(DBOX_AIO_READ, NULL, &outcome);
	for (i = 0; i < HANDLES; i++) {
		request.file = files[i];
		CHECK_STATUS(request_run(ctx, &request), 0);
		body_check(outcome.message, "hello\n");
		outcome_clear(&outcome);
		CHECK_STATUS(dbox_aio_file_close(ctx, &files[i]), 0);
	}
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK_INT(mail_fds_open(), 0);
	return 0;
}
