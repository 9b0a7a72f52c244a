/*
 * stats.c: what a context has done.
 */
#include "front.h"

#include <string.h>

int dbox_aio_get_stats(const struct dbox_aio *ctx,
		       struct dbox_aio_stats *stats_r)
{
	struct dbox_aio_stats stats;
	uint32_t size;
	sigset_t old;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (stats_r == NULL)
		return error_set(DBOX_AIO_EINVAL, "stats_r is NULL");
	size = stats_r->struct_size;
	if ((ret = struct_size_check("stats", size, sizeof(stats))) < 0)
		return ret;

	memset(&stats, 0, sizeof(stats));
	core_enter(&old);
	ret = core.stats(ctx->handle, &stats);
	core_leave(&old);
	if (ret < 0)
		return core_failed(ret);
	/* The core knows nothing of results that were taken from it and wait
	   for their callbacks here. */
	stats.pending = ctx->pending;
	stats.completed = stats.submitted - ctx->pending;
	stats.longest_submit_us = ctx->longest_submit_ns / 1000;
	stats.longest_dispatch_us = ctx->longest_dispatch_ns / 1000;
	stats.struct_size = size;
	memset(stats_r, 0, size);
	memcpy(stats_r, &stats, sizeof(stats));
	return 0;
}
