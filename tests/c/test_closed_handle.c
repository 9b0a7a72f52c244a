/* Requests on a handle that is closed while they are pending go on with the
   very file that it had, though another one has its name by now. There are so
   many other handles that not all files can be kept at hand. */
#include "check.h"

#define HANDLES 270
#define READS 200
#define OLD_SIZE 100000

static struct outcome outcomes[READS];

static struct dbox_aio_file *
handle_open(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_OPEN, NULL, &outcome);

	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &request.file), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	return request.file;
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request requests[READS];
	struct dbox_aio_file *file;
	struct dbox_aio *ctx;
	char name[32];
	int i;

	check_begin(argc, argv);
	/* a submit leaves most of the work to do */
	options.stall_us = 50;
	ctx = context_open(&options);
	for (i = 0; i < HANDLES; i++) {
		snprintf(name, sizeof(name), "u.%d", i);
		sdbox_write(check_path(name), "hello\n");
		handle_open(ctx, check_path(name));
	}
	sdbox_write_big(check_path("old"), OLD_SIZE);
	sdbox_write(check_path("new"), "new");
	file = handle_open(ctx, check_path("old"));
	for (i = 0; i < READS; i++) {
		requests[i] = request_make(DBOX_AIO_READ, NULL, &outcomes[i]);
		requests[i].file = file;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, READS, NULL), READS);
	CHECK_INT(rename(check_path("new"), check_path("old")), 0);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	CHECK(file == NULL);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	for (i = 0; i < READS; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, 0);
		CHECK(outcomes[i].result.file == NULL);
		CHECK_INT(dbox_aio_message_body_size(outcomes[i].message),
			  OLD_SIZE);
		outcome_clear(&outcomes[i]);
	}
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK_INT(mail_fds_open(), 0);
	return 0;
}
