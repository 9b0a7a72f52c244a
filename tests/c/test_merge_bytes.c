/* One read serves many small records, but bytes_held counts a message of each:
   it is never above max_bytes, and those that do not fit wait. */
#include "check.h"

#define RECORDS 400
#define MAX_BYTES (64 * 1024)

static struct outcome outcomes[RECORDS];
static struct dbox_aio_request requests[RECORDS];

static void check_held(struct dbox_aio *ctx)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.bytes_held <= MAX_BYTES);
}

static void keep_callback(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	outcome_callback(ctx, result);
	CHECK_STATUS(result->status, 0);
	body_check(result->message, "x");
	check_held(ctx);
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	const char *path;
	struct image image;
	int i;

	check_begin(argc, argv);
	path = check_path("m.1");
	image_begin(&image);
	for (i = 0; i < RECORDS; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
		requests[i].offset = image_add_record(&image, "x", 1, "");
		requests[i].size_hint = image.size - requests[i].offset;
		requests[i].callback = keep_callback;
	}
	image_end(&image, path);
	options.max_bytes = MAX_BYTES;
	ctx = context_open(&options);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, RECORDS, NULL), RECORDS);
	while (dbox_aio_pending(ctx) > 0) {
		/* as many as go while the host keeps all */
		while (dbox_aio_wait(ctx, 1, 50) > 0)
			check_held(ctx);
		check_held(ctx);
		for (i = 0; i < RECORDS; i++)
			dbox_aio_message_unref(&outcomes[i].message);
	}
	for (i = 0; i < RECORDS; i++)
		CHECK_INT(outcomes[i].finals, 1);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
