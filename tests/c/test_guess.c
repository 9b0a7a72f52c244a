/* How much is read at first is a guess. A wrong one costs time, but it is never
   an error, and it never holds a record back that fits into max_bytes. */
#include "check.h"

static char filler[250000];

static struct dbox_aio *context_of_bytes(uint64_t max_bytes)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;

	options.max_bytes = max_bytes;
	return context_open(&options);
}

/* A file with 200 KB behind the small record, whose offset is returned. */
static uint64_t write_small_in_large(const char *path)
{
	struct image image;
	uint64_t offset;

	image_begin(&image);
	image_add_record(&image, filler, 5000, METADATA);
	offset = image_add_record(&image, "small", 5, METADATA);
	image_add_record(&image, filler, 200000, METADATA);
	image_end(&image, path);
	return offset;
}

static void check_small(struct dbox_aio *ctx, uint64_t offset, uint64_t hint)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, check_path("m.1"), &outcome);

	request.offset = offset;
	request.size_hint = hint;
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "small");
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
	outcome_clear(&outcome);
}

static void test_small_in_large(void)
{
	const uint64_t hints[] = { 0, 1, 60, 100000, 1 << 30, UINT64_MAX };
	const uint64_t offset = write_small_in_large(check_path("m.1"));
	struct dbox_aio *ctx = context_of_bytes(64 * 1024);
	struct blocked blocked;
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		check_small(ctx, offset, hints[i]);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);

	/* The host holds most of the bytes. */
	blocked_open(&blocked, NULL);
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		check_small(blocked.ctx, offset, hints[i]);
	blocked_release(&blocked);
	CHECK_STATUS(dbox_aio_deinit(&blocked.ctx), 0);
}

/* One read serves two neighbours, the second of which is far larger than its
   hint: it does not fit beside the first one. */
static void test_behind_neighbour(void)
{
	const size_t sizes[] = { 50000, 215000 };
	struct dbox_aio *ctx = context_of_bytes(256 * 1024);
	struct outcome outcomes[2] = { { 0 } };
	struct dbox_aio_request requests[2];
	const unsigned char *body;
	struct image image;
	size_t i, size;

	image_begin(&image);
	image_add_record(&image, "first", 5, METADATA);
	for (i = 0; i < 2; i++) {
		requests[i] = request_make(DBOX_AIO_READ, check_path("m.2"),
					   &outcomes[i]);
		requests[i].offset = image_add_record(&image, filler,
						      sizes[i], METADATA);
	}
	image_end(&image, check_path("m.2"));
	requests[0].size_hint = sizes[0] + 100;
	requests[1].size_hint = 1000;
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 2, NULL), 2);
	while (outcomes[0].finals == 0 || outcomes[1].finals == 0) {
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
		dbox_aio_message_unref(&outcomes[0].message);
	}
	CHECK_STATUS(outcomes[0].result.status, 0);
	CHECK_STATUS(outcomes[1].result.status, 0);
	body = dbox_aio_message_body(outcomes[1].message, &size);
	CHECK_BYTES(body, size, filler, sizes[1]);
	outcome_clear(&outcomes[0]);
	outcome_clear(&outcomes[1]);

	CHECK_STATUS(request_run(ctx, &requests[1]), 0);
	body = dbox_aio_message_body(outcomes[1].message, &size);
	CHECK_BYTES(body, size, filler, sizes[1]);
	outcome_clear(&outcomes[1]);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

/* The end of the header is not looked for if no body is wanted. */
static void test_no_body_headers_only(void)
{
	struct dbox_aio *ctx = context_of_bytes(1 << 20);
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, check_path("u.1"), &outcome);
	size_t size = 1;

	sdbox_write_big(check_path("u.1"), 600000);
	request.flags = DBOX_AIO_NO_BODY | DBOX_AIO_HEADERS_ONLY;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK(dbox_aio_message_body(outcome.message, &size) == NULL);
	CHECK_INT(size, 0);
	CHECK_INT(dbox_aio_message_body_size(outcome.message), 600000);
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

/* What is known of a handle's file does not get old. */
static void test_open_grown(void)
{
	struct dbox_aio *ctx = context_of_bytes(1 << 20);
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_OPEN, NULL, &outcome);
	uint64_t size;
	int fd;

	sdbox_write(check_path("u.2"), "abc");
	CHECK_STATUS(dbox_aio_file_open(ctx, check_path("u.2"), NULL,
					&request.file), 0);
	CHECK_STATUS(request_run(ctx, &request), 0);
	size = outcome.result.file_size;
	fd = open(check_path("u.2"), O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, filler, 1000), 1000);
	close(fd);
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(outcome.result.file_size, size + 1000);
	CHECK_STATUS(dbox_aio_file_close(ctx, &request.file), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

int main(int argc, char **argv)
{
	size_t i;

	check_begin(argc, argv);
	for (i = 0; i < sizeof(filler); i++)
		filler[i] = (char)('a' + (i / 7) % 26);
	test_small_in_large();
	test_behind_neighbour();
	test_no_body_headers_only();
	test_open_grown();
	return 0;
}
