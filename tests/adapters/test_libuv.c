/* libuv. Its loop closes only if nothing is left in it. */
#include "fail_calloc.h"
#include <dbox_aio/libuv.h>
#undef calloc
#include "loop.h"

struct loop {
	uv_loop_t uv;
	uv_timer_t timer;
};

const char *const loop_variants[] = { "epoll", NULL };

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	(void)variant;
	LOOP_CHECK(uv_loop_init(&loop->uv) == 0);
	LOOP_CHECK(uv_timer_init(&loop->uv, &loop->timer) == 0);
	return loop;
}

void loop_free(struct loop *loop)
{
	uv_close((uv_handle_t *)&loop->timer, NULL);
	LOOP_CHECK(uv_run(&loop->uv, UV_RUN_DEFAULT) == 0);
	LOOP_CHECK(uv_loop_close(&loop->uv) == 0);
	free(loop);
}

void loop_forked(struct loop *loop)
{
	LOOP_CHECK(uv_loop_fork(&loop->uv) == 0);
}

static void timer_fired(uv_timer_t *timer)
{
	(void)timer;
}

void loop_round(struct loop *loop, int timeout_ms)
{
	LOOP_CHECK(uv_timer_start(&loop->timer, timer_fired,
				  (uint64_t)timeout_ms, 0) == 0);
	uv_run(&loop->uv, UV_RUN_ONCE);
	uv_timer_stop(&loop->timer);
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	struct dbox_aio_libuv *second;
	const int ret = dbox_aio_libuv_attach(
		(struct dbox_aio_libuv **)(void *)adapter_r, ctx, &loop->uv,
		failed, context);

	/* Not twice in one loop. */
	if (ret == 0) {
		LOOP_CHECK(dbox_aio_libuv_attach(&second, ctx, &loop->uv, NULL,
						 NULL) == DBOX_AIO_EALREADY);
		LOOP_CHECK(second == NULL);
	}
	return ret;
}

void loop_detach(struct adapter **adapter)
{
	dbox_aio_libuv_detach((struct dbox_aio_libuv **)(void *)adapter);
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

/* "uv_run() is not reentrant." */
int loop_nests(void)
{
	return 0;
}
