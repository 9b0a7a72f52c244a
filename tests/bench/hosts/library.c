/* library.c: a host that is linked to libdbox_aio, has read a few messages, and
   waits. Arguments: uring or threads, seconds, an sdbox file. */
#include <dbox_aio.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "idle.h"

#define READS 100

static void delivered(struct dbox_aio *ctx,
		      const struct dbox_aio_result *result)
{
	(void)ctx;
	if (result->status != DBOX_AIO_OK)
		errx(1, "%s", dbox_aio_strerror(result->status));
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx;
	int i;

	if (argc != 4)
		return 2;
	options.backend = strcmp(argv[1], "uring") == 0 ?
		DBOX_AIO_BACKEND_URING : DBOX_AIO_BACKEND_THREADS;
	if (dbox_aio_init(&ctx, &options) < 0)
		errx(1, "dbox_aio_init");
	idle_memory();
	request.op = DBOX_AIO_READ;
	request.path = argv[3];
	request.callback = delivered;
	for (i = 0; i < READS; i++) {
		if (dbox_aio_submit(ctx, &request, 1, NULL) != 1 ||
		    dbox_aio_wait(ctx, 1, -1) != 1)
			errx(1, "read");
	}
	idle_wakeups((unsigned int)atoi(argv[2]));
	return 0;
}
