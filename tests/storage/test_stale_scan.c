/*
 * A file grows, and the mount goes on to say the size that it had: a scan reads
 * up to the real end, finds every record, and ends.
 */
#include "slow.h"

#define ADDED 3
#define ADDED_SIZE 100000
#define HEADER_SIZE 16
/* each record may take a few */
#define ENOUGH_READS 20

struct scan {
	unsigned int records, finals;
};

static void was_scanned(struct dbox_aio *ctx,
			const struct dbox_aio_result *result)
{
	struct scan *scan = result->context;

	(void)ctx;
	CHECK_EQ(result->status, 0);
	if ((result->flags & DBOX_AIO_MORE) == 0) {
		scan->finals++;
		return;
	}
	CHECK(host_message_is_right(result->message));
	scan->records++;
}

/* Appends the record of the second file to the first. */
static void append(const char *path, const char *from)
{
	static char data[ADDED_SIZE + 1000];
	size_t size;
	FILE *f;

	f = fopen(from, "rbe");
	CHECK(f != NULL);
	size = fread(data, 1, sizeof(data), f);
	CHECK(size > ADDED_SIZE && size < sizeof(data));
	fclose(f);
	f = fopen(path, "abe");
	CHECK(f != NULL);
	CHECK_EQ(fwrite(data + HEADER_SIZE, 1, size - HEADER_SIZE, f),
		 size - HEADER_SIZE);
	CHECK(fclose(f) == 0);
}

int main(int argc, char *argv[])
{
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	const char *source, *added;
	struct scan scan = { 0, 0 };
	struct slow *slow;
	struct pollfd pfd;
	uint64_t reads;
	unsigned int i;

	slow = slow_start("stale", "-direct", "-ttl", "1h", NULL);
	source = host_mail("stale/m.1", 1000);
	added = host_mail("stale/added", ADDED_SIZE);
	CHECK_EQ(dbox_aio_file_open(ctx, slow_path(slow, "m.1"), NULL,
				    &request.file), 0);
	request.op = DBOX_AIO_READ;
	CHECK_EQ(slow_request(ctx, &request)->status, 0);
	for (i = 0; i < ADDED; i++)
		append(source, added);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	reads = stats.reads;

	request.op = DBOX_AIO_SCAN;
	request.callback = was_scanned;
	request.context = &scan;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (scan.finals == 0) {
		CHECK_EQ(poll(&pfd, 1, 5000), 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
		CHECK(stats.reads - reads <= ENOUGH_READS);
	}
	CHECK_EQ(scan.records, 1 + ADDED);
	CHECK_EQ(dbox_aio_file_close(ctx, &request.file), 0);
	host_deinit(&ctx);
	return 0;
}
