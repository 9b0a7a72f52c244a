/* A SCAN pauses while the host holds all bytes, and goes on afterwards. */
#include "check.h"

#define RECORDS 40
#define RECORD_SIZE 30000

static struct dbox_aio_message *held[RECORDS];
static int held_count, final;

static void hold(struct dbox_aio *ctx CHECK_UNUSED,
		 const struct dbox_aio_result *result)
{
	CHECK_INT(result->status, 0);
	if ((result->flags & DBOX_AIO_MORE) == 0)
		final = 1;
	else
		held[held_count++] = dbox_aio_message_ref(result->message);
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio *ctx;
	struct image image;
	char *body = calloc(1, RECORD_SIZE);
	int i, released = 0, before;

	check_begin(argc, argv);
	image_begin(&image);
	for (i = 0; i < RECORDS; i++)
		image_add_record(&image, body, RECORD_SIZE, METADATA);
	image_end(&image, check_path("m.1"));

	options.max_bytes = 256 * 1024;
	ctx = context_open(&options);
	request.op = DBOX_AIO_SCAN;
	request.path = check_path("m.1");
	request.callback = hold;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	do {
		before = held_count;
		CHECK(dbox_aio_wait(ctx, 1, 300) >= 0);
	} while (held_count > before);
	CHECK(held_count > 0);
	CHECK(held_count < RECORDS);
	CHECK(!final);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.bytes_held <= options.max_bytes);

	while (!final) {
		for (; released < held_count; released++)
			dbox_aio_message_unref(&held[released]);
		/* Not by dbox_aio_wait(): that waits for the end, which does
		   not come before more is released. */
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK_INT(held_count, RECORDS);
	for (; released < held_count; released++)
		dbox_aio_message_unref(&held[released]);
	dbox_aio_deinit(&ctx);
	free(body);
	return 0;
}
