/* alt_path is tried where path gives ENOENT. */
#include "check.h"

int main(int argc, char **argv)
{
	const uint32_t ops[] = {
		DBOX_AIO_READ, DBOX_AIO_OPEN, DBOX_AIO_STAT, DBOX_AIO_SCAN
	};
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;
	struct dbox_aio *ctx;
	const char *path, *alt;
	size_t i;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	path = check_path("u.1");
	alt = check_path("alt");

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		request = request_make(ops[i], path, &outcome);
		request.alt_path = alt;
		CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ENOENT);

		sdbox_write(alt, "at alt");
		CHECK_STATUS(request_run(ctx, &request), 0);
		CHECK((outcome.result.flags & DBOX_AIO_FROM_ALT) != 0);
		if (ops[i] == DBOX_AIO_READ)
			body_check(outcome.message, "at alt");

		sdbox_write(path, "at path");
		CHECK_STATUS(request_run(ctx, &request), 0);
		CHECK((outcome.result.flags & DBOX_AIO_FROM_ALT) == 0);
		if (ops[i] == DBOX_AIO_READ)
			body_check(outcome.message, "at path");
		unlink(path);
		unlink(alt);
	}

	/* Only ENOENT leads to alt_path. */
	sdbox_write(alt, "at alt");
	CHECK_INT(mkdir(path, 0700), 0);
	request = request_make(DBOX_AIO_READ, path, &outcome);
	request.alt_path = alt;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ENOTFILE);
	rmdir(path);

	/* A handle stays where it found the file. */
	CHECK_STATUS(dbox_aio_file_open(ctx, path, alt, &file), 0);
	request.path = request.alt_path = NULL;
	request.file = file;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK((outcome.result.flags & DBOX_AIO_FROM_ALT) != 0);
	sdbox_write(path, "at path");
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "at alt");
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	outcome_clear(&outcome);
	dbox_aio_deinit(&ctx);
	return 0;
}
