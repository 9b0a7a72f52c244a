/* A context is its thread's; several in several threads are independent. */
#include "check.h"

#include <pthread.h>

static const char *path;

struct foreign {
	struct dbox_aio *ctx;
	struct dbox_aio_file *file;
	struct dbox_aio_message *message;
	uint64_t id;
};

static void *foreign_thread(void *arg)
{
	struct foreign *foreign = arg;
	struct dbox_aio *ctx = foreign->ctx;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, NULL);
	struct dbox_aio_file *file = NULL;
	struct dbox_aio_message *message;
	int major, fd;
	char text[200];

	CHECK_INT(dbox_aio_last_error(text, sizeof(text)), 0);
	CHECK_INT(text[0], '\0');
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL),
		     DBOX_AIO_ETHREAD);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK_STATUS(dbox_aio_submit(ctx, &request, 0, NULL),
		     DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_wait(ctx, 0, 0), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_wait_request(ctx, foreign->id, 0),
		     DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_cancel(ctx, foreign->id), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, 0), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_fd(ctx), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_pending(ctx), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), DBOX_AIO_ETHREAD);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file),
		     DBOX_AIO_ETHREAD);
	file = foreign->file;
	CHECK_STATUS(dbox_aio_file_close(ctx, &file), DBOX_AIO_ETHREAD);
	CHECK(file == foreign->file);
	CHECK_STATUS(dbox_aio_close_fd(ctx, 0), DBOX_AIO_ETHREAD);
	CHECK(fcntl(0, F_GETFD) >= 0);
	CHECK(strcmp(dbox_aio_fallback_reason(ctx), "") == 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), DBOX_AIO_ETHREAD);
	CHECK(ctx == foreign->ctx);

	/* The exceptions. */
	message = dbox_aio_message_ref(foreign->message);
	body_check(message, "hello");
	fd = dbox_aio_message_take_fd(message);
	CHECK(fd >= 0);
	close(fd);
	dbox_aio_message_unref(&message);
	dbox_aio_version(&major, NULL, NULL);
	CHECK_INT(major, DBOX_AIO_VERSION_MAJOR);
	CHECK(dbox_aio_strerror(-1) != NULL);
	return NULL;
}

static void test_foreign(void)
{
	struct foreign foreign;
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	pthread_t thread;
	int i;

	/* Threads come and go, and may look like one that was there before. */
	foreign.ctx = context_open(NULL);
	CHECK_STATUS(dbox_aio_file_open(foreign.ctx, path, NULL,
					&foreign.file), 0);
	for (i = 0; i < 3; i++) {
		request.flags = DBOX_AIO_WANT_FD;
		CHECK_STATUS(request_run(foreign.ctx, &request), 0);
		foreign.message = outcome.message;
		foreign.id = outcome.id;
		CHECK_INT(pthread_create(&thread, NULL, foreign_thread,
					 &foreign), 0);
		pthread_join(thread, NULL);
	}
	CHECK_STATUS(read_run(foreign.ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&foreign.ctx), 0);
}

static void *own_thread(void *arg)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx;
	int i, round;

	(void)arg;
	for (round = 0; round < 3; round++) {
		ctx = context_open(NULL);
		for (i = 0; i < 100; i++) {
			CHECK_STATUS(read_run(ctx, path, &outcome), 0);
			body_check(outcome.message, "hello");
		}
		outcome_clear(&outcome);
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	}
	return NULL;
}

static void test_own(int count, size_t stack)
{
	pthread_t threads[8];
	pthread_attr_t attr;
	int i;

	pthread_attr_init(&attr);
	if (stack > 0)
		CHECK_INT(pthread_attr_setstacksize(&attr, stack), 0);
	for (i = 0; i < count; i++)
		CHECK_INT(pthread_create(&threads[i], &attr, own_thread,
					 NULL), 0);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_own(8, 0);         /* the first init of all, eight times at once */
	/* A small stack, if the platform has it. */
	test_own(2, 64 * 1024 < PTHREAD_STACK_MIN ?
		 (size_t)PTHREAD_STACK_MIN : 64 * 1024);
	test_foreign();
	return 0;
}
