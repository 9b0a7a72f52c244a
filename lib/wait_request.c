/*
 * wait_request.c: waits for one request, and runs no callback but its own.
 */
#include "front.h"

struct waiting {
	struct dbox_aio *ctx;
	uint64_t id;
	unsigned int ran;       /* callbacks of the request */
	int cleared;            /* the event descriptor was readable */
	uint32_t more;
};

/* Returns what a callback that was just run leaves to return: 0 if it was the
   final one, DBOX_AIO_ESHUTDOWN if it called deinit, otherwise 1. */
static int waiting_run(struct waiting *waiting,
		       struct dbox_core_completion *completion)
{
	struct dbox_aio *ctx = waiting->ctx;
	int final;

	waiting->ran++;
	final = completion_run(ctx, completion);
	if (ctx->state != CONTEXT_LIVE) {
		if (ctx->depth == 0)
			context_finish(ctx);
		return error_set(DBOX_AIO_ESHUTDOWN,
				 "a callback called dbox_aio_deinit");
	}
	return final ? 0 : 1;
}

/* Runs what the dispatch that is running has taken of the request. */
static int waiting_run_taken(struct waiting *waiting)
{
	struct dbox_aio *ctx = waiting->ctx;
	struct dbox_core_completion *completion;
	unsigned int i;
	int ret;

	for (i = ctx->out_next; i < ctx->out_count; i++) {
		completion = &ctx->out[i];
		if (completion->callback == 0 ||
		    completion->result.id != waiting->id)
			continue;
		if ((ret = waiting_run(waiting, completion)) <= 0)
			return ret;
	}
	return 1;
}

static int waiting_take(struct waiting *waiting, uint64_t deadline)
{
	struct dbox_aio *ctx = waiting->ctx;
	struct dbox_core_completion completion;
	sigset_t old;
	int ret, late = 0;

	for (;;) {
		waiting->cleared |= event_clear(ctx->event_fd);
		waiting->more = 0;
		core_enter(&old);
		ret = core.take(ctx->handle, waiting->id, &completion,
				ctx->stall_ns, &waiting->more);
		core_leave(&old);
		if (ret == DBOX_AIO_ENOENT && waiting->ran > 0) {
			/* A callback of the request has itself waited for the
			   rest, and what that has signalled was cleared. */
			waiting->more = DBOX_CORE_MORE_RESULTS;
			return 0;
		}
		if (ret == DBOX_AIO_ENOENT)
			return error_set(ret, "there is no such request, or "
					 "it was called back already");
		if (ret < 0)
			return core_failed(ret);
		if (ret > 0) {
			if ((ret = waiting_run(waiting, &completion)) <= 0)
				return ret;
			continue;
		}
		if (late)
			return error_set(DBOX_AIO_ETIMEDOUT,
				"the request is still pending");
		if ((waiting->more & DBOX_CORE_MORE_WORK) == 0 &&
		    (ret = event_wait(ctx->event_fd, deadline)) < 0)
			return ret;
		/* One more look: it may have come in the last moment. */
		late = clock_ns() >= deadline;
	}
}

int dbox_aio_wait_request(struct dbox_aio *ctx, uint64_t id, int timeout_ms)
{
	struct waiting waiting = { ctx, id, 0, 0, 0 };
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (timeout_ms < -1)
		return error_set(DBOX_AIO_EINVAL,
				 "timeout_ms is less than -1");
	if (id == 0)
		return error_set(DBOX_AIO_ENOENT, "no request has the id 0");
	ret = waiting_run_taken(&waiting);
	if (ret > 0)
		ret = waiting_take(&waiting, clock_deadline(timeout_ms));
	if (ret == DBOX_AIO_ESHUTDOWN)
		return ret;

	/* What was cleared may have been another request's. One signal is for
	   all of it. */
	if (waiting.cleared && ret < 0 && ret != DBOX_AIO_ETIMEDOUT)
		waiting.more |= DBOX_CORE_MORE_WORK;
	ctx->out_more |= waiting.more;
	if (waiting.more != 0 ||
	    (waiting.cleared && ctx->out_next < ctx->out_count))
		event_signal(ctx->event_fd);
	event_signal_room(ctx);
	return ret;
}
