/*
 * dbox_aio/libev.h: a context in a libev loop.
 *
 *	struct dbox_aio_libev *adapter;
 *
 *	dbox_aio_libev_attach(&adapter, ctx, EV_DEFAULT, failed, NULL);
 *	ev_run(EV_DEFAULT, 0);		runs the callbacks of requests
 *	dbox_aio_libev_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 */
#ifndef DBOX_AIO_LIBEV_H
#define DBOX_AIO_LIBEV_H

#include <stdlib.h>
#include <ev.h>
#include <dbox_aio.h>

#if !EV_MULTIPLICITY
#error "dbox_aio/libev.h needs a libev with EV_MULTIPLICITY"
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct dbox_aio_libev {
	/* All but the priority of io is the adapter's. */
	ev_io io;
	struct ev_loop *loop;
	struct dbox_aio *ctx;		/* NULL: detached */
	unsigned int running;		/* calls that still need the struct */
	void (*failed)(int status, void *context);
	void *context;
};

static __inline__ void
dbox_aio_libev_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct dbox_aio_libev *adapter = (struct dbox_aio_libev *)io->data;
	int ret = DBOX_AIO_EINVAL;

	adapter->running++;
	if ((revents & EV_ERROR) == 0)
		ret = dbox_aio_dispatch(adapter->ctx, 0);
	/* A callback may have detached the adapter. */
	if (adapter->ctx == NULL)
		;
	else if (ret >= 0)
		ev_io_start(loop, io);
	else if (ret == DBOX_AIO_EDEADLK) {
		/* A callback runs the loop. Whoever called the callback goes
		   on with the rest; until then this would spin. */
		if (adapter->running > 1)
			ev_io_stop(loop, io);
	} else {
		ev_io_stop(loop, io);
		if (ret != DBOX_AIO_ESHUTDOWN && adapter->failed != NULL)
			adapter->failed(ret, adapter->context);
	}
	if (--adapter->running == 0 && adapter->ctx == NULL)
		free(adapter);
}

/* Makes the loop dispatch the context, until dbox_aio_libev_detach(). The loop
   runs in the context's thread; an attached context keeps ev_run() running
   (ev_unref() if it should not).

   If dispatching fails for good (ETHREAD: the loop runs in another thread;
   EFORKED; EINTERNAL; EINVAL: the loop can't watch the descriptor any more) the
   adapter stops watching and calls failed, once, which may detach it. failed
   may be NULL. If a callback calls dbox_aio_deinit() the adapter stops too, and
   does not call it.

   Returns 0. ENOMEM, or what dbox_aio_fd() returns: EINVAL, ESHUTDOWN,
   ETHREAD, EFORKED. *adapter_r is NULL then. */
static __inline__ int
dbox_aio_libev_attach(struct dbox_aio_libev **adapter_r, struct dbox_aio *ctx,
		      struct ev_loop *loop,
		      void (*failed)(int status, void *context),
		      void *context)
{
	struct dbox_aio_libev *adapter;
	const int fd = dbox_aio_fd(ctx);

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	adapter = (struct dbox_aio_libev *)calloc(1, sizeof(*adapter));
	if (adapter == NULL)
		return DBOX_AIO_ENOMEM;
	adapter->loop = loop;
	adapter->ctx = ctx;
	adapter->failed = failed;
	adapter->context = context;
	ev_io_init(&adapter->io, dbox_aio_libev_ready, fd, EV_READ);
	adapter->io.data = adapter;
	ev_io_start(loop, &adapter->io);
	*adapter_r = adapter;
	return 0;
}

/* Takes the context out of the loop, frees the adapter and sets *adapter to
   NULL; nothing if it is NULL. To be called before dbox_aio_deinit() and before
   the loop is destroyed; also inside callbacks and failed. Requests stay
   pending: the context can be attached again, to any loop. */
static __inline__ void dbox_aio_libev_detach(struct dbox_aio_libev **adapter)
{
	struct dbox_aio_libev *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	ev_io_stop(old->loop, &old->io);
	old->ctx = NULL;
	if (old->running == 0)
		free(old);
}

#ifdef __cplusplus
}
#endif

#endif
