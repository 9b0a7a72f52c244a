/*
 * context.c: whose a context is, and what state it is in.
 */
#include "front.h"

#include <stdlib.h>

static uint64_t thread_count;
static __thread uint64_t thread_own;

uint64_t thread_number(void)
{
	if (thread_own == 0)
		thread_own = __atomic_add_fetch(&thread_count, 1,
						__ATOMIC_RELAXED);
	return thread_own;
}

int context_check_owner(const struct dbox_aio *ctx)
{
	if (ctx == NULL)
		return error_set(DBOX_AIO_EINVAL, "the context is NULL");
	if (!process_is(ctx->pid))
		return error_set(DBOX_AIO_EFORKED,
			"the context belongs to the parent process: only "
			"dbox_aio_deinit may follow in a forked child");
	if (ctx->thread != thread_number())
		return error_set(DBOX_AIO_ETHREAD,
			"the context belongs to the thread that called "
			"dbox_aio_init: give each thread its own");
	return 0;
}

static int context_is_closing(void)
{
	return error_set(DBOX_AIO_ESHUTDOWN,
		"dbox_aio_deinit was called for this context");
}

int context_check(const struct dbox_aio *ctx)
{
	int ret;

	if ((ret = context_check_owner(ctx)) < 0)
		return ret;
	if (ctx->state != CONTEXT_LIVE)
		return context_is_closing();
	return 0;
}

int context_check_idle(const struct dbox_aio *ctx)
{
	int ret;

	if ((ret = context_check_owner(ctx)) < 0)
		return ret;
	if (ctx->state == CONTEXT_DOOMED)
		return context_is_closing();
	if (ctx->depth > 0)
		return error_set(DBOX_AIO_EDEADLK,
			"a callback of this context is running: use "
			"dbox_aio_wait_request there, or return first");
	return 0;
}

int core_failed(int status)
{
	if (status == DBOX_AIO_EINTERNAL)
		return error_set(status,
			"a bug in the library was caught and the context can't "
			"go on: deinit it and make a new one");
	return error_set(status, dbox_aio_strerror(status));
}

void context_free(struct dbox_aio *ctx)
{
	struct dbox_aio_file *file;

	while ((file = ctx->files) != NULL) {
		ctx->files = file->next;
		free(file);
	}
	free(ctx->batch);
	free(ctx);
}

int dbox_aio_fd(const struct dbox_aio *ctx)
{
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	return ctx->event_fd;
}

int dbox_aio_pending(const struct dbox_aio *ctx)
{
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	return (int)ctx->pending;
}

const char *dbox_aio_fallback_reason(const struct dbox_aio *ctx)
{
	if (context_check(ctx) < 0)
		return "";
	return ctx->core.fallback_reason;
}
