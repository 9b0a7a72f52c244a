/*
 * dbox_aio/glib.h: a context in a GLib main loop (GLib 2.36 or newer).
 *
 *	struct dbox_aio_glib *adapter;
 *
 *	dbox_aio_glib_attach(&adapter, ctx, NULL, failed, NULL);
 *	g_main_loop_run(loop);		runs the callbacks of requests
 *	dbox_aio_glib_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 */
#ifndef DBOX_AIO_GLIB_H
#define DBOX_AIO_GLIB_H

#include <glib.h>
#include <dbox_aio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dbox_aio_glib {
	/* All but its priority and name is the adapter's. GLib holds
	   references of its own to it while it needs it. */
	GSource source;
	gpointer tag;
	struct dbox_aio *ctx;		/* NULL: detached */
	void (*failed)(int status, void *context);
	void *context;
};

static __inline__ gboolean
dbox_aio_glib_ready(GSource *source, GSourceFunc unused, gpointer unused_data)
{
	struct dbox_aio_glib *adapter = (struct dbox_aio_glib *)source;
	int ret = DBOX_AIO_EINVAL;

	(void)unused;
	(void)unused_data;
	if (g_source_query_unix_fd(source, adapter->tag) == G_IO_IN)
		ret = dbox_aio_dispatch(adapter->ctx, 0);
	if (ret >= 0 || ret == DBOX_AIO_EDEADLK)
		return TRUE;
	/* A callback may have detached the adapter. */
	if (ret != DBOX_AIO_ESHUTDOWN && adapter->ctx != NULL &&
	    adapter->failed != NULL)
		adapter->failed(ret, adapter->context);
	return FALSE;
}

/* Makes the main context (NULL: the default one) dispatch ctx, until
   dbox_aio_glib_detach(). It is iterated in the thread of ctx.

   If dispatching fails for good (ETHREAD: the main context is iterated in
   another thread; EFORKED; EINTERNAL; EINVAL: the program closed the
   descriptor of ctx) the adapter stops watching and calls failed, once, which
   may detach it. failed may be NULL. If a callback calls dbox_aio_deinit() the
   adapter stops too, and does not call it.

   Returns 0, or what dbox_aio_fd() returns: EINVAL, ESHUTDOWN, ETHREAD,
   EFORKED. *adapter_r is NULL then. */
static __inline__ int
dbox_aio_glib_attach(struct dbox_aio_glib **adapter_r, struct dbox_aio *ctx,
		     GMainContext *main_context,
		     void (*failed)(int status, void *context), void *context)
{
	static GSourceFuncs funcs = {
		NULL, NULL, dbox_aio_glib_ready, NULL, NULL, NULL
	};
	struct dbox_aio_glib *adapter;
	GSource *source;
	const int fd = dbox_aio_fd(ctx);

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	source = g_source_new(&funcs, sizeof(*adapter));
	adapter = (struct dbox_aio_glib *)source;
	adapter->ctx = ctx;
	adapter->failed = failed;
	adapter->context = context;
	adapter->tag = g_source_add_unix_fd(source, fd, G_IO_IN);
	g_source_set_name(source, "dbox_aio");
	(void)g_source_attach(source, main_context);
	*adapter_r = adapter;
	return 0;
}

/* Takes ctx out of the main context, frees the adapter and sets *adapter to
   NULL; nothing if it is NULL. To be called before dbox_aio_deinit(); also
   inside callbacks and failed. Requests stay pending: ctx can be attached
   again, to any main context. */
static __inline__ void dbox_aio_glib_detach(struct dbox_aio_glib **adapter)
{
	struct dbox_aio_glib *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	old->ctx = NULL;
	g_source_destroy(&old->source);
	g_source_unref(&old->source);
}

#ifdef __cplusplus
}
#endif

#endif
