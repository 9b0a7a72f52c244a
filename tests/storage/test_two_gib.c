/*
 * Records of 2 GiB and more, which no single read of Linux gives, and records
 * behind 2 and 4 GiB of a file: on local and on slow storage. The bodies are
 * holes with a word here and there.
 *
 *	test_two_gib BACKEND local|slow
 */
#include "slow.h"
#include <sys/stat.h>

#define GIB ((uint64_t)1 << 30)
/* More than one read(2) can give, and not a multiple of a page. */
#define LARGE (2 * GIB + 5000)
#define METADATA "R6b041510\nV1f4\n"

/* small, large, small, large, small */
#define RECORDS 5
static uint64_t offsets[RECORDS];
static const uint64_t sizes[RECORDS] = { 5, LARGE, 5, LARGE, 5 };
static const char *path;
static uint32_t backend;

static void put(int fd, uint64_t at, const char *text)
{
	const size_t size = strlen(text);

	CHECK(pwrite(fd, text, size, (off_t)at) == (ssize_t)size);
}

static void file_write(const char *name)
{
	char header[64];
	uint64_t at = 16, body;
	unsigned int i;
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	put(fd, 0, "2 M1e C6b04150d\n");
	for (i = 0; i < RECORDS; i++) {
		offsets[i] = at;
		snprintf(header, sizeof(header),
			 "\001\002N          %016llX\n",
			 (unsigned long long)sizes[i]);
		put(fd, at, header);
		body = at + 30;
		put(fd, body, "first");
		if (sizes[i] == LARGE) {
			put(fd, body + 2 * GIB, "two GiB");
			put(fd, body + LARGE - 4, "last");
		}
		put(fd, body + sizes[i], "\n\001\003\n" METADATA "\n");
		at = body + sizes[i] + 4 + strlen(METADATA) + 1;
	}
	CHECK(offsets[4] > 4 * GIB);
	close(fd);
}

static struct dbox_aio *context(uint64_t max_bytes, uint64_t max_message_size)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;

	options.backend = backend;
	options.max_bytes = max_bytes;
	options.max_message_size = max_message_size;
	CHECK_EQ(dbox_aio_init(&ctx, &options), 0);
	return ctx;
}

static uint64_t bytes_read(struct dbox_aio *ctx)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	return stats.bytes_read;
}

static const unsigned char *
body_of(const struct dbox_aio_result *result, uint64_t expected)
{
	const unsigned char *body;
	size_t size;

	CHECK_EQ(result->status, 0);
	body = dbox_aio_message_body(result->message, &size);
	CHECK_EQ(size, expected);
	return body;
}

static void small_ones(struct dbox_aio *ctx)
{
	unsigned int i;

	for (i = 0; i < RECORDS; i += 2) {
		const struct dbox_aio_result *result =
			slow_op(ctx, DBOX_AIO_READ, path, offsets[i]);

		CHECK(memcmp(body_of(result, 5), "first", 5) == 0);
		CHECK_EQ(result->record_offset, offsets[i]);
	}
}

/* All of a large record in one message. */
static void whole(struct dbox_aio *ctx, uint64_t hint)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	const struct dbox_aio_result *result;
	const unsigned char *body;
	uint64_t size;

	request.op = DBOX_AIO_READ;
	request.path = path;
	request.offset = offsets[1];
	request.size_hint = hint;
	result = slow_request(ctx, &request);
	body = body_of(result, LARGE);
	CHECK(memcmp(body, "first", 5) == 0);
	CHECK(memcmp(body + 2 * GIB, "two GiB", 7) == 0);
	CHECK(memcmp(body + LARGE - 4, "last", 4) == 0);
	/* what no read has brought would be what was there before */
	CHECK(body[5] == 0 && body[GIB] == 0 && body[2 * GIB - 1] == 0 &&
	      body[0x7ffff000] == 0 && body[LARGE - 5] == 0);
	CHECK_EQ(dbox_aio_message_record_size(result->message),
		 offsets[2] - offsets[1]);
	CHECK_EQ(dbox_aio_message_virtual_size(result->message, &size), 0);
	CHECK_EQ(size, 0x1f4);
	CHECK((result->flags & DBOX_AIO_PARTIAL_BODY) == 0);
}

/* The same, but for its ends. */
static void window(struct dbox_aio *ctx)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	const struct dbox_aio_result *result;
	const unsigned char *body;

	request.op = DBOX_AIO_READ;
	request.path = path;
	request.offset = offsets[3];
	request.body_offset = 3;
	request.body_limit = 2 * GIB + 4;
	result = slow_request(ctx, &request);
	body = body_of(result, 2 * GIB + 4);
	CHECK(memcmp(body, "st", 2) == 0);
	CHECK(memcmp(body + 2 * GIB - 3, "two GiB", 7) == 0);
	CHECK((result->flags & DBOX_AIO_PARTIAL_BODY) != 0);
	CHECK((result->flags & DBOX_AIO_HAVE_METADATA) != 0);

	request.body_offset = 2 * GIB + 4;
	request.body_limit = 3;
	result = slow_request(ctx, &request);
	CHECK(memcmp(body_of(result, 3), "GiB", 3) == 0);
}

/* What is too large says so, and the others do not notice. */
struct tally {
	unsigned int done, fine, too_big;
};

static void count(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct tally *tally = result->context;

	(void)ctx;
	tally->done++;
	tally->fine += result->status == 0;
	if (result->status == DBOX_AIO_ETOOBIG) {
		CHECK(result->message == NULL && result->detail != NULL);
		tally->too_big++;
	}
}

static void limits(struct dbox_aio *ctx)
{
	struct dbox_aio_request requests[RECORDS];
	const uint64_t before = bytes_read(ctx);
	struct tally tally = { 0, 0, 0 };
	unsigned int i;

	for (i = 0; i < RECORDS; i++) {
		requests[i] = (struct dbox_aio_request)DBOX_AIO_REQUEST_INIT;
		requests[i].op = DBOX_AIO_READ;
		requests[i].path = path;
		requests[i].offset = offsets[i];
		requests[i].callback = count;
		requests[i].context = &tally;
	}
	CHECK_EQ(dbox_aio_submit(ctx, requests, RECORDS, NULL), RECORDS);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, 30000) > 0);
	CHECK_EQ(tally.done, RECORDS);
	CHECK_EQ(tally.fine, 3);
	CHECK_EQ(tally.too_big, 2);
	CHECK(bytes_read(ctx) - before < 1 << 20);
}

struct walk {
	unsigned int records;
	int done, status;
};

static void walked(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct walk *walk = result->context;

	(void)ctx;
	if ((result->flags & DBOX_AIO_MORE) == 0) {
		walk->done = 1;
		walk->status = result->status;
		return;
	}
	CHECK_EQ(result->status, 0);
	CHECK(walk->records < RECORDS);
	CHECK_EQ(result->record_offset, offsets[walk->records]);
	CHECK_EQ(dbox_aio_message_body_size(result->message),
		 sizes[walk->records]);
	walk->records++;
}

/* Every byte of it is looked at, in little memory. */
static void scan(struct dbox_aio *ctx)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct walk walk = { 0, 0, 0 };

	request.op = DBOX_AIO_SCAN;
	request.flags = DBOX_AIO_NO_BODY;
	request.path = path;
	request.callback = walked;
	request.context = &walk;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (!walk.done)
		CHECK(dbox_aio_wait(ctx, 1, 60000) > 0);
	CHECK_EQ(walk.status, 0);
	CHECK_EQ(walk.records, RECORDS);
	CHECK(bytes_read(ctx) > 4 * GIB);
}

static void skip_without_memory(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL &&
	       sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
		;
	fclose(f);
	if (kib < 8 * (GIB >> 10))
		host_skip("needs 8 GiB of memory");
}

int main(int argc, char *argv[])
{
	struct dbox_aio *ctx;
	struct slow *slow;
	char name[700];

	skip_without_memory();
	backend = host_backend(argc, argv);
	if (argc > 2 && strcmp(argv[2], "slow") == 0) {
		slow = slow_start("slow", NULL);
		snprintf(name, sizeof(name), "%s/m.1", slow->source);
		path = slow_path(slow, "m.1");
	} else {
		snprintf(name, sizeof(name), "%s/m.1", host_dir());
		path = name;
	}
	file_write(name);

	ctx = context(3 * GIB, 0);
	small_ones(ctx);
	whole(ctx, 0);
	whole(ctx, offsets[2] - offsets[1]);
	window(ctx);
	host_deinit(&ctx);

	ctx = context(0, 0);            /* 256 MiB */
	limits(ctx);
	host_deinit(&ctx);
	ctx = context(3 * GIB, 2 * GIB - 1);
	limits(ctx);
	host_deinit(&ctx);

	/* the local one is that of tests/c/test_huge.c */
	if (path != name) {
		ctx = context(2 << 20, 0);
		scan(ctx);
		host_deinit(&ctx);
	}
	return 0;
}
