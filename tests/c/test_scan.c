/* SCAN calls back for each record and once more at the end; RESYNC goes on
   behind what is broken. */
#include "check.h"

#define MAX_SEEN 32

struct seen {
	int count, final;
	struct dbox_aio_result results[MAX_SEEN];
	char bodies[MAX_SEEN][32];
	int no_body;
};

static void seen_callback(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	struct seen *seen = result->context;
	const unsigned char *body;
	size_t size;
	int i = seen->count++;

	CHECK(!seen->final);
	CHECK(i < MAX_SEEN);
	CHECK_INT(result->op, DBOX_AIO_SCAN);
	seen->results[i] = *result;
	if ((result->flags & DBOX_AIO_MORE) == 0) {
		seen->final = 1;
		CHECK(result->message == NULL);
		CHECK_INT(dbox_aio_pending(ctx), 0);
		return;
	}
	CHECK_INT(dbox_aio_pending(ctx), 1);
	if (result->status < 0) {
		CHECK(result->message == NULL);
		return;
	}
	CHECK(result->message != NULL);
	CHECK((result->flags & DBOX_AIO_HAVE_METADATA) != 0);
	body = dbox_aio_message_body(result->message, &size);
	CHECK_INT(body == NULL, seen->no_body);
	if (body != NULL)
		snprintf(seen->bodies[i], sizeof(seen->bodies[i]), "%.*s",
			 (int)size, body);
}

/* Scans, and returns the final status. */
static int scan(struct dbox_aio *ctx, const struct image *image,
		uint64_t offset, uint32_t flags, struct seen *seen_r)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	uint64_t id;

	image_write(image, check_path("m.1"));
	memset(seen_r, 0, sizeof(*seen_r));
	seen_r->no_body = (flags & DBOX_AIO_NO_BODY) != 0;
	request.op = DBOX_AIO_SCAN;
	request.path = check_path("m.1");
	request.offset = offset;
	request.flags = flags;
	request.priority = 1;
	request.callback = seen_callback;
	request.context = seen_r;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, &id), 1);
	while (!seen_r->final)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK(seen_r->results[seen_r->count - 1].id == id);
	return seen_r->results[seen_r->count - 1].status;
}

static void test_whole(struct dbox_aio *ctx)
{
	struct image image;
	struct seen seen;
	uint64_t offsets[3];
	char zeros[5000] = { 0 };
	int i;

	image_begin(&image);
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), 0);
	CHECK_INT(seen.count, 1);

	offsets[0] = image_add_record(&image, "one", 3, METADATA);
	offsets[1] = image_add_record(&image, "", 0, METADATA);
	offsets[2] = image_add_record(&image, "three", 5, METADATA);
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), 0);
	CHECK_INT(seen.count, 4);
	for (i = 0; i < 3; i++) {
		CHECK_INT(seen.results[i].status, 0);
		CHECK_INT(seen.results[i].record_offset, offsets[i]);
	}
	CHECK(strcmp(seen.bodies[0], "one") == 0);
	CHECK(strcmp(seen.bodies[1], "") == 0);
	CHECK(strcmp(seen.bodies[2], "three") == 0);

	CHECK_STATUS(scan(ctx, &image, offsets[1], 0, &seen), 0);
	CHECK_INT(seen.count, 3);
	CHECK_INT(seen.results[0].record_offset, offsets[1]);
	CHECK_STATUS(scan(ctx, &image, 0, DBOX_AIO_NO_BODY, &seen), 0);
	CHECK_INT(seen.count, 4);

	/* A preallocated file. */
	image_add(&image, zeros, sizeof(zeros));
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), 0);
	CHECK_INT(seen.count, 4);
	free(image.data);
}

static void test_broken(struct dbox_aio *ctx)
{
	struct image image;
	struct seen seen;
	uint64_t first, second, third;
	size_t whole;

	image_begin(&image);
	first = image_add_record(&image, "one", 3, METADATA);
	second = image_add_record(&image, "two", 3, METADATA);
	third = image_add_record(&image, "three", 5, METADATA);
	whole = image.size;
	image.data[second] = 'x';
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.count, 2);
	CHECK_INT(seen.results[0].record_offset, first);
	CHECK_INT(seen.results[1].record_offset, second);
	CHECK_INT(seen.results[1].error_offset, second);
	CHECK(seen.results[1].detail != NULL);

	CHECK_STATUS(scan(ctx, &image, 0, DBOX_AIO_RESYNC, &seen),
		     DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.count, 4);
	CHECK_INT(seen.results[1].status, DBOX_AIO_ECORRUPT);
	CHECK((seen.results[1].flags & DBOX_AIO_MORE) != 0);
	CHECK_INT(seen.results[1].error_offset, second);
	CHECK_INT(seen.results[2].status, 0);
	CHECK_INT(seen.results[2].record_offset, third);
	CHECK(strcmp(seen.bodies[2], "three") == 0);
	image.data[second] = '\001';

	/* Checked to its end, though the body is not wanted. */
	image.data[third - 1] = 'x';
	CHECK_STATUS(scan(ctx, &image, 0, DBOX_AIO_NO_BODY, &seen),
		     DBOX_AIO_ECORRUPT);
	image.data[third - 1] = '\n';

	image.size = whole - 10;
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), DBOX_AIO_ETRUNCATED);
	CHECK_INT(seen.count, 3);
	CHECK_INT(seen.results[2].record_offset, third);
	image.size = whole;

	/* With RESYNC and nothing broken. */
	CHECK_STATUS(scan(ctx, &image, 0, DBOX_AIO_RESYNC, &seen), 0);
	CHECK_INT(seen.count, 4);
	free(image.data);
}

/* One report for each gap, however many rules are broken in it. */
static void test_gaps(struct dbox_aio *ctx)
{
	struct image image;
	struct seen seen;
	uint64_t second, third;
	char noise[300];
	size_t i;

	for (i = 0; i < sizeof(noise); i++)
		noise[i] = (char)('a' + i % 26);
	noise[i - 1] = '\n';
	image_begin(&image);
	image_add_record(&image, "one", 3, METADATA);
	image_add(&image, noise, sizeof(noise));
	second = image_add_record(&image, "two", 3, METADATA);
	image_add(&image, noise, sizeof(noise));
	third = image_add_record(&image, "three", 5, METADATA);
	CHECK_STATUS(scan(ctx, &image, 0, DBOX_AIO_RESYNC, &seen),
		     DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.count, 6);
	CHECK_INT(seen.results[0].status, 0);
	CHECK_INT(seen.results[1].status, DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.results[2].record_offset, second);
	CHECK_INT(seen.results[2].status, 0);
	CHECK_INT(seen.results[3].status, DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.results[4].record_offset, third);
	CHECK_INT(seen.results[4].status, 0);
	free(image.data);
}

static void test_file_header(struct dbox_aio *ctx)
{
	struct image image = { NULL, 0 };
	struct seen seen;

	image_add_text(&image, "7 M1e\n");
	CHECK_STATUS(scan(ctx, &image, 0, 0, &seen), DBOX_AIO_EVERSION);
	CHECK_INT(seen.count, 1);
	free(image.data);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_whole(ctx);
	test_broken(ctx);
	test_gaps(ctx);
	test_file_header(ctx);
	dbox_aio_deinit(&ctx);
	return 0;
}
