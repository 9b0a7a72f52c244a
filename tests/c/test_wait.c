/* wait returns when there are enough results, no request is left, or the time
   is up. */
#include "check.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_counts(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcomes[10];
	struct dbox_aio_request requests[10];
	int i, ret;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 10; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	CHECK_INT(dbox_aio_wait(ctx, 1, -1), 0);
	CHECK_INT(dbox_aio_wait(ctx, 0, -1), 0);
	CHECK_INT(dbox_aio_wait(ctx, 100, 60000), 0);
	CHECK_STATUS(dbox_aio_wait(ctx, 1, -2), DBOX_AIO_EINVAL);

	/* More than there are. */
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 10, NULL), 10);
	CHECK_INT(dbox_aio_wait(ctx, 1000, -1), 10);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 10, NULL), 10);
	CHECK_INT(dbox_aio_wait(ctx, UINT_MAX, 60000), 10);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 10, NULL), 10);
	ret = dbox_aio_wait(ctx, 3, -1);
	CHECK(ret >= 3 && ret <= 10);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 0, 0) >= 0);
	for (i = 0; i < 10; i++) {
		CHECK_INT(outcomes[i].finals, 3);
		outcome_clear(&outcomes[i]);
	}
}

/* MORE is not a result that min_results counts. */
static void test_scan(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	const char *path = check_path("m.1");
	struct dbox_aio_request request =
		request_make(DBOX_AIO_SCAN, path, &outcome);
	struct image image;
	int i;

	image_begin(&image);
	for (i = 0; i < 200; i++)
		image_add_record(&image, "x", 1, METADATA);
	image_end(&image, path);
	request_submit(ctx, &request);
	CHECK_INT(dbox_aio_wait(ctx, 1, -1), 201);
	CHECK_INT(outcome.finals, 1);
	outcome_clear(&outcome);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signo CHECK_UNUSED)
{
	alarms++;
}

static void test_time(void)
{
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	struct sigaction action;
	struct blocked blocked;
	struct outcome outcome = { 0 };
	struct dbox_aio_request request;
	double begin;

	blocked_open(&blocked, NULL);
	request = blocked_request(&blocked, &outcome);
	request_submit(blocked.ctx, &request);
	begin = now();
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 0), 0);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 0, -1), 0);
	CHECK(now() - begin < 5);
	begin = now();
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 100), 0);
	CHECK(now() - begin >= 0.1);

	/* Signals neither end it nor make it longer. */
	memset(&action, 0, sizeof(action));
	action.sa_handler = count_alarm;
	CHECK_INT(sigaction(SIGALRM, &action, NULL), 0);
	CHECK_INT(setitimer(ITIMER_REAL, &every, NULL), 0);
	begin = now();
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, 200), 0);
	CHECK(now() - begin >= 0.2);
	CHECK(now() - begin < 10);
	CHECK_STATUS(dbox_aio_wait_request(blocked.ctx, outcome.id, 100),
		     DBOX_AIO_ETIMEDOUT);
	CHECK_INT(setitimer(ITIMER_REAL, &off, NULL), 0);
	CHECK(alarms > 10);

	CHECK_INT(dbox_aio_pending(blocked.ctx), 1);
	blocked_release(&blocked);
	CHECK_INT(dbox_aio_wait(blocked.ctx, 1, -1), 1);
	CHECK_STATUS(outcome.result.status, 0);
	outcome_clear(&outcome);
	dbox_aio_deinit(&blocked.ctx);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	const char *path;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	test_counts(ctx, path);
	test_scan(ctx);
	dbox_aio_deinit(&ctx);
	test_time();
	return 0;
}
