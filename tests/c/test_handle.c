/* A handle is a name until its first request, and then that very file. */
#include "check.h"

static struct dbox_aio_request
handle_request(struct dbox_aio_file *file, struct outcome *outcome)
{
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, NULL, outcome);

	request.file = file;
	return request;
}

static void test_replaced(struct dbox_aio *ctx)
{
	const char *path = check_path("u.1"), *other = check_path("u.2");
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file, *new_file;

	sdbox_write(path, "old");
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	/* Not opened yet: it may still change. */
	sdbox_write(other, "first");
	CHECK_INT(rename(other, path), 0);
	request = handle_request(file, &outcome);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "first");
	CHECK(outcome.result.file == file);

	sdbox_write(other, "second");
	CHECK_INT(rename(other, path), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "first");
	CHECK_INT(unlink(path), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "first");
	request.op = DBOX_AIO_STAT;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(outcome.result.nlink, 0);

	/* The path itself is opened afresh each time. */
	CHECK_STATUS(read_run(ctx, path, &outcome), DBOX_AIO_ENOENT);
	sdbox_write(path, "third");
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	body_check(outcome.message, "third");
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &new_file), 0);
	request = handle_request(new_file, &outcome);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "third");
	CHECK_STATUS(dbox_aio_file_close(ctx, &new_file), 0);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	outcome_clear(&outcome);
}

static void test_retried(struct dbox_aio *ctx)
{
	const char *path = check_path("u.3");
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;

	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	request = handle_request(file, &outcome);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ENOENT);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ENOENT);
	sdbox_write(path, "there");
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "there");
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	outcome_clear(&outcome);
}

static void test_appended(struct dbox_aio *ctx)
{
	const char *path = check_path("m.1");
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;
	struct image image;

	image_begin(&image);
	image_add_record(&image, "one", 3, METADATA);
	image_write(&image, path);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	request = handle_request(file, &outcome);
	request.offset = image.size;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ETRUNCATED);
	image_add_record(&image, "two", 3, METADATA);
	image_end(&image, path);
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "two");
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	outcome_clear(&outcome);
}

/* Requests in flight finish when the handle is closed. */
static void test_closed(void)
{
	struct blocked blocked;
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file, *copy;

	blocked_open(&blocked, NULL);
	mail_fds_settle(blocked.ctx, 0);
	CHECK_STATUS(dbox_aio_file_open(blocked.ctx, blocked.path, NULL,
					&file), 0);
	request = handle_request(file, &outcome);
	request_submit(blocked.ctx, &request);
	copy = file;
	CHECK_STATUS(dbox_aio_file_close(blocked.ctx, &file), 0);
	CHECK(file == NULL);
	/* copy is still the library's because of the request. */
	request.file = copy;
	CHECK_STATUS(dbox_aio_submit(blocked.ctx, &request, 1, NULL),
		     DBOX_AIO_EINVAL);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 50), 0);
	blocked_release(&blocked);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, -1), 1);
	CHECK_STATUS(outcome.result.status, 0);
	CHECK(outcome.result.file == NULL);
	outcome_clear(&outcome);
	mail_fds_settle(blocked.ctx, 0);
	dbox_aio_deinit(&blocked.ctx);
}

/* deinit closes what is open. */
static void test_left_open(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file, *unused;
	struct dbox_aio *ctx;
	int i, before = mail_fds_open();

	ctx = context_open(NULL);
	CHECK_STATUS(dbox_aio_file_open(ctx, check_path("u.3"), NULL, &file),
		     0);
	CHECK_STATUS(dbox_aio_file_open(ctx, check_path("u.3"), NULL,
					&unused), 0);
	request = handle_request(file, &outcome);
	CHECK_STATUS(request_run(ctx, &request), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	for (i = 0; i < 100 && mail_fds_open() > before; i++)
		usleep(10000);
	CHECK_INT(mail_fds_open(), before);
}

static void test_invalid(struct dbox_aio *ctx)
{
	struct dbox_aio_file *file = NULL, *foreign;
	struct dbox_aio *other = context_open(NULL);
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;

	CHECK_STATUS(dbox_aio_file_open(ctx, NULL, NULL, &file),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_open(ctx, "", NULL, &file),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_open(ctx, "x", "", &file),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_open(ctx, "x", NULL, NULL),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_close(ctx, NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_open(other, "x", NULL, &foreign), 0);
	request = handle_request(foreign, &outcome);
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_file_close(ctx, &foreign), DBOX_AIO_EINVAL);
	CHECK(foreign != NULL);
	CHECK_STATUS(dbox_aio_deinit(&other), 0);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_replaced(ctx);
	test_retried(ctx);
	test_appended(ctx);
	test_invalid(ctx);
	test_closed();
	test_left_open();
	dbox_aio_deinit(&ctx);
	return 0;
}
