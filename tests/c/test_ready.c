/*
 * Results that were ready when submit returned: what may happen to them before
 * their callbacks, and that other things which want a dispatch are not lost
 * beside them.
 */
#include "check.h"

#include <pthread.h>

static const char *path;

static void submit_ready(struct dbox_aio *ctx, struct outcome *outcome)
{
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, outcome);

	request.stream = 7;
	request_submit(ctx, &request);
	CHECK(fd_readable(dbox_aio_fd(ctx), -1));
	CHECK_INT(outcome->calls, 0);
	CHECK_INT(dbox_aio_pending(ctx) > 0, 1);
}

static void loop_until(struct dbox_aio *ctx, const struct outcome *outcome)
{
	while (outcome->finals == 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* What is complete can't be cancelled. */
static void test_cancel(struct dbox_aio *ctx)
{
	struct outcome outcome = { 0 };
	int cancelled;

	submit_ready(ctx, &outcome);
	cancelled = dbox_aio_cancel(ctx, outcome.id);
	CHECK(cancelled == 0 || cancelled == DBOX_AIO_EALREADY);
	loop_until(ctx, &outcome);
	CHECK_STATUS(outcome.result.status,
		     cancelled == 0 ? DBOX_AIO_ECANCELED : DBOX_AIO_OK);
	CHECK_STATUS(dbox_aio_cancel(ctx, outcome.id), DBOX_AIO_ENOENT);
	outcome_clear(&outcome);

	submit_ready(ctx, &outcome);
	cancelled = dbox_aio_cancel_stream(ctx, 7);
	CHECK(cancelled == 0 || cancelled == 1);
	loop_until(ctx, &outcome);
	CHECK_STATUS(outcome.result.status,
		     cancelled == 1 ? DBOX_AIO_ECANCELED : DBOX_AIO_OK);
	outcome_clear(&outcome);
}

/* Each is waited for, in any order, among others that are ready. */
static void test_wait(struct dbox_aio *ctx)
{
	struct outcome outcomes[5];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 5; i++)
		submit_ready(ctx, &outcomes[i]);
	CHECK_STATUS(dbox_aio_wait_request(ctx, outcomes[3].id, -1), 0);
	CHECK_STATUS(dbox_aio_wait_request(ctx, outcomes[0].id, -1), 0);
	CHECK_INT(dbox_aio_pending(ctx), 3);
	CHECK_INT(outcomes[1].calls + outcomes[2].calls + outcomes[4].calls,
		  0);
	CHECK_INT(dbox_aio_wait(ctx, 3, -1), 3);
	for (i = 0; i < 5; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, DBOX_AIO_OK);
		outcome_clear(&outcomes[i]);
	}
}

/* One callback a dispatch, and the descriptor tells of the rest each time. */
static void test_max(struct dbox_aio *ctx)
{
	struct outcome outcomes[40];
	struct dbox_aio_request requests[40];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 40; i++)
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 40, NULL), 40);
	while ((i = dbox_aio_pending(ctx)) > 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 1) <= 1);
		CHECK(dbox_aio_pending(ctx) >= i - 1);
	}
	for (i = 0; i < 40; i++)
		outcome_clear(&outcomes[i]);
}

/* A request that waits for bytes goes on when they are freed, although what
   signalled that was cleared together with the signal of a ready result. */
static void *unref_thread(void *arg)
{
	struct dbox_aio_message *message = arg;

	dbox_aio_message_unref(&message);
	return NULL;
}

static void test_other_signal(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct outcome first = { 0 }, second = { 0 }, ready = { 0 };
	const char *big = check_path("u.big");
	struct dbox_aio_request request;
	struct dbox_aio_message *message;
	struct dbox_aio *ctx;
	pthread_t thread;
	int i;

	sdbox_write_big(big, 150 * 1024);
	options.max_bytes = 256 * 1024;
	ctx = context_open(&options);
	for (i = 0; i < 50; i++) {
		request = request_make(DBOX_AIO_READ, big, &first);
		request_submit(ctx, &request);
		loop_until(ctx, &first);
		CHECK_STATUS(first.result.status, DBOX_AIO_OK);
		message = dbox_aio_message_ref(first.message);
		outcome_clear(&first);
		request = request_make(DBOX_AIO_READ, big, &second);
		request_submit(ctx, &request);
		while (fd_readable(dbox_aio_fd(ctx), 20))
			CHECK_INT(dbox_aio_dispatch(ctx, 0), 0);

		submit_ready(ctx, &ready);
		CHECK(pthread_create(&thread, NULL, unref_thread,
				     message) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		loop_until(ctx, &ready);
		loop_until(ctx, &second);
		CHECK_STATUS(second.result.status, DBOX_AIO_OK);
		outcome_clear(&second);
		outcome_clear(&ready);
	}
	dbox_aio_deinit(&ctx);
}

/* What had to be read is not forgotten when one signal is for it, for a ready
   result, and cleared by a wait for a request that is gone. */
static void test_wait_gone(struct dbox_aio *ctx)
{
	struct outcome gone = { 0 }, ready = { 0 }, cold = { 0 };
	const char *cold_path = check_path("u.cold");
	struct dbox_aio_request requests[2];
	uint64_t gone_id;
	int i, fd;

	sdbox_write_big(cold_path, 200000);
	submit_ready(ctx, &gone);
	gone_id = gone.id;
	loop_until(ctx, &gone);
	outcome_clear(&gone);
	for (i = 0; i < 10; i++) {
		fd = open(cold_path, O_RDONLY);
		CHECK(fd >= 0 && fdatasync(fd) == 0);
		CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		close(fd);
		requests[0] = request_make(DBOX_AIO_READ, path, &ready);
		requests[1] = request_make(DBOX_AIO_READ, cold_path, &cold);
		CHECK_STATUS(dbox_aio_submit(ctx, requests, 2, NULL), 2);
		/* It has been read by then, most probably. */
		(void)usleep(20000);
		CHECK_STATUS(dbox_aio_wait_request(ctx, gone_id, 0),
			     DBOX_AIO_ENOENT);
		loop_until(ctx, &cold);
		loop_until(ctx, &ready);
		outcome_clear(&cold);
		outcome_clear(&ready);
	}
}

/* They are called back by deinit too, as all that is pending. */
static void test_deinit(void)
{
	struct dbox_aio *ctx = context_open(NULL);
	struct outcome outcomes[3];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 3; i++)
		submit_ready(ctx, &outcomes[i]);
	dbox_aio_deinit(&ctx);
	for (i = 0; i < 3; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, DBOX_AIO_ESHUTDOWN);
	}
}

/* A descriptor that the program has closed is an error, not silence. */
static void test_closed_descriptor(void)
{
	struct dbox_aio *ctx = context_open(NULL);

	close(dbox_aio_fd(ctx));
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EINVAL);
	dbox_aio_deinit(&ctx);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	ctx = context_open(NULL);
	test_cancel(ctx);
	test_wait(ctx);
	test_max(ctx);
	test_wait_gone(ctx);
	dbox_aio_deinit(&ctx);
	test_other_signal();
	test_deinit();
	test_closed_descriptor();
	return 0;
}
