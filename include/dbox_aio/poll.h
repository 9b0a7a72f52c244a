/*
 * dbox_aio/poll.h: a context in a poll() loop.
 *
 *	dbox_aio_poll_attach(&fds[0], ctx);
 *	while (poll(fds, count, -1) >= 0 || errno == EINTR) {
 *		ret = dbox_aio_poll_dispatch(&fds[0], ctx);
 *		...
 *	}
 *	dbox_aio_poll_detach(&fds[0]);
 *	dbox_aio_deinit(&ctx);
 */
#ifndef DBOX_AIO_POLL_H
#define DBOX_AIO_POLL_H

#include <poll.h>
#include <dbox_aio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *pollfd_r. It belongs to the host, which may move it. Returns 0;
   otherwise what dbox_aio_fd() returns: EINVAL, ESHUTDOWN, ETHREAD, EFORKED. */
static __inline__ int
dbox_aio_poll_attach(struct pollfd *pollfd_r, const struct dbox_aio *ctx)
{
	const int fd = dbox_aio_fd(ctx);

	if (fd < 0)
		return fd;
	pollfd_r->fd = fd;
	pollfd_r->events = POLLIN;
	pollfd_r->revents = 0;
	return 0;
}

/* To be called after poll(): runs callbacks if the descriptor was found
   readable. pollfd is not looked at once they run, so that they may move,
   detach and attach it.

   Returns what dbox_aio_dispatch() returns, 0 if the descriptor is not
   readable or detached, EINVAL if it is closed. After ESHUTDOWN the context
   is gone; after EINVAL, ETHREAD, EFORKED and EINTERNAL polling it is of no
   use, as it stays readable. Detach it in each of these cases, unless a
   callback did so and *pollfd is another's by now. */
static __inline__ int
dbox_aio_poll_dispatch(const struct pollfd *pollfd, struct dbox_aio *ctx)
{
	if (pollfd->fd < 0 || pollfd->revents == 0)
		return 0;
	if ((pollfd->revents & POLLIN) == 0)
		return DBOX_AIO_EINVAL;
	return dbox_aio_dispatch(ctx, 0);
}

/* Makes poll() ignore *pollfd. To be called before dbox_aio_deinit(); also
   inside callbacks. */
static __inline__ void dbox_aio_poll_detach(struct pollfd *pollfd)
{
	pollfd->fd = -1;
	pollfd->revents = 0;
}

#ifdef __cplusplus
}
#endif

#endif
