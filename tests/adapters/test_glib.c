/* GLib, with a main context of its own and with the default one. */
#include <dbox_aio/glib.h>
#include "loop.h"

struct loop {
	GMainContext *context;	/* NULL: the default one */
};

const char *const loop_variants[] = { "own", "default", NULL };

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = g_new0(struct loop, 1);

	if (variant == 0)
		loop->context = g_main_context_new();
	return loop;
}

void loop_free(struct loop *loop)
{
	LOOP_CHECK(!g_main_context_pending(loop->context));
	if (loop->context != NULL)
		g_main_context_unref(loop->context);
	g_free(loop);
}

void loop_forked(struct loop *loop)
{
	(void)loop;
}

static gboolean timer_fired(gpointer data)
{
	(void)data;
	return TRUE;
}

void loop_round(struct loop *loop, int timeout_ms)
{
	GSource *timer = g_timeout_source_new((guint)timeout_ms);

	g_source_set_callback(timer, timer_fired, NULL, NULL);
	g_source_attach(timer, loop->context);
	g_main_context_iteration(loop->context, TRUE);
	g_source_destroy(timer);
	g_source_unref(timer);
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	return dbox_aio_glib_attach((struct dbox_aio_glib **)(void *)
				    adapter_r, ctx, loop->context, failed,
				    context);
}

void loop_detach(struct adapter **adapter)
{
	dbox_aio_glib_detach((struct dbox_aio_glib **)(void *)adapter);
}

/* GLib ends the process then. */
int loop_fail_allocation(void)
{
	return 0;
}

int loop_tells_closed(unsigned int variant)
{
	(void)variant;
	return 1;
}

int loop_nests(void)
{
	return 1;
}
