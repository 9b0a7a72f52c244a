/*
 * Reads return less than was asked for: the library goes on where they stopped.
 * The file ends earlier than its size says: ETRUNCATED, and no endless loop.
 *
 * With FOPEN_DIRECT_IO io_uring itself goes on after a short read, and Linux
 * 6.18 was seen to do so at the wrong place: the bytes that follow are those
 * of the beginning of the read. A reader must not take them for the file's.
 */
#include "slow.h"

int main(int argc, char *argv[])
{
	struct slow *slow = slow_start("store", "-direct", NULL);
	const char **paths = slow_mails(slow, 20, 50000);
	const char **small = paths + 20 - 1;
	static const int ends[] = { 0, 1, 10, 15, 16, 20, 45, 46, 100, 49999,
				    50045, 50046, 50047, 50050, 50060 };
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	unsigned int i;

	slow_tell(slow, "short 1000\n");
	host_read_all(ctx, paths, 20);
	slow_tell(slow, "short 4097\n");
	host_read_all(ctx, paths, 20);

	/* byte by byte */
	host_mail("store/u.20", 300);
	slow_tell(slow, "short 1\n");
	CHECK_EQ(host_read(ctx, *small), 0);
	CHECK(slow_counter(slow, "max_inflight") >= 1);
	slow_tell(slow, "short 0\n");

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		slow_tell(slow, "eof %d\n", ends[i]);
		CHECK_EQ(slow_op(ctx, DBOX_AIO_READ, paths[0], 0)->status,
			 DBOX_AIO_ETRUNCATED);
		/* a file header alone is a file without records */
		CHECK_EQ(slow_op(ctx, DBOX_AIO_SCAN, paths[1], 0)->status,
			 ends[i] == 16 ? 0 : DBOX_AIO_ETRUNCATED);
	}
	slow_tell(slow, "clear\n");
	host_read_all(ctx, paths, 20);
	host_deinit(&ctx);
	slow_tell(slow, "wait-released\n");
	return 0;
}
