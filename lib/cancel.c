/*
 * cancel.c: cancels requests.
 */
#include "front.h"

/* 1 if the result of the request waits for its callback in the dispatch that
   is running. */
static int result_is_taken(const struct dbox_aio *ctx, uint64_t id)
{
	const struct dbox_core_completion *completion;
	unsigned int i;

	for (i = ctx->out_next; i < ctx->out_count; i++) {
		completion = &ctx->out[i];
		if (completion->callback != 0 && completion->result.id == id &&
		    (completion->result.flags & DBOX_AIO_MORE) == 0)
			return 1;
	}
	return 0;
}

static int cancel_complete(void)
{
	return error_set(DBOX_AIO_EALREADY,
		"the request is complete: its callback comes with its result");
}

int dbox_aio_cancel(struct dbox_aio *ctx, uint64_t id)
{
	sigset_t old;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (id != 0 && result_is_taken(ctx, id))
		return cancel_complete();
	ret = DBOX_AIO_ENOENT;
	if (id != 0) {
		core_enter(&old);
		ret = core.cancel(ctx->handle, id);
		core_leave(&old);
	}
	if (ret == DBOX_AIO_EALREADY)
		return cancel_complete();
	if (ret == DBOX_AIO_ENOENT)
		return error_set(ret, "there is no such request, or it was "
				 "called back already");
	return ret < 0 ? core_failed(ret) : 0;
}

int dbox_aio_cancel_stream(struct dbox_aio *ctx, uint64_t stream)
{
	sigset_t old;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	core_enter(&old);
	ret = core.cancel_stream(ctx->handle, stream);
	core_leave(&old);
	return ret < 0 ? core_failed(ret) : ret;
}
