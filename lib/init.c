/*
 * init.c: makes contexts.
 */
#include "front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MIB ((uint64_t)1024 * 1024)

static const struct {
	const char *name;
	size_t offset;
	uint32_t normal, min, max;
} option_limits[] = {
#define OPTION(name) #name, offsetof(struct dbox_aio_options, name)
	{ OPTION(queue_depth), 128, 1, 4096 },
	{ OPTION(max_pending), 65536, 1, 0xffffff },
	{ OPTION(max_workers), 64, 1, 1024 },
	{ OPTION(stall_us), 1000, 50, 10000000 }
#undef OPTION
};

static int options_check_limits(struct dbox_aio_options *options)
{
	uint32_t *value;
	size_t i;

	for (i = 0; i < sizeof(option_limits) / sizeof(option_limits[0]);
	     i++) {
		value = (uint32_t *)(void *)
			((char *)options + option_limits[i].offset);
		if (*value == 0)
			*value = option_limits[i].normal;
		if (*value < option_limits[i].min ||
		    *value > option_limits[i].max)
			return error_format(DBOX_AIO_EINVAL,
				"option %s is %u; it can be 0 (for %u) or %u "
				"to %u", option_limits[i].name, *value,
				option_limits[i].normal, option_limits[i].min,
				option_limits[i].max);
	}
	if (options->max_bytes == 0)
		options->max_bytes = 256 * MIB;
	if (options->max_bytes < MIB / 16 || options->max_bytes > MIB * MIB)
		return error_format(DBOX_AIO_EINVAL,
			"option max_bytes is %llu; it can be 0 (for 256 MiB) "
			"or 64 KiB to 1 TiB",
			(unsigned long long)options->max_bytes);
	if (options->backend > DBOX_AIO_BACKEND_THREADS)
		return error_format(DBOX_AIO_EINVAL,
			"option backend is %u, which is none of enum "
			"dbox_aio_backend", options->backend);
	return 0;
}

/* Copies the host's options and puts in the defaults. */
static int options_read(const struct dbox_aio_options *options,
			struct dbox_aio_options *copy_r)
{
	size_t size, known = sizeof(*copy_r);
	int ret;

	memset(copy_r, 0, sizeof(*copy_r));
	if (options != NULL) {
		size = options->struct_size;
		ret = struct_size_check("options", size, known);
		if (ret < 0)
			return ret;
		if (!struct_tail_is_zero(options, size, known))
			return error_set(DBOX_AIO_EINVAL,
				"an option is set that this version of the "
				"library does not know");
		memcpy(copy_r, options, size < known ? size : known);
	}
	return options_check_limits(copy_r);
}

static int context_start(struct dbox_aio *ctx,
			 const struct dbox_aio_options *options)
{
	struct dbox_core_options core_options;
	sigset_t old;
	int ret;

	ctx->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ctx->event_fd < 0 && (errno == EMFILE || errno == ENFILE))
		return error_format(DBOX_AIO_EMFILE,
			"can't create an eventfd: %s: raise RLIMIT_NOFILE",
			strerror(errno));
	if (ctx->event_fd < 0)
		return error_format(DBOX_AIO_ENOMEM,
			"can't create an eventfd: %s", strerror(errno));

	memset(&core_options, 0, sizeof(core_options));
	core_options.backend = options->backend;
	core_options.queue_depth = options->queue_depth;
	core_options.max_pending = options->max_pending;
	core_options.max_workers = options->max_workers;
	core_options.stall_ns = ctx->stall_ns;
	core_options.max_bytes = options->max_bytes;
	core_options.max_message_size = options->max_message_size;
	core_options.event_fd = ctx->event_fd;
	core_options.pid = (int32_t)ctx->pid;

	ctx->core.ring_fd = -1;
	core_enter(&old);
	ret = core.init(&core_options, &ctx->core);
	core_leave(&old);
	if (ret < 0) {
		(void)close(ctx->event_fd);
		if (ctx->core.error[0] == '\0')
			return core_failed(ret);
		return error_format(ret, "%.*s", (int)sizeof(ctx->core.error),
				    ctx->core.error);
	}
	ctx->handle = ctx->core.handle;
	return 0;
}

int dbox_aio_init(struct dbox_aio **ctx_r,
		  const struct dbox_aio_options *options)
{
	struct dbox_aio_options copy;
	struct dbox_aio *ctx;
	int ret;

	if (ctx_r == NULL)
		return error_set(DBOX_AIO_EINVAL, "ctx_r is NULL");
	*ctx_r = NULL;
	if ((ret = options_read(options, &copy)) < 0 ||
	    (ret = core_load()) < 0)
		return ret;

	ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return error_set(DBOX_AIO_ENOMEM, "no memory for a context");
	ctx->thread = thread_number();
	ctx->pid = getpid();
	ctx->max_pending = copy.max_pending;
	ctx->stall_ns = (uint64_t)copy.stall_us * 1000;
	if ((ret = context_start(ctx, &copy)) < 0) {
		free(ctx);
		return ret;
	}
	*ctx_r = ctx;
	return 0;
}
