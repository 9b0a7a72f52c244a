/*
 * Two threads are in one context at once, behind the back of the front, which
 * would not let them. The race detector must see that, or it sees nothing.
 */
#include "lib/front.h"

static void *submit_some(void *arg)
{
	struct dbox_core_request request = { .op = DBOX_AIO_STAT };
	struct dbox_aio *ctx = arg;
	uint32_t more;
	int i;

	request.path = "/dev/null";
	request.path_length = 9;
	for (i = 0; i < 1000; i++)
		(void)core.submit(ctx->handle, &request, 1, 0, NULL,
				  NULL, 0, &more);
	return NULL;
}

int main(void)
{
	struct dbox_aio *ctx;
	pthread_t thread;

	if (dbox_aio_init(&ctx, NULL) < 0 ||
	    pthread_create(&thread, NULL, submit_some, ctx) != 0)
		return 0;
	(void)submit_some(ctx);
	return pthread_join(thread, NULL);
}
