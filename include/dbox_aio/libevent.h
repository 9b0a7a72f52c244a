/*
 * dbox_aio/libevent.h: a context in a libevent loop (libevent 2).
 *
 *	struct dbox_aio_libevent *adapter;
 *
 *	dbox_aio_libevent_attach(&adapter, ctx, base, failed, NULL);
 *	event_base_dispatch(base);	runs the callbacks of requests
 *	dbox_aio_libevent_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 */
#ifndef DBOX_AIO_LIBEVENT_H
#define DBOX_AIO_LIBEVENT_H

#include <stdlib.h>
#include <event2/event.h>
#include <dbox_aio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dbox_aio_libevent {
	/* All but the priority of event is the adapter's. */
	struct event *event;
	struct dbox_aio *ctx;		/* NULL: detached */
	unsigned int running;		/* calls that still need the struct */
	void (*failed)(int status, void *context);
	void *context;
};

static __inline__ void
dbox_aio_libevent_ready(evutil_socket_t fd, short what, void *data)
{
	struct dbox_aio_libevent *adapter = (struct dbox_aio_libevent *)data;
	int ret;

	(void)fd;
	(void)what;
	adapter->running++;
	ret = dbox_aio_dispatch(adapter->ctx, 0);
	/* A callback may have detached the adapter. */
	if (ret < 0 && ret != DBOX_AIO_EDEADLK && adapter->ctx != NULL) {
		(void)event_del(adapter->event);
		if (ret != DBOX_AIO_ESHUTDOWN && adapter->failed != NULL)
			adapter->failed(ret, adapter->context);
	}
	if (--adapter->running == 0 && adapter->ctx == NULL)
		free(adapter);
}

/* Makes the loop dispatch the context, until dbox_aio_libevent_detach(). The
   loop runs in the context's thread; an attached context keeps
   event_base_dispatch() running.

   If dispatching fails for good (ETHREAD: the loop runs in another thread;
   EFORKED; EINTERNAL) the adapter stops watching and calls failed, once, which
   may detach it. failed may be NULL. If a callback calls dbox_aio_deinit() the
   adapter stops too, and does not call it.

   Returns 0. ENOMEM: no memory, or libevent can't watch the descriptor, which
   it says by its log callback. What dbox_aio_fd() returns: EINVAL, ESHUTDOWN,
   ETHREAD, EFORKED. *adapter_r is NULL then. */
static __inline__ int
dbox_aio_libevent_attach(struct dbox_aio_libevent **adapter_r,
			 struct dbox_aio *ctx, struct event_base *base,
			 void (*failed)(int status, void *context),
			 void *context)
{
	struct dbox_aio_libevent *adapter;
	const int fd = dbox_aio_fd(ctx);

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	adapter = (struct dbox_aio_libevent *)calloc(1, sizeof(*adapter));
	if (adapter == NULL)
		return DBOX_AIO_ENOMEM;
	adapter->ctx = ctx;
	adapter->failed = failed;
	adapter->context = context;
	adapter->event = event_new(base, fd, EV_READ | EV_PERSIST,
				   dbox_aio_libevent_ready, adapter);
	if (adapter->event == NULL || event_add(adapter->event, NULL) < 0) {
		if (adapter->event != NULL)
			event_free(adapter->event);
		free(adapter);
		return DBOX_AIO_ENOMEM;
	}
	*adapter_r = adapter;
	return 0;
}

/* Takes the context out of the loop, frees the adapter and sets *adapter to
   NULL; nothing if it is NULL. To be called before dbox_aio_deinit() and before
   event_base_free(); also inside callbacks and failed. Requests stay pending:
   the context can be attached again, to any loop. */
static __inline__ void
dbox_aio_libevent_detach(struct dbox_aio_libevent **adapter)
{
	struct dbox_aio_libevent *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	event_free(old->event);
	old->ctx = NULL;
	if (old->running == 0)
		free(old);
}

#ifdef __cplusplus
}
#endif

#endif
