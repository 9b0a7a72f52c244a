/*
 * dispatch.c: moves work on and runs callbacks.
 */
#include "front.h"

#include <errno.h>

/* What came too late, because deinit was called. */
static void completion_void(struct dbox_aio_result *result)
{
	dbox_aio_message_unref(&result->message);
	result->status = DBOX_AIO_ESHUTDOWN;
	result->flags = 0;
	result->sys_errno = 0;
	result->detail = NULL;
}

int completion_run(struct dbox_aio *ctx,
		   struct dbox_core_completion *completion)
{
	struct dbox_aio_result *result = &completion->result;
	dbox_aio_callback_t *callback =
		(dbox_aio_callback_t *)(uintptr_t)completion->callback;
	struct dbox_aio_file *file = result->file;
	struct dbox_aio_message *message;
	const int more = (result->flags & DBOX_AIO_MORE) != 0;

	completion->callback = 0;
	if (ctx->state != CONTEXT_LIVE) {
		completion_void(result);
		/* The final callback is the one that tells. */
		if (more)
			return 0;
	}
	if (file != NULL && file->closed)
		result->file = NULL;
	if (!more) {
		ctx->pending--;
		if (file != NULL)
			file_unref_request(file);
	}
	message = result->message;
	result->struct_size = sizeof(*result);
	ctx->depth++;
	callback(ctx, result);
	ctx->depth--;
	dbox_aio_message_unref(&message);
	return !more;
}

/* Runs what was taken from the core, max at most. Returns the number of
   callbacks, and adds the final ones to *finals. */
static unsigned int completions_run(struct dbox_aio *ctx, unsigned int max,
				    unsigned int *finals)
{
	struct dbox_core_completion *completion;
	unsigned int ran = 0;

	while (ctx->out_next < ctx->out_count && ran < max) {
		completion = &ctx->out[ctx->out_next++];
		if (completion->callback == 0)
			continue;
		ran++;
		if (completion_run(ctx, completion))
			++*finals;
		if (ctx->state != CONTEXT_LIVE)
			break;
	}
	return ran;
}

static int dispatch_doomed(struct dbox_aio *ctx)
{
	context_finish(ctx);
	return error_set(DBOX_AIO_ESHUTDOWN,
			 "a callback called dbox_aio_deinit");
}

/* As dbox_aio_dispatch() from the core on, after ran callbacks. */
static int dispatch_core(struct dbox_aio *ctx, unsigned int max,
			 unsigned int ran, unsigned int *finals)
{
	uint64_t begin, spent = 0;
	unsigned int want;
	uint32_t more = 0;
	sigset_t old;
	int ret, died = 0;

	for (;;) {
		want = DISPATCH_BATCH;
		if (max > 0 && max - ran < want)
			want = max - ran;
		begin = clock_ns();
		core_enter(&old);
		ret = core.dispatch(ctx->handle, ctx->out, want,
				    ctx->stall_ns - spent, &more);
		core_leave(&old);
		spent += clock_ns() - begin;
		if (ret == DBOX_AIO_EINTERNAL && !died) {
			/* It died of this call. Now it gives the requests
			   back. */
			died = 1;
			continue;
		}
		if (ret < 0) {
			ret = core_failed(ret);
			break;
		}
		ctx->out_next = 0;
		ctx->out_count = (unsigned int)ret;
		ran += completions_run(ctx, want, finals);
		if (ctx->state != CONTEXT_LIVE)
			return dispatch_doomed(ctx);
		if (more == 0)
			break;
		if (spent >= ctx->stall_ns || (max > 0 && ran >= max)) {
			event_signal(ctx->event_fd);
			break;
		}
	}
	call_time_add(&ctx->dispatches, spent);
	if (ret < 0) {
		/* It stays readable: nothing will ever come again. */
		event_signal(ctx->event_fd);
		if (ran == 0)
			return ret;
	}
	return (int)ran;
}

/* Runs what a submit has got ready. Returns 1 if that is all that the signals
   were for, 0 if the core is to be asked, or DBOX_AIO_ESHUTDOWN. */
static int dispatch_held(struct dbox_aio *ctx, unsigned int max,
			 uint64_t signals, unsigned int *ran_r,
			 unsigned int *finals)
{
	const uint32_t more = ctx->out_more;

	*ran_r = 0;
	if (ctx->out_next == ctx->out_count)
		return 0;
	ctx->out_more = DBOX_CORE_MORE_WORK;	/* for all of another signal */
	*ran_r = completions_run(ctx, max > 0 ? max : DISPATCH_BATCH, finals);
	if (ctx->state != CONTEXT_LIVE)
		return dispatch_doomed(ctx);
	if (ctx->out_next < ctx->out_count || (max > 0 && *ran_r >= max)) {
		event_signal(ctx->event_fd);
		return 1;
	}
	return signals == 1 && more == 0;
}

static int dispatch_ready(struct dbox_aio *ctx, unsigned int max,
			  unsigned int *finals)
{
	const uint64_t signals = event_clear(ctx->event_fd);
	unsigned int ran;
	int ret;

	if (signals == 0)
		return errno == EBADF ? event_closed() : 0;
	ret = dispatch_held(ctx, max, signals, &ran, finals);
	if (ret == DBOX_AIO_ESHUTDOWN)
		return ret;
	if (ret > 0) {
		call_time_add(&ctx->dispatches, 0);
		ret = (int)ran;
	} else {
		ret = dispatch_core(ctx, max, ran, finals);
	}
	if (ret != DBOX_AIO_ESHUTDOWN)
		event_signal_room(ctx);
	return ret;
}

int dbox_aio_dispatch(struct dbox_aio *ctx, unsigned int max)
{
	unsigned int finals = 0;
	int ret;

	if ((ret = context_check_idle(ctx)) < 0)
		return ret;
	return dispatch_ready(ctx, max, &finals);
}

int dbox_aio_wait(struct dbox_aio *ctx, unsigned int min_results,
		  int timeout_ms)
{
	unsigned int finals = 0;
	uint64_t deadline;
	int ret, total = 0;

	if ((ret = context_check_idle(ctx)) < 0)
		return ret;
	if (timeout_ms < -1)
		return error_set(DBOX_AIO_EINVAL,
				 "timeout_ms is less than -1");
	if (ctx->pending == 0)
		return 0;

	deadline = clock_deadline(timeout_ms);
	for (;;) {
		ret = dispatch_ready(ctx, 0, &finals);
		if (ret == DBOX_AIO_ESHUTDOWN)
			return ret;
		if (ret < 0)
			break;
		total += ret;
		if (finals >= min_results || ctx->pending == 0)
			return total;
		ret = event_wait(ctx->event_fd, deadline);
		if (ret <= 0 || clock_ns() >= deadline)
			break;
	}
	if (ret > 0) {
		/* Readable, but late: what is ready counts as in time. */
		ret = dispatch_ready(ctx, 0, &finals);
		if (ret > 0)
			total += ret;
	}
	if (ret == DBOX_AIO_ESHUTDOWN)
		return ret;
	return total > 0 || ret == 0 ? total : ret;
}
