/* SCAN of records that are larger than what is read at once, whole or broken:
   each is reported once, and RESYNC finds every good one behind. */
#include "check.h"

#define MAX_SEEN 8
#define SMALL_BYTES (256 * 1024)

struct seen {
	int count, final;
	struct dbox_aio_result results[MAX_SEEN];
	uint64_t body_sizes[MAX_SEEN];
	size_t sizes[MAX_SEEN];         /* of the part that was read */
};

static char filler[1 << 20];

static void seen_callback(struct dbox_aio *ctx CHECK_UNUSED,
			  const struct dbox_aio_result *result)
{
	struct seen *seen = result->context;
	const int i = seen->count++;
	const unsigned char *body;

	CHECK(!seen->final);
	CHECK(i < MAX_SEEN);
	seen->final = (result->flags & DBOX_AIO_MORE) == 0;
	seen->results[i] = *result;
	CHECK_INT(result->message != NULL,
		  result->status == 0 && !seen->final);
	seen->body_sizes[i] = dbox_aio_message_body_size(result->message);
	body = dbox_aio_message_body(result->message, &seen->sizes[i]);
	if (seen->sizes[i] > 4)
		CHECK(memcmp(body, filler, seen->sizes[i]) == 0);
}

/* Writes the image, frees it, scans. Returns the final status. */
static int scan(struct image *image, uint64_t max_bytes, uint32_t flags,
		uint64_t body_limit, struct seen *seen)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx;

	image_write(image, check_path("m.1"));
	options.max_bytes = max_bytes;
	ctx = context_open(&options);
	memset(seen, 0, sizeof(*seen));
	request.op = DBOX_AIO_SCAN;
	request.path = check_path("m.1");
	request.flags = flags;
	request.body_limit = body_limit;
	request.callback = seen_callback;
	request.context = seen;
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (!seen->final)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return seen->results[seen->count - 1].status;
}

static void check_good(const struct seen *seen, int i, uint64_t offset,
		       uint64_t body_size)
{
	CHECK_STATUS(seen->results[i].status, 0);
	CHECK_INT(seen->results[i].record_offset, offset);
	CHECK_INT(seen->body_sizes[i], body_size);
}

/* The final result says the same of the first broken record. */
static void check_broken(const struct seen *seen, int i, int status,
			 uint64_t offset, uint64_t error_offset)
{
	CHECK_STATUS(seen->results[i].status, status);
	CHECK_INT(seen->results[i].record_offset, offset);
	CHECK_INT(seen->results[i].error_offset, error_offset);
	CHECK(seen->results[i].detail != NULL);
}

static void test_metadata_magic(void)
{
	const uint32_t flags[] = {
		DBOX_AIO_RESYNC, DBOX_AIO_RESYNC | DBOX_AIO_NO_BODY
	};
	struct image image;
	struct seen seen;
	uint64_t first, second, magic;
	int i;

	image_begin(&image);
	first = image_add_record(&image, filler, 600000, METADATA);
	magic = first + 30 + 600000 + 1;
	image.data[magic] = 'Z';
	second = image_add_record(&image, "good", 4, METADATA);
	for (i = 0; i < 2; i++) {
		CHECK_STATUS(scan(&image, 0, flags[i], 0, &seen),
			     DBOX_AIO_ECORRUPT);
		CHECK_INT(seen.count, 3);
		check_broken(&seen, 0, DBOX_AIO_ECORRUPT, first, magic);
		check_good(&seen, 1, second, 4);
		check_broken(&seen, 2, DBOX_AIO_ECORRUPT, first, magic);
	}
	free(image.data);
}

/* What looks like a header behind a broken record says more than the file
   has: it is part of the gap. */
static void test_header_in_gap(void)
{
	struct image image;
	struct seen seen;
	uint64_t first, second;

	image_begin(&image);
	first = image_add_record(&image, "abc", 3, METADATA);
	image.data[first] = 'Z';
	second = image_add_record(&image, filler, 400000, METADATA);
	memcpy(image.data + second + 13, "0000000000F00000", 16);
	CHECK_STATUS(scan(&image, 0, DBOX_AIO_NO_BODY | DBOX_AIO_RESYNC, 0,
			  &seen), DBOX_AIO_ECORRUPT);
	CHECK_INT(seen.count, 2);
	check_broken(&seen, 0, DBOX_AIO_ECORRUPT, first, first);
	check_broken(&seen, 1, DBOX_AIO_ECORRUPT, first, first);
	free(image.data);
}

static void test_zeros(void)
{
	const size_t size = 700000;
	char *zeros = calloc(1, size);
	struct image image;
	struct seen seen;
	uint64_t first, second, gap;

	image_begin(&image);
	first = image_add_record(&image, "abc", 3, METADATA);
	gap = image.size;
	image_add(&image, zeros, size);
	free(zeros);
	second = image_add_record(&image, "good", 4, METADATA);
	CHECK_STATUS(scan(&image, 0, DBOX_AIO_RESYNC, 0, &seen),
		     DBOX_AIO_ETRUNCATED);
	CHECK_INT(seen.count, 4);
	check_good(&seen, 0, first, 3);
	check_broken(&seen, 1, DBOX_AIO_ETRUNCATED, gap, gap);
	check_good(&seen, 2, second, 4);
	check_broken(&seen, 3, DBOX_AIO_ETRUNCATED, gap, gap);
	free(image.data);
}

/* A size that no file has: the records behind it are not taken for its body. */
static void test_huge_size(void)
{
	struct image image;
	struct seen seen;
	uint64_t first, good[4];
	int i;

	image_begin(&image);
	first = image_add_record(&image, "abc", 3, METADATA);
	memcpy(image.data + first + 13, "7FFFFFFFFFFFFFFF", 16);
	for (i = 0; i < 4; i++)
		good[i] = image_add_record(&image, filler, 200000, METADATA);
	CHECK_STATUS(scan(&image, 0, DBOX_AIO_RESYNC, 0, &seen),
		     DBOX_AIO_ETRUNCATED);
	CHECK_INT(seen.count, 6);
	check_broken(&seen, 0, DBOX_AIO_ETRUNCATED, first, image.size);
	for (i = 0; i < 4; i++) {
		check_good(&seen, i + 1, good[i], 200000);
		CHECK_INT(seen.sizes[i + 1], 200000);
	}
	check_broken(&seen, 5, DBOX_AIO_ETRUNCATED, first, image.size);

	CHECK_STATUS(scan(&image, 0, 0, 0, &seen), DBOX_AIO_ETRUNCATED);
	CHECK_INT(seen.count, 1);
	check_broken(&seen, 0, DBOX_AIO_ETRUNCATED, first, image.size);
	free(image.data);
}

static void test_large_metadata(void)
{
	const uint32_t flags[] = { DBOX_AIO_NO_BODY, 0 };
	char *metadata = malloc(300001);
	struct image image;
	struct seen seen;
	uint64_t first;
	int i;

	memset(metadata, 'B', 300000);
	for (i = 99; i < 300000; i += 100)
		metadata[i] = '\n';
	metadata[300000] = '\0';
	image_begin(&image);
	first = image_add_record(&image, filler, 300000, metadata);
	free(metadata);
	for (i = 0; i < 2; i++) {
		CHECK_STATUS(scan(&image, 0, flags[i], 0, &seen), 0);
		CHECK_INT(seen.count, 2);
		check_good(&seen, 0, first, 300000);
		CHECK_INT(seen.sizes[0], flags[i] == 0 ? 300000 : 0);
		CHECK((seen.results[0].flags & DBOX_AIO_HAVE_METADATA) != 0);
	}
	free(image.data);
}

/* Parts of bodies that are larger than max_bytes. */
static void test_parts(void)
{
	const uint64_t limits[] = { 220000, 100000 };
	struct image image;
	struct seen seen;
	uint64_t first;
	int i;

	image_begin(&image);
	first = image_add_record(&image, filler, 600000, METADATA);
	for (i = 0; i < 2; i++) {
		CHECK_STATUS(scan(&image, SMALL_BYTES, 0, limits[i], &seen),
			     0);
		CHECK_INT(seen.count, 2);
		check_good(&seen, 0, first, 600000);
		CHECK_INT(seen.sizes[0], limits[i]);
	}
	free(image.data);

	filler[70000] = filler[70001] = '\n';
	image_begin(&image);
	first = image_add_record(&image, filler, 600000, METADATA);
	CHECK_STATUS(scan(&image, SMALL_BYTES, DBOX_AIO_HEADERS_ONLY, 0,
			  &seen), 0);
	CHECK_INT(seen.count, 2);
	check_good(&seen, 0, first, 600000);
	CHECK_INT(seen.sizes[0], 70002);
	free(image.data);
}

int main(int argc, char **argv)
{
	size_t i;

	check_begin(argc, argv);
	for (i = 0; i < sizeof(filler); i++)
		filler[i] = i % 71 == 70 ? '\n' : (char)('a' + (i / 7) % 26);
	test_metadata_magic();
	test_header_in_gap();
	test_zeros();
	test_huge_size();
	test_large_metadata();
	test_parts();
	return 0;
}
