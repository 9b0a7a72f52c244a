/*
 * Message memory is used again and again. Whatever was in it, of another
 * stream, is nowhere in what a message shows: all that can be reached through
 * the API was read for that message.
 */
#include "check.h"

#define SECRET 'S'              /* is in no other file, and no metadata */
#define SECRETS 24

static struct dbox_aio *ctx;

/* Fills all message memory that there is with somebody's mail. */
static void secrets_read(void)
{
	static const size_t sizes[] = { 10, 700, 3000, 5000, 20000, 60000 };
	struct outcome outcomes[SECRETS];
	struct dbox_aio_request request;
	struct image image;
	char body[60000], name[32];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	memset(body, SECRET, sizeof(body));
	for (i = 0; i < SECRETS; i++) {
		snprintf(name, sizeof(name), "secret.%d", i);
		image_begin(&image);
		image_add_record(&image, body, sizes[i % 6],
				 "PSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS\n"
				 "BSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS\n");
		image_end(&image, check_path(name));
		request = request_make(DBOX_AIO_READ, check_path(name),
				       &outcomes[i]);
		request.stream = 1;
		request_submit(ctx, &request);
	}
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, SECRETS, -1) >= 0);
	for (i = 0; i < SECRETS; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		CHECK(outcomes[i].message != NULL);
		outcome_clear(&outcomes[i]);
	}
}

static void clean_check(const void *data, size_t size)
{
	if (data != NULL)
		CHECK(memchr(data, SECRET, size) == NULL);
}

static void message_check(const struct dbox_aio_message *message)
{
	size_t i, size, count = dbox_aio_message_metadata_count(message);
	const void *data;
	char key;

	data = dbox_aio_message_body(message, &size);
	clean_check(data, size);
	data = dbox_aio_message_raw(message, NULL, &size);
	clean_check(data, size);
	for (i = 0; i < count; i++) {
		data = dbox_aio_message_metadata_at(message, i, &key, &size);
		CHECK(key != SECRET);
		clean_check(data, size + 1);    /* the NUL too */
	}
	/* What is not there is not what was there before. */
	CHECK(dbox_aio_message_metadata(message, 'P', NULL) == NULL);
	CHECK(dbox_aio_message_metadata(message, 'B', NULL) == NULL);
	CHECK(dbox_aio_message_metadata_at(message, count, NULL, NULL) ==
	      NULL);
}

static unsigned int records;

static void scan_callback(struct dbox_aio *context CHECK_UNUSED,
			  const struct dbox_aio_result *result)
{
	if (result->message != NULL) {
		message_check(result->message);
		records++;
	}
}

/* Another stream reads after that, in all ways. */
static void others_read(const char *path, uint32_t flags, uint64_t hint,
			uint64_t body_offset, uint64_t body_limit)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);

	request.stream = 2;
	request.flags = flags;
	request.size_hint = hint;
	request.body_offset = body_offset;
	request.body_limit = body_limit;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK(outcome.message != NULL);
	message_check(outcome.message);
	outcome_clear(&outcome);
}

static void scan(const char *path, uint32_t flags)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	records = 0;
	request.op = DBOX_AIO_SCAN;
	request.flags = flags;
	request.path = path;
	request.callback = scan_callback;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) >= 0);
	CHECK(records > 0);
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct image image;
	char body[30000];
	const size_t sizes[] = { 0, 1, 100, 4000, 4096, 30000 };
	const uint64_t hints[] = { 0, 1, 5000, 1000000 };
	uint32_t flags;
	size_t i, j;

	check_begin(argc, argv);
	memset(body, 'x', sizeof(body));
	memcpy(body, "a: b\n\n", 6);
	options.max_bytes = 1024 * 1024;
	ctx = context_open(&options);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		image_begin(&image);
		image_add_record(&image, body, sizes[i], METADATA);
		image_add_record(&image, body, 100, METADATA);
		image_end(&image, check_path("m.1"));
		secrets_read();
		for (j = 0; j < sizeof(hints) / sizeof(hints[0]); j++) {
			for (flags = 0; flags < 0x10; flags++)
				others_read(check_path("m.1"), flags, hints[j],
					    0, 0);
			others_read(check_path("m.1"), 0, hints[j],
				    sizes[i] / 2, 50);
			others_read(check_path("m.1"), DBOX_AIO_NO_METADATA,
				    hints[j], sizes[i], 50);
		}
		secrets_read();
		for (flags = 0; flags < 0x10; flags++)
			scan(check_path("m.1"), flags);
	}
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
