/* READ gives the record's bytes, its sizes, its metadata and the file's
   header. */
#include "check.h"

#define BODY "From: a@example.org\nSubject: x\n\nHello\r\nworld\n"

static void test_sdbox(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_message *message;
	const char *path = check_path("u.1"), *value;
	const unsigned char *raw;
	uint64_t number, offset;
	int64_t received;
	struct stat st;
	struct image image;
	size_t size;
	char key;

	image_begin(&image);
	image_add_record(&image, BODY, strlen(BODY), METADATA "Pone\nPtwo\n");
	image_write(&image, path);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_INT(outcome.calls, 1);

	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(outcome.result.op, DBOX_AIO_READ);
	CHECK_INT(outcome.result.flags, DBOX_AIO_HAVE_METADATA);
	CHECK_INT(outcome.result.sys_errno, 0);
	CHECK_INT(outcome.result.file_version, 2);
	CHECK_INT(outcome.result.file_header_size, IMAGE_HEADER_SIZE);
	CHECK_INT(outcome.result.message_header_size, 30);
	CHECK_INT(outcome.result.create_time, IMAGE_CREATE_TIME);
	CHECK_INT(outcome.result.record_offset, IMAGE_HEADER_SIZE);
	CHECK_INT(outcome.result.file_size, st.st_size);
	CHECK(outcome.result.file == NULL);
	CHECK(outcome.result.context == &outcome);
	CHECK(outcome.result.detail == NULL);

	message = outcome.message;
	body_check(message, BODY);
	CHECK_INT(dbox_aio_message_body_size(message), strlen(BODY));
	CHECK_INT(dbox_aio_message_record_size(message),
		  image.size - IMAGE_HEADER_SIZE);
	raw = dbox_aio_message_raw(message, &offset, &size);
	CHECK(raw != NULL);
	CHECK_INT(offset, 0);
	CHECK_BYTES(raw, size, image.data, image.size);

	CHECK_INT(dbox_aio_message_metadata_count(message), 5);
	value = dbox_aio_message_metadata(message, 'P', &size);
	CHECK_BYTES(value, size, "one", 3);
	CHECK_INT(value[size], '\0');
	value = dbox_aio_message_metadata_at(message, 4, &key, &size);
	CHECK_BYTES(value, size, "two", 3);
	CHECK_INT(value[size], '\0');
	CHECK_INT(key, 'P');
	CHECK(dbox_aio_message_metadata_at(message, 5, &key, &size) == NULL);
	CHECK(dbox_aio_message_metadata(message, 'Q', NULL) == NULL);

	CHECK_STATUS(dbox_aio_message_received_time(message, &received), 0);
	CHECK_INT(received, 0x6b041510);
	CHECK_STATUS(dbox_aio_message_virtual_size(message, &number), 0);
	CHECK_INT(number, 0x1f4);
	CHECK_STATUS(dbox_aio_message_plaintext_size(message, &number), 0);
	CHECK_INT(number, strlen(BODY));
	outcome_clear(&outcome);
	free(image.data);
}

static void test_mdbox(struct dbox_aio *ctx)
{
	const uint64_t hints[] = { 0, 1, 31, 100, 5000, 1 << 20,
				   (uint64_t)1 << 63, UINT64_MAX };
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	const char *path = check_path("m.1");
	const unsigned char *raw;
	struct image image;
	uint64_t second, third, offset;
	size_t i, size;

	image_begin(&image);
	image_add_record(&image, "first", 5, METADATA);
	second = image_add_record(&image, "second body", 11, METADATA);
	third = image_add_record(&image, "", 0, METADATA);
	image_write(&image, path);

	request = request_make(DBOX_AIO_READ, path, &outcome);
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		request.size_hint = hints[i];
		request.offset = 0;
		CHECK_STATUS(request_run(ctx, &request), 0);
		body_check(outcome.message, "first");
		CHECK_INT(outcome.result.record_offset, IMAGE_HEADER_SIZE);

		request.offset = second;
		CHECK_STATUS(request_run(ctx, &request), 0);
		body_check(outcome.message, "second body");
		CHECK_INT(outcome.result.record_offset, second);
		CHECK_INT(dbox_aio_message_record_size(outcome.message),
			  third - second);
		raw = dbox_aio_message_raw(outcome.message, &offset, &size);
		CHECK(raw != NULL);
		CHECK_INT(offset, second);
		CHECK_BYTES(raw, size, image.data + second, third - second);

		request.offset = third;
		CHECK_STATUS(request_run(ctx, &request), 0);
		body_check(outcome.message, "");
	}
	/* The exact size. */
	request.offset = second;
	request.size_hint = third - second;
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, "second body");
	outcome_clear(&outcome);
	free(image.data);
}

static void test_metadata(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("u.2");
	struct image image;
	uint64_t number;
	int64_t received;

	image_begin(&image);
	image_add_record(&image, "zzz", 3, "Z2A\nX1 2 B64 3\nRxyz\n");
	image_end(&image, path);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_INT(outcome.result.flags,
		  DBOX_AIO_HAVE_METADATA | DBOX_AIO_EXTERNAL);
	CHECK_STATUS(dbox_aio_message_plaintext_size(outcome.message,
						     &number), 0);
	CHECK_INT(number, 0x2a);
	CHECK_STATUS(dbox_aio_message_virtual_size(outcome.message, &number),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_message_received_time(outcome.message,
						    &received),
		     DBOX_AIO_ECORRUPT);
	outcome_clear(&outcome);
}

static void test_big(struct dbox_aio *ctx)
{
	const size_t sizes[] = { 4096 - 46, 65536, 1000000, 9 << 20 };
	struct outcome outcome = { 0 };
	const char *path = check_path("u.3");
	const unsigned char *body;
	size_t i, n, size;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sdbox_write_big(path, sizes[i]);
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		body = dbox_aio_message_body(outcome.message, &size);
		CHECK_INT(size, sizes[i]);
		for (n = 0; n < size; n++)
			CHECK(body[n] == (n % 71 == 70 ? '\n' :
					  'a' + (n / 71) % 26));
		outcome_clear(&outcome);
	}
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_sdbox(ctx);
	test_mdbox(ctx);
	test_metadata(ctx);
	test_big(ctx);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK(ctx == NULL);
	return 0;
}
