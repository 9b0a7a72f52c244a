/* A message of 3 GiB is read by windows, and scanned, in little memory; whole
   it is too much for max_bytes. The body is a hole with a word here and there. */
#include "check.h"

#define SIZE ((uint64_t)3 << 30)
#define BODY_AT ((uint64_t)IMAGE_HEADER_SIZE + 30)
#define BUDGET (2 << 20)

static void word_write(int fd, uint64_t at, const char *word)
{
	CHECK_INT(pwrite(fd, word, strlen(word), (off_t)(BODY_AT + at)),
		  strlen(word));
}

static void huge_write(const char *path)
{
	char header[64];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	snprintf(header, sizeof(header), "2 M1e C6b04150d\n\001\002N"
		 "          %016llX\n", (unsigned long long)SIZE);
	CHECK_INT(pwrite(fd, header, strlen(header), 0), BODY_AT);
	word_write(fd, 0, "first");
	word_write(fd, (uint64_t)1 << 31, "two GiB");
	word_write(fd, SIZE - 4, "last");
	word_write(fd, SIZE, "\n\001\003\n" METADATA "\n");
	close(fd);
}

static void window_check(struct dbox_aio *ctx, const char *path,
			 uint64_t offset, uint64_t limit, uint32_t flags,
			 const char *expected)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);

	request.body_offset = offset;
	request.body_limit = limit;
	request.flags = flags;
	CHECK_STATUS(request_run(ctx, &request), 0);
	body_check(outcome.message, expected);
	CHECK_INT(dbox_aio_message_body_size(outcome.message), SIZE);
	CHECK((outcome.result.flags & DBOX_AIO_PARTIAL_BODY) != 0);
	CHECK_INT((outcome.result.flags & DBOX_AIO_HAVE_METADATA) != 0,
		  (flags & DBOX_AIO_NO_METADATA) == 0);
	outcome_clear(&outcome);
}

static void test_windows(struct dbox_aio *ctx, const char *path)
{
	const uint64_t two = (uint64_t)1 << 31;
	uint32_t flags = 0;

	for (; flags <= DBOX_AIO_NO_METADATA; flags += DBOX_AIO_NO_METADATA) {
		window_check(ctx, path, 0, 5, flags, "first");
		window_check(ctx, path, two, 7, flags, "two GiB");
		window_check(ctx, path, SIZE - 4, 0, flags, "last");
		window_check(ctx, path, SIZE - 4, UINT64_MAX, flags, "last");
		window_check(ctx, path, SIZE, 0, flags, "");
		window_check(ctx, path, UINT64_MAX, 0, flags, "");
	}
}

static void test_whole(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ETOOBIG);
	CHECK(outcome.result.detail != NULL);
	request.body_offset = 1;        /* a window of nearly all of it */
	CHECK_STATUS(request_run(ctx, &request), DBOX_AIO_ETOOBIG);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.bytes_held, 0);
}

/* It is read to its end, and no more than max_bytes of it held. */
static void test_scan(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_SCAN, path, &outcome);
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	request.flags = DBOX_AIO_NO_BODY;
	outcome_clear(&outcome);
	request_submit(ctx, &request);
	while (outcome.finals == 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_STATUS(outcome.result.status, 0);
	CHECK_INT(outcome.calls, 2);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.bytes_read >= SIZE);
	outcome_clear(&outcome);
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	const char *path;

	check_begin(argc, argv);
	path = check_path("u.1");
	huge_write(path);
	options.max_bytes = BUDGET;
	ctx = context_open(&options);
	test_windows(ctx, path);
	test_whole(ctx, path);
	test_scan(ctx, path);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
