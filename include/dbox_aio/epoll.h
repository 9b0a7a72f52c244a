/*
 * dbox_aio/epoll.h: a context in an epoll loop.
 *
 *	struct dbox_aio_epoll *adapter;
 *
 *	data.ptr = &adapter;		what the host tells its events by
 *	dbox_aio_epoll_attach(&adapter, ctx, epoll_fd, data);
 *	... epoll_wait() returned an event with data.ptr == &adapter:
 *	ret = dbox_aio_epoll_dispatch(adapter);
 *	...
 *	dbox_aio_epoll_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 */
#ifndef DBOX_AIO_EPOLL_H
#define DBOX_AIO_EPOLL_H

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <dbox_aio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dbox_aio_epoll {
	int epoll_fd;
	int fd;				/* -1: not watched any more */
	struct dbox_aio *ctx;		/* NULL: detached */
	unsigned int running;		/* calls that still need the struct */
};

static __inline__ void dbox_aio_epoll_stop(struct dbox_aio_epoll *adapter)
{
	/* Linux before 2.6.9 wanted one; so do checkers. */
	struct epoll_event unused;

	unused.events = 0;
	unused.data.ptr = NULL;
	if (adapter->fd >= 0)
		(void)epoll_ctl(adapter->epoll_fd, EPOLL_CTL_DEL, adapter->fd,
				&unused);
	adapter->fd = -1;
}

/* Adds the context's descriptor to epoll_fd, level-triggered, with this data
   in its events.

   Returns 0. ENOMEM: no memory, or the user has no watches left. EALREADY: it
   is attached to this epoll_fd. EINVAL: epoll_fd is none. Or what
   dbox_aio_fd() returns: EINVAL, ESHUTDOWN, ETHREAD, EFORKED. *adapter_r is
   NULL then. */
static __inline__ int
dbox_aio_epoll_attach(struct dbox_aio_epoll **adapter_r, struct dbox_aio *ctx,
		      int epoll_fd, epoll_data_t data)
{
	struct dbox_aio_epoll *adapter;
	struct epoll_event event;
	const int fd = dbox_aio_fd(ctx);

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	adapter = (struct dbox_aio_epoll *)calloc(1, sizeof(*adapter));
	if (adapter == NULL)
		return DBOX_AIO_ENOMEM;
	adapter->epoll_fd = epoll_fd;
	adapter->fd = fd;
	adapter->ctx = ctx;
	event.events = EPOLLIN;
	event.data = data;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
		*adapter_r = adapter;
		return 0;
	}
	free(adapter);
	switch (errno) {
	case EEXIST:
		return DBOX_AIO_EALREADY;
	case ENOMEM:
	case ENOSPC:
		return DBOX_AIO_ENOMEM;
	default:
		return DBOX_AIO_EINVAL;
	}
}

/* To be called for each of its events: runs callbacks. adapter may be NULL,
   as it is when it was detached after epoll_wait() had returned the event.

   Returns what dbox_aio_dispatch() returns; 0 if nothing is watched. After
   ESHUTDOWN the context is gone. After that and after the errors that don't
   pass (ETHREAD, EFORKED, EINTERNAL) the adapter watches no more; detach it. */
static __inline__ int dbox_aio_epoll_dispatch(struct dbox_aio_epoll *adapter)
{
	int ret;

	if (adapter == NULL || adapter->fd < 0)
		return 0;
	adapter->running++;
	ret = dbox_aio_dispatch(adapter->ctx, 0);
	/* A callback may have detached the adapter. */
	if (adapter->ctx == NULL || ret >= 0 || ret == DBOX_AIO_EDEADLK)
		;
	else if (ret == DBOX_AIO_ESHUTDOWN)
		/* Closed; the number may be another descriptor's by now. */
		adapter->fd = -1;
	else
		dbox_aio_epoll_stop(adapter);
	if (--adapter->running == 0 && adapter->ctx == NULL)
		free(adapter);
	return ret;
}

/* Takes the context out of the loop, frees the adapter and sets *adapter to
   NULL; nothing if it is NULL. To be called before dbox_aio_deinit() and before
   epoll_fd is closed; also inside callbacks. Requests stay pending: the
   context can be attached again, to any epoll_fd. */
static __inline__ void dbox_aio_epoll_detach(struct dbox_aio_epoll **adapter)
{
	struct dbox_aio_epoll *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	dbox_aio_epoll_stop(old);
	old->ctx = NULL;
	if (old->running == 0)
		free(old);
}

#ifdef __cplusplus
}
#endif

#endif
