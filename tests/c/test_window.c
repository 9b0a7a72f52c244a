/* body_offset and body_limit give a part of the body, and its metadata. */
#include "check.h"

static void
window_check(struct dbox_aio *ctx, const char *path, uint64_t offset,
	     uint64_t limit, const char *expected, int partial)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	const char *value;
	size_t size;

	request.body_offset = offset;
	request.body_limit = limit;
	CHECK_STATUS(request_run(ctx, &request), 0);
	dbox_aio_message_body(outcome.message, &size);
	CHECK_INT(size, strlen(expected));
	if (size > 0)
		body_check(outcome.message, expected);
	CHECK_INT(dbox_aio_message_body_size(outcome.message), 10);
	CHECK_INT((outcome.result.flags & DBOX_AIO_PARTIAL_BODY) != 0,
		  partial);
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
	value = dbox_aio_message_metadata(outcome.message, 'V', &size);
	CHECK_BYTES(value, size, "1f4", 3);

	request.flags = DBOX_AIO_NO_METADATA;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) == 0);
	CHECK_INT(dbox_aio_message_metadata_count(outcome.message), 0);
	dbox_aio_message_body(outcome.message, &size);
	CHECK_INT(size, strlen(expected));
	outcome_clear(&outcome);
}

static void test_big(struct dbox_aio *ctx)
{
	const size_t total = 3 << 20;
	const char *path = check_path("u.2");
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	const unsigned char *body;
	size_t i, size;

	sdbox_write_big(path, total);
	request.body_offset = 2000003;
	request.body_limit = 70001;
	CHECK_STATUS(request_run(ctx, &request), 0);
	body = dbox_aio_message_body(outcome.message, &size);
	CHECK_INT(size, 70001);
	for (i = 0; i < size; i++)
		CHECK(body[i] == ((i + 2000003) % 71 == 70 ? '\n' :
				  'a' + ((i + 2000003) / 71) % 26));
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
	/* The length counts from the offset, whatever the hint was. */
	request.size_hint = 100;
	request.body_offset = total - 5;
	CHECK_STATUS(request_run(ctx, &request), 0);
	dbox_aio_message_body(outcome.message, &size);
	CHECK_INT(size, 5);
	outcome_clear(&outcome);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	const char *path;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	path = check_path("u.1");
	sdbox_write(path, "0123456789");
	window_check(ctx, path, 0, 0, "0123456789", 0);
	window_check(ctx, path, 0, 10, "0123456789", 0);
	window_check(ctx, path, 0, 11, "0123456789", 0);
	window_check(ctx, path, 0, 4, "0123", 1);
	window_check(ctx, path, 3, 4, "3456", 1);
	window_check(ctx, path, 3, 0, "3456789", 1);
	window_check(ctx, path, 9, UINT64_MAX, "9", 1);
	window_check(ctx, path, 10, 0, "", 1);
	window_check(ctx, path, 10, 5, "", 1);
	window_check(ctx, path, 11, 1, "", 1);
	window_check(ctx, path, UINT64_MAX, UINT64_MAX, "", 1);
	window_check(ctx, path, (uint64_t)1 << 63, 0, "", 1);
	test_big(ctx);
	dbox_aio_deinit(&ctx);
	return 0;
}
