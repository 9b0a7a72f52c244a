/* Every broken rule gives its one status, where it was seen, and which. */
#include "check.h"

static struct dbox_aio *ctx;

static void broken_check_at(const struct image *image, uint64_t offset,
			    int expected)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("m.1");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);

	image_write(image, path);
	request.offset = offset;
	CHECK_STATUS(request_run(ctx, &request), expected);
	if (expected < 0) {
		CHECK(outcome.message == NULL);
		CHECK(outcome.result.detail != NULL);
		CHECK(outcome.result.detail[0] != '\0');
	}
	outcome_clear(&outcome);
}

static void broken_check(const struct image *image, int expected)
{
	broken_check_at(image, 0, expected);
}

static void header_check(const char *header, int expected)
{
	struct image image = { NULL, 0 };

	image_add_text(&image, header);
	image_add_record(&image, "hello", 5, METADATA);
	broken_check(&image, expected);
	free(image.data);
}

static void test_file_header(void)
{
	char header[3000];

	header_check("2 M1e C6b04150d\n", 0);
	header_check("1 M1e A0 C6b04150d\n", 0);
	header_check("2 M1e C6b04150d Qunknown\n", 0);
	header_check("3 M1e C6b04150d\n", DBOX_AIO_EVERSION);
	header_check("0 M1e C6b04150d\n", DBOX_AIO_EVERSION);
	header_check("2 C6b04150d\n", DBOX_AIO_ECORRUPT);
	header_check("2 M0 C6b04150d\n", DBOX_AIO_ECORRUPT);
	header_check("2 M1 C6b04150d\n", DBOX_AIO_ECORRUPT);
	header_check("2 Mffffffffffffffff C1\n", DBOX_AIO_ECORRUPT);
	header_check("\n", DBOX_AIO_EVERSION);
	memset(header, 'x', sizeof(header));
	memcpy(header, "2 M1e C6b04150d ", 16);
	memcpy(header + sizeof(header) - 2, "\n", 2);
	header_check(header, 0);
}

static void test_empty(void)
{
	struct image image = { NULL, 0 };

	image_add_text(&image, "");
	broken_check(&image, DBOX_AIO_ETRUNCATED);
	free(image.data);
	image_begin(&image);
	broken_check(&image, DBOX_AIO_ETRUNCATED);
	free(image.data);
}

/* The record at every length that a file being appended can have. */
static void test_cut(void)
{
	struct image image;
	uint64_t second;
	size_t whole;

	image_begin(&image);
	image_add_record(&image, "hello", 5, METADATA);
	second = image_add_record(&image, "world", 5, METADATA);
	whole = image.size;
	for (image.size = second; image.size < whole; image.size++)
		broken_check_at(&image, second, DBOX_AIO_ETRUNCATED);
	image.size = whole;
	broken_check_at(&image, second, 0);
	broken_check_at(&image, whole, DBOX_AIO_ETRUNCATED);
	broken_check_at(&image, whole + 1, DBOX_AIO_ETRUNCATED);
	broken_check_at(&image, (uint64_t)1 << 63, DBOX_AIO_ETRUNCATED);
	broken_check_at(&image, UINT64_MAX, DBOX_AIO_ETRUNCATED);
	broken_check_at(&image, INT64_MAX, DBOX_AIO_ETRUNCATED);
	/* An offset that is no record's. */
	broken_check_at(&image, second + 1, DBOX_AIO_ECORRUPT);
	free(image.data);
}

static void test_record(void)
{
	const size_t record = IMAGE_HEADER_SIZE;
	const size_t metadata = record + 30 + 5;
	struct image image;
	struct outcome outcome = { 0 };
	size_t i;
	const struct {
		size_t at;
		const char *bytes;
		int expected;
	} cases[] = {
		{ record, "x", DBOX_AIO_ECORRUPT },
		{ record + 1, "x", DBOX_AIO_ECORRUPT },
		{ record + 29, "x", DBOX_AIO_ECORRUPT },
		{ record + 13, "000000000000000g", DBOX_AIO_ECORRUPT },
		{ record + 13, "0000000000000004", DBOX_AIO_ECORRUPT },
		{ record + 13, "0000000000000006", DBOX_AIO_ECORRUPT },
		{ record + 13, "00000000000fffff", DBOX_AIO_ETRUNCATED },
		{ record + 13, "7fffffffffffffff", DBOX_AIO_ETRUNCATED },
		{ record + 13, "8000000000000000", DBOX_AIO_ETRUNCATED },
		{ record + 13, "ffffffffffffffff", DBOX_AIO_ETRUNCATED },
		{ metadata, "x", DBOX_AIO_ECORRUPT },
		{ metadata + 1, "x", DBOX_AIO_ECORRUPT },
		{ metadata + 2, "x", DBOX_AIO_ECORRUPT },
		{ metadata + 3, "x", DBOX_AIO_ECORRUPT }
	};

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_begin(&image);
		image_add_record(&image, "hello", 5, METADATA);
		memcpy(image.data + cases[i].at, cases[i].bytes,
		       strlen(cases[i].bytes));
		broken_check(&image, cases[i].expected);
		free(image.data);
	}

	/* Lower case is read as well. */
	image_begin(&image);
	image_add_record(&image, "0123456789", 10, METADATA);
	memcpy(image.data + record + 13, "000000000000000a", 16);
	broken_check(&image, 0);

	/* Where it was seen. */
	image.data[metadata + 5 + 1] = 'x';
	image_end(&image, check_path("m.2"));
	CHECK_STATUS(read_run(ctx, check_path("m.2"), &outcome),
		     DBOX_AIO_ECORRUPT);
	CHECK_INT(outcome.result.record_offset, record);
	CHECK(outcome.result.error_offset >= metadata + 5);
	CHECK(outcome.result.error_offset <= metadata + 5 + 1);
}

/* A body that ends behind the file is told, however little of it is wanted. */
static void test_parts(void)
{
	static const char *const sizes[] = {
		"0000000000001000", "00000000000fffff", "3fffffffffffffff",
		"4000000000000000", "7fffffffffffffff"
	};
	const struct {
		uint32_t flags;
		uint64_t body_offset, body_limit;
	} parts[] = {
		{ DBOX_AIO_NO_BODY, 0, 0 },
		{ DBOX_AIO_NO_BODY | DBOX_AIO_NO_METADATA, 0, 0 },
		{ DBOX_AIO_HEADERS_ONLY, 0, 0 },
		{ DBOX_AIO_HEADERS_ONLY | DBOX_AIO_NO_METADATA, 0, 0 },
		{ 0, 1, 2 },
		{ DBOX_AIO_NO_METADATA, 1, 2 }
	};
	const char *path = check_path("m.3");
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	struct image image;
	size_t i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		image_begin(&image);
		image_add_record(&image, "a: b\n\nhello", 11, METADATA);
		memcpy(image.data + IMAGE_HEADER_SIZE + 13, sizes[i], 16);
		image_end(&image, path);
		for (j = 0; j < sizeof(parts) / sizeof(parts[0]); j++) {
			request = request_make(DBOX_AIO_READ, path, &outcome);
			request.flags = parts[j].flags;
			request.body_offset = parts[j].body_offset;
			request.body_limit = parts[j].body_limit;
			CHECK_STATUS(request_run(ctx, &request),
				     DBOX_AIO_ETRUNCATED);
			CHECK(outcome.message == NULL);
		}
	}
}

/* The others of a batch do not notice. */
static void test_batch(void)
{
	struct outcome outcomes[9];
	struct dbox_aio_request requests[9];
	const char *good = check_path("good"), *bad = check_path("bad"),
		*none = check_path("none");
	struct image image = { NULL, 0 };
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	sdbox_write(good, "hello");
	image_add_text(&image, "2 M1e C1\nnonsense, and quite a lot of it\n");
	image_end(&image, bad);
	for (i = 0; i < 9; i++)
		requests[i] = request_make(DBOX_AIO_READ,
			i % 3 == 0 ? good : i % 3 == 1 ? bad : none,
			&outcomes[i]);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 9, NULL), 9);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 9, -1) > 0);
	for (i = 0; i < 9; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status,
			     i % 3 == 0 ? 0 : i % 3 == 1 ?
			     DBOX_AIO_ECORRUPT : DBOX_AIO_ENOENT);
		if (i % 3 == 0)
			body_check(outcomes[i].message, "hello");
		outcome_clear(&outcomes[i]);
	}
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_file_header();
	test_empty();
	test_cut();
	test_record();
	test_parts();
	test_batch();
	dbox_aio_deinit(&ctx);
	return 0;
}
