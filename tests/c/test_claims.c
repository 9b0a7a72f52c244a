/*
 * A header can claim any size. What the library takes for it is what the file's
 * real size justifies, whatever max_bytes would allow: bytes_held tells, and the
 * mapped memory of the process.
 */
#include "check.h"

#define FILES 40
#define REQUESTS 400
/* Each alone would fit into max_bytes. */
#define CLAIM ((uint64_t)200 << 20)
/* What some hundred requests of small files may hold, and what the process may
   grow by. Where the storage is not known to be local a file may be larger than
   it seems, and a request looks 64 KiB further. */
#define HELD_MAX ((uint64_t)REQUESTS * 100 << 10)
#define SLACK ((uint64_t)24 << 20)

/* A file with a record that says it has claim bytes of body, and has 500. */
static void claim_write(const char *path, uint64_t claim)
{
	struct image image;
	char header[64], body[500];

	memset(body, 'x', sizeof(body));
	image_begin(&image);
	snprintf(header, sizeof(header), "\001\002N          %016llX\n",
		 (unsigned long long)claim);
	image_add(&image, header, 30);
	image_add(&image, body, sizeof(body));
	image_end(&image, path);
}

/* A line of /proc/self/status, in bytes. */
static uint64_t status_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[200];
	const size_t size = strlen(name);

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, size) == 0)
			value = strtoull(line + size + 1, NULL, 10);
	}
	fclose(file);
	CHECK(value != 0);
	return value << 10;
}

/* The peak of mapped memory. Tools that watch the process have threads, and
   heaps for them, that are not the library's. */
static uint64_t mapped_peak(void)
{
	return getenv("CHECK_SECONDS") != NULL ? 0 : status_bytes("VmPeak");
}

static void held_check(struct dbox_aio *ctx)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	if (stats.bytes_held > HELD_MAX)
		FAIL("%llu bytes are held",
		     (unsigned long long)stats.bytes_held);
}

static unsigned int done;

static void was_read(struct dbox_aio *ctx CHECK_UNUSED,
		     const struct dbox_aio_result *result)
{
	if ((result->flags & DBOX_AIO_MORE) != 0)
		return;
	CHECK_STATUS(result->status, DBOX_AIO_ETRUNCATED);
	CHECK(result->message == NULL);
	done++;
}

/* All of them at the same time. */
static void claims_read(struct dbox_aio *ctx, char paths[][128], uint64_t hint)
{
	struct dbox_aio_request requests[REQUESTS];
	int i;

	for (i = 0; i < REQUESTS; i++) {
		requests[i] = request_make(i % 5 == 4 ? DBOX_AIO_SCAN :
					   DBOX_AIO_READ, paths[i % FILES],
					   NULL);
		requests[i].callback = was_read;
		requests[i].size_hint = hint;
		if (i % 5 == 1)
			requests[i].flags = DBOX_AIO_HEADERS_ONLY;
		if (i % 5 == 2)
			requests[i].flags = DBOX_AIO_NO_METADATA;
	}
	done = 0;
	CHECK_STATUS(dbox_aio_submit(ctx, requests, REQUESTS, NULL), REQUESTS);
	held_check(ctx);
	while (dbox_aio_pending(ctx) > 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 1) >= 0);
		held_check(ctx);
	}
	CHECK_INT(done, REQUESTS);
}

int main(int argc, char **argv)
{
	static const uint64_t claims[] = {
		501, 5000, 1 << 20, CLAIM, (uint64_t)1 << 40,
		(uint64_t)1 << 62, INT64_MAX
	};
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	static char paths[FILES][128];
	struct dbox_aio *ctx;
	uint64_t peak;
	char name[20];
	size_t k;
	int i;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	for (k = 0; k < sizeof(claims) / sizeof(claims[0]); k++) {
		for (i = 0; i < FILES; i++) {
			snprintf(name, sizeof(name), "u.%d", i + 1);
			snprintf(paths[i], sizeof(paths[i]), "%s",
				 check_path(name));
			claim_write(paths[i], claims[k]);
		}
		if (k == 0)
			claims_read(ctx, paths, 0);     /* threads, heaps */
		peak = mapped_peak();
		claims_read(ctx, paths, 0);
		if (mapped_peak() > peak + SLACK)
			FAIL("a claim of %llu bytes takes %llu",
			     (unsigned long long)claims[k],
			     (unsigned long long)(mapped_peak() - peak));
	}
	/* A host's size_hint is no more than that, either. */
	peak = mapped_peak();
	claims_read(ctx, paths, CLAIM);
	CHECK(mapped_peak() <= peak + SLACK);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.bytes_held, 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
