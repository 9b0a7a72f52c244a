/* HEADERS_ONLY gives the body up to and with its first empty line. */
#include "check.h"

static void
headers_check(struct dbox_aio *ctx, const char *body, const char *expected)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("u.1");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	const uint64_t hints[] = { 0, 40, 1 << 20 };
	size_t i, size;

	sdbox_write(path, body);
	request.flags = DBOX_AIO_HEADERS_ONLY;
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		request.size_hint = hints[i];
		CHECK_STATUS(request_run(ctx, &request), 0);
		dbox_aio_message_body(outcome.message, &size);
		CHECK_INT(size, strlen(expected));
		body_check(outcome.message, expected);
		CHECK_INT((outcome.result.flags & DBOX_AIO_PARTIAL_BODY) != 0,
			  strlen(expected) < strlen(body));
		CHECK_INT(dbox_aio_message_body_size(outcome.message),
			  strlen(body));
		CHECK((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0);
		CHECK_INT(dbox_aio_message_metadata_count(outcome.message),
			  3);
	}
	outcome_clear(&outcome);
}

/* Headers of this size, then a body of twice that. */
static void headers_check_long(struct dbox_aio *ctx, size_t size)
{
	char *body = malloc(3 * size + 1), *headers;

	memset(body, 'h', 3 * size);
	body[3 * size] = '\0';
	memcpy(body + size - 4, "\r\n\r\n", 4);
	headers = strndup(body, size);
	headers_check(ctx, body, headers);
	free(headers);
	free(body);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	size_t size;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	headers_check(ctx, "A: b\nC: d\n\nbody\n\nmore", "A: b\nC: d\n\n");
	headers_check(ctx, "A: b\r\nC: d\r\n\r\nbody", "A: b\r\nC: d\r\n\r\n");
	headers_check(ctx, "A: b\n\r\nbody", "A: b\n\r\n");
	headers_check(ctx, "A: b\r\n\nbody", "A: b\r\n\n");
	headers_check(ctx, "\nbody", "\n");
	headers_check(ctx, "\r\nbody", "\r\n");
	headers_check(ctx, "\rbody\n\nx", "\rbody\n\n");
	headers_check(ctx, "A: b\n", "A: b\n");
	headers_check(ctx, "A: b\n\r", "A: b\n\r");
	headers_check(ctx, "no line end", "no line end");
	headers_check(ctx, "", "");
	for (size = 4000; size < 4200; size += 1)
		headers_check_long(ctx, size);
	headers_check_long(ctx, 65536);
	headers_check_long(ctx, 300000);
	headers_check_long(ctx, 2 << 20);
	dbox_aio_deinit(&ctx);
	return 0;
}
