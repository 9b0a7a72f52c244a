/* OPEN checks a file's header; STAT tells about the file. */
#include "check.h"

static void test_stat(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("u.1");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_STAT, path, &outcome);
	struct stat st;

	sdbox_write(path, "hello");
	CHECK_INT(link(path, check_path("link")), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(outcome.result.file_size, st.st_size);
	CHECK_INT(outcome.result.device, st.st_dev);
	CHECK_INT(outcome.result.inode, st.st_ino);
	CHECK_INT(outcome.result.nlink, 2);
	CHECK_INT(outcome.result.mtime, st.st_mtim.tv_sec);
	CHECK_INT(outcome.result.mtime_nsec, st.st_mtim.tv_nsec);
	CHECK_INT(outcome.result.ctime, st.st_ctim.tv_sec);
	CHECK_INT(outcome.result.ctime_nsec, st.st_ctim.tv_nsec);
	CHECK(outcome.result.message == NULL);

	request.path = check_path("missing");
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ENOENT);
	CHECK_INT(outcome.result.sys_errno, ENOENT);
}

static void test_open(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("u.1"), *broken = check_path("broken");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_OPEN, path, &outcome);
	struct image image = { NULL, 0 };
	struct dbox_aio_file *file;
	struct stat st;

	CHECK_INT(stat(path, &st), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(outcome.result.file_version, 2);
	CHECK_INT(outcome.result.file_header_size, IMAGE_HEADER_SIZE);
	CHECK_INT(outcome.result.message_header_size, 30);
	CHECK_INT(outcome.result.create_time, IMAGE_CREATE_TIME);
	CHECK_INT(outcome.result.file_size, st.st_size);
	CHECK(outcome.result.message == NULL);
	open_files_become(ctx, 0);

	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	request.path = NULL;
	request.file = file;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(outcome.result.file_version, 2);
	CHECK(outcome.result.file == file);
	open_files_become(ctx, 1);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	CHECK(file == NULL);
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);

	image_add_text(&image, "3 M1e C6b04150d\n");
	image_write(&image, broken);
	request.file = NULL;
	request.path = broken;
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_EVERSION);
	CHECK(outcome.result.detail != NULL);
	free(image.data);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_stat(ctx);
	test_open(ctx);
	dbox_aio_deinit(&ctx);
	return 0;
}
