/*
 * fd.c: closes descriptors without waiting for storage.
 */
#include "front.h"

#include <fcntl.h>

int dbox_aio_close_fd(struct dbox_aio *ctx, int fd)
{
	sigset_t old;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (fd < 0 || fcntl(fd, F_GETFD) < 0)
		return error_format(DBOX_AIO_EINVAL,
			"%d is not an open descriptor", fd);
	if (fd == ctx->event_fd || fd == ctx->core.ring_fd)
		return error_format(DBOX_AIO_EINVAL,
			"descriptor %d is the context's own", fd);
	core_enter(&old);
	ret = core.close_fd(ctx->handle, fd);
	core_leave(&old);
	return ret < 0 ? core_failed(ret) : 0;
}
