/*
 * A host that gives submit room for one id and has two requests: the core, in
 * Go, writes behind it. The sanitizer must see that, or it sees nothing.
 */
#include <stdlib.h>
#include "dbox_aio.h"

static void ignore(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	(void)ctx;
	(void)result;
}

int main(void)
{
	struct dbox_aio_request requests[2] = {
		DBOX_AIO_REQUEST_INIT, DBOX_AIO_REQUEST_INIT
	};
	uint64_t *ids = malloc(sizeof(*ids));
	struct dbox_aio *ctx;
	int i;

	if (ids == NULL || dbox_aio_init(&ctx, NULL) < 0)
		return 0;
	for (i = 0; i < 2; i++) {
		requests[i].op = DBOX_AIO_STAT;
		requests[i].path = "/dev/null";
		requests[i].callback = ignore;
	}
	(void)dbox_aio_submit(ctx, requests, 2, ids);
	(void)dbox_aio_deinit(&ctx);
	free(ids);
	return 0;
}
