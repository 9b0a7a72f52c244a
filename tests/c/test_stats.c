/* The counters add up. */
#include "check.h"

/* Returns the number of calls in a histogram, none of which is longer than the
   longest one. */
static uint64_t calls(const uint64_t *histogram, uint64_t longest_us)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < 32; i++) {
		sum += histogram[i];
		if (histogram[i] > 0 && i > 0)
			CHECK(longest_us >= (uint64_t)1 << i);
	}
	return sum;
}

int main(int argc, char **argv)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx;
	const char *path;
	uint64_t sum = 0;
	int i;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.struct_size, sizeof(stats));
	CHECK_INT(stats.backend, check_backend);
	CHECK_INT(stats.fallback_errno, 0);
	CHECK(strcmp(dbox_aio_fallback_reason(ctx), "") == 0);
	CHECK_INT(stats.submitted, 0);
	CHECK_INT(stats.completed, 0);
	CHECK_INT(stats.pending, 0);
	CHECK_INT(stats.bytes_held, 0);

	for (i = 0; i < 10; i++)
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.bytes_held > 0);
	for (i = 0; i < 3; i++)
		CHECK_STATUS(read_run(ctx, check_path("none"), &outcome),
			     DBOX_AIO_ENOENT);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.submitted, 13);
	CHECK_INT(stats.completed, 13);
	CHECK_INT(stats.failed, 3);
	CHECK_INT(stats.cancelled, 0);
	CHECK_INT(stats.timed_out, 0);
	CHECK_INT(stats.pending, 0);
	CHECK_INT(stats.bytes_held, 0);
	open_files_become(ctx, 0);
	CHECK(stats.opens >= 10);
	CHECK(stats.reads >= 10);
	CHECK(stats.bytes_read >= 10 * 40);
	CHECK(stats.longest_submit_us < 60000000);
	CHECK(stats.longest_dispatch_us < 60000000);
	for (i = 0; i < 32; i++)
		sum += stats.queue_wait_us[i];
	CHECK_INT(sum, 13);
	CHECK_INT(calls(stats.submit_us, stats.longest_submit_us), 13);
	CHECK(calls(stats.dispatch_us, stats.longest_dispatch_us) > 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	return 0;
}
