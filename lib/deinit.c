/*
 * deinit.c: takes contexts down.
 */
#include "front.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void context_run_rest(struct dbox_aio *ctx)
{
	struct dbox_core_completion *completion;
	sigset_t old;
	int count;

	for (;;) {
		while (ctx->out_next < ctx->out_count) {
			completion = &ctx->out[ctx->out_next++];
			if (completion->callback != 0)
				(void)completion_run(ctx, completion);
		}
		core_enter(&old);
		count = core.shutdown(ctx->handle, ctx->out, DISPATCH_BATCH);
		core_leave(&old);
		if (count <= 0)
			break;
		ctx->out_next = 0;
		ctx->out_count = (unsigned int)count;
	}
}

void context_finish(struct dbox_aio *ctx)
{
	sigset_t old;

	ctx->state = CONTEXT_CLOSING;
	context_run_rest(ctx);
	core_enter(&old);
	(void)core.free(ctx->handle);
	core_leave(&old);
	(void)close(ctx->event_fd);
	context_free(ctx);
}

/* Closes a descriptor if it still is what it was: a child may have closed all
   that it inherited, and have others by now. */
static void inherited_close(int fd, const char *kind)
{
	char path[64], target[64];
	ssize_t length;

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	if (strcmp(target, kind) == 0)
		(void)close(fd);
}

int dbox_aio_deinit(struct dbox_aio **ctx)
{
	struct dbox_aio *old;
	int ret;

	if (ctx == NULL)
		return error_set(DBOX_AIO_EINVAL, "ctx is NULL");
	old = *ctx;
	if (old == NULL)
		return 0;
	ret = context_check_owner(old);
	if (ret == DBOX_AIO_ETHREAD)
		return ret;
	*ctx = NULL;
	if (ret < 0) {
		inherited_close(old->event_fd, "anon_inode:[eventfd]");
		inherited_close(old->core.ring_fd, "anon_inode:[io_uring]");
		context_free(old);
		return ret;
	}
	if ((ret = context_check(old)) < 0)
		return ret;
	if (old->depth > 0)
		old->state = CONTEXT_DOOMED;
	else
		context_finish(old);
	return 0;
}
