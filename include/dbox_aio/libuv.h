/*
 * dbox_aio/libuv.h: a context in a libuv loop (libuv 1).
 *
 *	struct dbox_aio_libuv *adapter;
 *
 *	dbox_aio_libuv_attach(&adapter, ctx, uv_default_loop(), failed, NULL);
 *	uv_run(uv_default_loop(), UV_RUN_DEFAULT);	runs the callbacks
 *	dbox_aio_libuv_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 *	uv_run(uv_default_loop(), UV_RUN_DEFAULT);	ends the detaching
 */
#ifndef DBOX_AIO_LIBUV_H
#define DBOX_AIO_LIBUV_H

#include <stdlib.h>
#include <uv.h>
#include <dbox_aio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dbox_aio_libuv {
	/* The adapter's, but for uv_ref() and uv_unref(). */
	uv_poll_t poll;
	int closed;			/* libuv is done with poll */
	struct dbox_aio *ctx;		/* NULL: detached */
	void (*failed)(int status, void *context);
	void *context;
};

static __inline__ void dbox_aio_libuv_closed(uv_handle_t *handle)
{
	struct dbox_aio_libuv *adapter = (struct dbox_aio_libuv *)handle->data;

	adapter->closed = 1;
	if (adapter->ctx == NULL)
		free(adapter);
}

/* libuv keeps the handle, and so the adapter, until this has returned. */
static __inline__ void
dbox_aio_libuv_ready(uv_poll_t *poll, int status, int events)
{
	struct dbox_aio_libuv *adapter = (struct dbox_aio_libuv *)poll->data;
	int ret = DBOX_AIO_EINVAL;

	(void)events;
	if (status == 0)
		ret = dbox_aio_dispatch(adapter->ctx, 0);
	/* A callback may have detached the adapter. */
	if (ret < 0 && ret != DBOX_AIO_EDEADLK && adapter->ctx != NULL) {
		/* At once: the next descriptor may get the same number, which
		   closing the handle later would take out of the loop. */
		uv_close((uv_handle_t *)poll, dbox_aio_libuv_closed);
		if (ret != DBOX_AIO_ESHUTDOWN && adapter->failed != NULL)
			adapter->failed(ret, adapter->context);
	}
}

/* Makes the loop dispatch the context, until dbox_aio_libuv_detach(). The loop
   runs in the context's thread; an attached context keeps uv_run() running
   (uv_unref() if it should not).

   If dispatching fails for good (ETHREAD: the loop runs in another thread;
   EFORKED; EINTERNAL; EINVAL: the loop can't watch the descriptor any more) the
   adapter stops watching and calls failed, once, which may detach it. failed
   may be NULL. If a callback calls dbox_aio_deinit() the adapter stops too, and
   does not call it.

   Returns 0. ENOMEM, or what dbox_aio_fd() returns: EINVAL, ESHUTDOWN,
   ETHREAD, EFORKED. EALREADY: it is attached to this loop. *adapter_r is NULL
   then. */
static __inline__ int
dbox_aio_libuv_attach(struct dbox_aio_libuv **adapter_r, struct dbox_aio *ctx,
		      uv_loop_t *loop,
		      void (*failed)(int status, void *context),
		      void *context)
{
	struct dbox_aio_libuv *adapter;
	const int fd = dbox_aio_fd(ctx);
	int ret;

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	adapter = (struct dbox_aio_libuv *)calloc(1, sizeof(*adapter));
	if (adapter == NULL)
		return DBOX_AIO_ENOMEM;
	adapter->ctx = ctx;
	adapter->failed = failed;
	adapter->context = context;
	ret = uv_poll_init(loop, &adapter->poll, fd);
	if (ret < 0) {
		/* nothing of it is in the loop yet */
		free(adapter);
		return ret == UV_EEXIST ? DBOX_AIO_EALREADY : DBOX_AIO_ENOMEM;
	}
	adapter->poll.data = adapter;
	/* can't fail: the handle is not closing */
	(void)uv_poll_start(&adapter->poll, UV_READABLE,
			    dbox_aio_libuv_ready);
	*adapter_r = adapter;
	return 0;
}

/* Takes the context out of the loop and sets *adapter to NULL; nothing if it
   is NULL. libuv lets go of its handle, and the adapter is freed, in the loop's
   next round: run it once more before uv_loop_close(). To be called before
   dbox_aio_deinit(); also inside callbacks and failed. Requests stay pending:
   the context can be attached again at once, to any loop. */
static __inline__ void dbox_aio_libuv_detach(struct dbox_aio_libuv **adapter)
{
	struct dbox_aio_libuv *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	old->ctx = NULL;
	if (old->closed)
		free(old);
	else if (!uv_is_closing((uv_handle_t *)&old->poll))
		uv_close((uv_handle_t *)&old->poll, dbox_aio_libuv_closed);
}

#ifdef __cplusplus
}
#endif

#endif
