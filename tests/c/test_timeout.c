/* timeout_ms ends a request, and not before its time. */
#include "check.h"

#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct outcome quick = { 0 }, slow = { 0 }, never = { 0 };
	struct dbox_aio_request request;
	struct blocked blocked;
	double begin;

	check_begin(argc, argv);
	blocked_open(&blocked, NULL);
	begin = now();
	request = blocked_request(&blocked, &never);
	request_submit(blocked.ctx, &request);
	request = blocked_request(&blocked, &slow);
	request.timeout_ms = 200;
	request_submit(blocked.ctx, &request);
	request = blocked_request(&blocked, &quick);
	request.timeout_ms = 50;
	request_submit(blocked.ctx, &request);

	CHECK(fd_readable(dbox_aio_fd(blocked.ctx), -1));
	while (quick.finals == 0)
		CHECK(dbox_aio_wait(blocked.ctx, 1, -1) >= 0);
	CHECK(now() - begin >= 0.049);
	CHECK_STATUS(quick.result.status, DBOX_AIO_ETIMEDOUT);
	CHECK(quick.result.latency_us >= 49000);
	CHECK(quick.message == NULL);
	while (slow.finals == 0)
		CHECK(dbox_aio_wait(blocked.ctx, 1, -1) >= 0);
	CHECK(now() - begin >= 0.199);
	CHECK_STATUS(slow.result.status, DBOX_AIO_ETIMEDOUT);
	CHECK_INT(never.finals, 0);
	CHECK_STATUS(dbox_aio_get_stats(blocked.ctx, &stats), 0);
	CHECK_INT(stats.timed_out, 2);

	/* One that is quick enough. */
	blocked_release(&blocked);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, -1), 1);
	CHECK_STATUS(never.result.status, 0);
	outcome_clear(&never);
	request = blocked_request(&blocked, &quick);
	request.timeout_ms = 30000;
	CHECK_STATUS(request_run(blocked.ctx, &request), 0);
	outcome_clear(&quick);
	dbox_aio_deinit(&blocked.ctx);
	return 0;
}
