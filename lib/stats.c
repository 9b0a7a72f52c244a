/*
 * stats.c: what a context has done.
 */
#include "front.h"

#include <string.h>

/* Of the struct before it had histograms of calls. */
#define STATS_SIZE_FIRST offsetof(struct dbox_aio_stats, submit_us)

void call_time_add(struct call_times *times, uint64_t ns)
{
	const uint64_t us = ns / 1000;
	unsigned int i = us == 0 ? 0 : 63 - (unsigned int)__builtin_clzll(us);

	if (ns > times->longest_ns)
		times->longest_ns = ns;
	times->calls[i < 32 ? i : 31]++;
}

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
	if (size != STATS_SIZE_FIRST &&
	    (ret = struct_size_check("stats", size, sizeof(stats))) < 0)
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
	stats.longest_submit_us = ctx->submits.longest_ns / 1000;
	stats.longest_dispatch_us = ctx->dispatches.longest_ns / 1000;
	memcpy(stats.submit_us, ctx->submits.calls, sizeof(stats.submit_us));
	memcpy(stats.dispatch_us, ctx->dispatches.calls,
	       sizeof(stats.dispatch_us));
	stats.struct_size = size;
	memset(stats_r, 0, size);
	memcpy(stats_r, &stats, size < sizeof(stats) ? size : sizeof(stats));
	return 0;
}
