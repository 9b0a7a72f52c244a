/* libev, with each way of waiting that it has on Linux. */
#include "fail_calloc.h"
#include <dbox_aio/libev.h>
#undef calloc
#include "loop.h"

struct loop {
	struct ev_loop *ev;
};

const char *const loop_variants[] = { "epoll", "poll", "select", NULL };
static const unsigned int backends[] = {
	EVBACKEND_EPOLL, EVBACKEND_POLL, EVBACKEND_SELECT
};

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	loop->ev = ev_loop_new(backends[variant] | EVFLAG_NOENV);
	LOOP_CHECK(loop->ev != NULL);
	LOOP_CHECK(ev_backend(loop->ev) == backends[variant]);
	return loop;
}

void loop_free(struct loop *loop)
{
	ev_verify(loop->ev);
	/* Nothing is active: this does not wait. */
	LOOP_CHECK(ev_run(loop->ev, 0) == 0);
	ev_loop_destroy(loop->ev);
	free(loop);
}

void loop_forked(struct loop *loop)
{
	ev_loop_fork(loop->ev);
}

static void timer_fired(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)ev;
	(void)timer;
	(void)events;
}

void loop_round(struct loop *loop, int timeout_ms)
{
	ev_timer timer;

	ev_timer_init(&timer, timer_fired, timeout_ms / 1000.0, 0);
	ev_timer_start(loop->ev, &timer);
	ev_run(loop->ev, EVRUN_ONCE);
	ev_timer_stop(loop->ev, &timer);
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	return dbox_aio_libev_attach((struct dbox_aio_libev **)(void *)
				     adapter_r, ctx, loop->ev, failed, context);
}

void loop_detach(struct adapter **adapter)
{
	dbox_aio_libev_detach((struct dbox_aio_libev **)(void *)adapter);
}

int loop_fail_allocation(void)
{
	calloc_fails = 1;
	return 1;
}

/* Debian's ends the process then. */
int loop_tells_closed(unsigned int variant)
{
	(void)variant;
	return 0;
}

int loop_nests(void)
{
	return 1;
}
