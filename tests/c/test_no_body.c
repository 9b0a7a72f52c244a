/* NO_BODY gives header and metadata; NO_METADATA neither reads nor checks
   metadata. */
#include "check.h"

static void test_no_body(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	const char *path = check_path("u.1"), *value;
	size_t i, size;

	for (i = 0; i < 2; i++) {
		if (i == 0)
			sdbox_write(path, "small");
		else
			sdbox_write_big(path, 2 << 20);
		request = request_make(DBOX_AIO_READ, path, &outcome);
		request.flags = DBOX_AIO_NO_BODY;
		CHECK_STATUS(request_run(ctx, &request), 0);
		CHECK(dbox_aio_message_body(outcome.message, &size) == NULL);
		CHECK_INT(size, 0);
		CHECK_INT(dbox_aio_message_body_size(outcome.message),
			  i == 0 ? 5 : 2 << 20);
		CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
		CHECK((outcome.result.flags & DBOX_AIO_PARTIAL_BODY) != 0);
		value = dbox_aio_message_metadata(outcome.message, 'R', &size);
		CHECK_BYTES(value, size, "6b041510", 8);
		CHECK(dbox_aio_message_record_size(outcome.message) >
		      dbox_aio_message_body_size(outcome.message));
	}
	outcome_clear(&outcome);
}

static void test_no_metadata(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	const char *path = check_path("u.2");
	struct image image;
	uint64_t number;

	image_begin(&image);
	image_add_record(&image, "hello", 5, METADATA);
	memset(image.data + IMAGE_HEADER_SIZE + 30 + 5, '!', 4);
	image_end(&image, path);

	request = request_make(DBOX_AIO_READ, path, &outcome);
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ECORRUPT);
	request.flags = DBOX_AIO_NO_METADATA;
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "hello");
	CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) == 0);
	CHECK((outcome.result.flags & DBOX_AIO_PARTIAL_BODY) == 0);
	CHECK_INT(dbox_aio_message_record_size(outcome.message), 0);
	CHECK_INT(dbox_aio_message_metadata_count(outcome.message), 0);
	CHECK_STATUS(dbox_aio_message_virtual_size(outcome.message, &number),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_message_plaintext_size(outcome.message,
						     &number),
		     DBOX_AIO_ENOENT);

	request.flags = DBOX_AIO_NO_METADATA | DBOX_AIO_NO_BODY;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK(dbox_aio_message_body(outcome.message, NULL) == NULL);
	CHECK_INT(dbox_aio_message_body_size(outcome.message), 5);
	outcome_clear(&outcome);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_no_body(ctx);
	test_no_metadata(ctx);
	dbox_aio_deinit(&ctx);
	return 0;
}
