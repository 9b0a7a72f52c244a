/*
 * A host that leaves part of a request as malloc() gave it: memcheck must see
 * that the library looks at it, or it sees nothing.
 */
#include <stdlib.h>
#include "dbox_aio.h"

int main(void)
{
	struct dbox_aio_request *request = malloc(sizeof(*request));
	struct dbox_aio *ctx;

	if (request == NULL || dbox_aio_init(&ctx, NULL) < 0)
		return 0;
	request->struct_size = sizeof(*request);
	(void)dbox_aio_submit(ctx, request, 1, NULL);
	(void)dbox_aio_deinit(&ctx);
	free(request);
	return 0;
}
