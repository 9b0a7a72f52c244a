/* libevent, with each way of waiting that it has on Linux. */
#include "fail_calloc.h"
#include <dbox_aio/libevent.h>
#undef calloc
#include <string.h>
#include "loop.h"

struct loop {
	struct event_base *base;
	struct event *timer;
};

const char *const loop_variants[] = { "epoll", "poll", "select", NULL };

static void timer_fired(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
}

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();
	unsigned int i;

	for (i = 0; loop_variants[i] != NULL; i++) {
		if (i != variant)
			event_config_avoid_method(config, loop_variants[i]);
	}
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	LOOP_CHECK(loop->base != NULL);
	LOOP_CHECK(strcmp(event_base_get_method(loop->base),
			  loop_variants[variant]) == 0);
	loop->timer = event_new(loop->base, -1, 0, timer_fired, NULL);
	return loop;
}

void loop_free(struct loop *loop)
{
	/* 1: there is no event left */
	LOOP_CHECK(event_base_dispatch(loop->base) == 1);
	event_free(loop->timer);
	event_base_free(loop->base);
	libevent_global_shutdown();
	free(loop);
}

void loop_forked(struct loop *loop)
{
	LOOP_CHECK(event_reinit(loop->base) == 0);
}

void loop_round(struct loop *loop, int timeout_ms)
{
	struct timeval timeout;

	timeout.tv_sec = timeout_ms / 1000;
	timeout.tv_usec = timeout_ms % 1000 * 1000;
	LOOP_CHECK(event_add(loop->timer, &timeout) == 0);
	LOOP_CHECK(event_base_loop(loop->base, EVLOOP_ONCE) == 0);
	event_del(loop->timer);
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	return dbox_aio_libevent_attach((struct dbox_aio_libevent **)(void *)
					adapter_r, ctx, loop->base, failed,
					context);
}

void loop_detach(struct adapter **adapter)
{
	dbox_aio_libevent_detach((struct dbox_aio_libevent **)(void *)adapter);
}

int loop_fail_allocation(void)
{
	calloc_fails = 1;
	return 1;
}

int loop_tells_closed(unsigned int variant)
{
	(void)variant;
	return 0;
}

/* "Only one event_base_loop can run on each event_base at once." */
int loop_nests(void)
{
	return 0;
}
