/*
 * test_host_denied CALL, under deny: a system call is refused that the Go runtime
 * ends the process without. Init names it.
 */
#include "host.h"

int main(int argc, char *argv[])
{
	struct dbox_aio *ctx;
	char text[512];

	CHECK_EQ(argc, 2);
	CHECK_EQ(dbox_aio_init(&ctx, NULL), DBOX_AIO_ENOCORE);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK(strstr(text, argv[1]) != NULL);
	CHECK_EQ(host_count("task"), 1);
	return 0;
}
