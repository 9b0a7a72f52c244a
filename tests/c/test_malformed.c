/* A malformed request makes its whole batch fail, with words. */
#include "check.h"

static struct dbox_aio *ctx;
static const char *path;

static struct dbox_aio_request good(struct outcome *outcome)
{
	return request_make(DBOX_AIO_READ, path, outcome);
}

static void refused(const struct dbox_aio_request *bad, const char *word)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request requests[3];
	uint64_t ids[3] = { 7, 7, 7 };
	char text[512];
	int at;

	for (at = 0; at < 3; at++) {
		requests[0] = requests[1] = requests[2] = good(&outcome);
		requests[at] = *bad;
		CHECK_STATUS(dbox_aio_submit(ctx, requests, 3, ids),
			     DBOX_AIO_EINVAL);
		CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
		if (strstr(text, word) == NULL || text[8] != '0' + at)
			FAIL("text is: %s", text);
		CHECK_INT(dbox_aio_pending(ctx), 0);
		CHECK(ids[0] == 7);
	}
	CHECK_INT(dbox_aio_wait(ctx, 1, 20), 0);
	CHECK_INT(outcome.calls, 0);
}

#define REFUSED(change, word) \
	do { \
		struct dbox_aio_request r = good(&outcome); \
		change; \
		refused(&r, word); \
	} while (0)

int main(int argc, char **argv)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio_file *file;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);

	REFUSED(r.op = 0, "op");
	REFUSED(r.op = 5, "op");
	REFUSED(r.op = UINT32_MAX, "op");
	REFUSED(r.flags = 0x20, "flags");
	REFUSED(r.flags = 0x80000000, "flags");
	REFUSED(r.priority = 2, "priority");
	REFUSED(r.reserved = 1, "reserved");
	REFUSED(r.callback = NULL, "callback");
	REFUSED(r.path = NULL, "neither");
	REFUSED(r.path = NULL; r.alt_path = path, "neither");
	REFUSED(r.file = file, "both");
	REFUSED(r.file = file; r.path = NULL; r.alt_path = path, "alt_path");
	REFUSED(r.path = "", "empty");
	REFUSED(r.alt_path = "", "empty");
	REFUSED(r.flags = DBOX_AIO_HEADERS_ONLY; r.body_offset = 1,
		"HEADERS_ONLY");
	REFUSED(r.flags = DBOX_AIO_HEADERS_ONLY; r.body_limit = 1,
		"HEADERS_ONLY");

	/* Flags that mean nothing for an op are no fault. */
	request = good(&outcome);
	request.op = DBOX_AIO_STAT;
	request.flags = 0x1f;
	CHECK_STATUS(request_run(ctx, &request), 0);

	CHECK_STATUS(dbox_aio_submit(ctx, &request, 0, NULL), 0);
	CHECK_STATUS(dbox_aio_submit(ctx, NULL, 0, NULL), 0);
	CHECK_STATUS(dbox_aio_submit(ctx, NULL, 1, NULL), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_submit(ctx, &request, SIZE_MAX, NULL),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_submit(NULL, &request, 1, NULL),
		     DBOX_AIO_EINVAL);

	/* The path is copied: it may change at once. */
	{
		char *copy = strdup(path);

		request = good(&outcome);
		request.path = copy;
		outcome_clear(&outcome);
		request_submit(ctx, &request);
		memset(copy, 'x', strlen(copy));
		free(copy);
		CHECK_INT(dbox_aio_wait(ctx, 1, -1), 1);
		CHECK_STATUS(outcome.result.status, 0);
		outcome_clear(&outcome);
	}

	CHECK_STATUS(dbox_aio_file_close(ctx, &file), 0);
	dbox_aio_deinit(&ctx);
	return 0;
}
