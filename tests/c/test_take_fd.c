/* WANT_FD hands a descriptor over, once; what is not taken is closed. */
#include "check.h"

#include <pthread.h>

static void test_take(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	struct stat st, st_path;
	char byte;
	int fd;

	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_STATUS(dbox_aio_message_take_fd(outcome.message),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_message_take_fd(NULL), DBOX_AIO_EINVAL);
	outcome_clear(&outcome);
	mail_fds_settle(ctx, 0);

	request.flags = DBOX_AIO_WANT_FD;
	CHECK_STATUS(request_run(ctx, &request), 0);
	fd = dbox_aio_message_take_fd(outcome.message);
	CHECK(fd >= 0);
	CHECK_STATUS(dbox_aio_message_take_fd(outcome.message),
		     DBOX_AIO_EALREADY);
	CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(stat(path, &st_path), 0);
	CHECK_INT(st.st_ino, st_path.st_ino);
	CHECK_INT(read(fd, &byte, 1), 1);
	CHECK_INT(byte, '2');
	/* It is the caller's: it stays when the message goes. */
	outcome_clear(&outcome);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(mail_fds_open(), 1);
	CHECK_STATUS(dbox_aio_close_fd(ctx, fd), 0);
	mail_fds_settle(ctx, 0);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
	CHECK_STATUS(dbox_aio_close_fd(ctx, fd), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_close_fd(ctx, -1), DBOX_AIO_EINVAL);
}

/* Requests that share a read, and so a file, each get their own. */
static void test_own(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcomes[4];
	struct dbox_aio_request requests[4];
	int i, j, fds[4];

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < 4; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
		requests[i].flags = DBOX_AIO_WANT_FD;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 4, NULL), 4);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 4, -1) > 0);
	for (i = 0; i < 4; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		fds[i] = dbox_aio_message_take_fd(outcomes[i].message);
		CHECK(fds[i] >= 0);
		for (j = 0; j < i; j++)
			CHECK(fds[i] != fds[j]);
		outcome_clear(&outcomes[i]);
	}
	CHECK_INT(lseek(fds[0], 3, SEEK_SET), 3);
	CHECK_INT(lseek(fds[1], 0, SEEK_CUR), 0);
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

static void test_untaken(struct dbox_aio *ctx, const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, &outcome);
	int i;

	mail_fds_settle(ctx, 0);
	request.flags = DBOX_AIO_WANT_FD;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_INT(mail_fds_open(), 1);
	outcome_clear(&outcome);
	/* The context closes it, and says that it wants to. */
	CHECK(fd_readable(dbox_aio_fd(ctx), -1));
	for (i = 0; i < 200 && mail_fds_open() > 0; i++) {
		CHECK_STATUS(dbox_aio_dispatch(ctx, 0), 0);
		usleep(10000);
	}
	CHECK_INT(mail_fds_open(), 0);
}

static void test_after_deinit(const char *path)
{
	struct outcome taken = { 0 }, untaken = { 0 };
	struct dbox_aio_request request;
	struct dbox_aio *ctx = context_open(NULL);
	int i, fd, before = mail_fds_open();

	request = request_make(DBOX_AIO_READ, path, &taken);
	request.flags = DBOX_AIO_WANT_FD;
	CHECK_STATUS(request_run(ctx, &request), 0);
	request.context = &untaken;
	CHECK_STATUS(request_run(ctx, &request), 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	fd = dbox_aio_message_take_fd(taken.message);
	CHECK(fd >= 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_STATUS(dbox_aio_message_take_fd(taken.message),
		     DBOX_AIO_EALREADY);
	outcome_clear(&taken);
	outcome_clear(&untaken);
	close(fd);
	for (i = 0; i < 200 && mail_fds_open() > before; i++)
		usleep(10000);
	CHECK_INT(mail_fds_open(), before);
}

/* Messages that go on another thread while the context does. */
#define COUNT 60

static void *unref_all(void *arg)
{
	struct outcome *outcomes = arg;
	int i;

	for (i = 0; i < COUNT; i++)
		outcome_clear(&outcomes[i]);
	return NULL;
}

static void test_beside_deinit(const char *path)
{
	static struct outcome outcomes[COUNT];
	struct dbox_aio_request request;
	struct dbox_aio *ctx;
	pthread_t thread;
	int i, round, before = mail_fds_open();

	for (round = 0; round < 30; round++) {
		ctx = context_open(NULL);
		for (i = 0; i < COUNT; i++) {
			request = request_make(DBOX_AIO_READ, path,
					       &outcomes[i]);
			request.flags = DBOX_AIO_WANT_FD;
			CHECK_STATUS(request_run(ctx, &request), 0);
		}
		CHECK_INT(mail_fds_open(), before + COUNT);
		CHECK_INT(pthread_create(&thread, NULL, unref_all, outcomes),
			  0);
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
		pthread_join(thread, NULL);
		for (i = 0; i < 200 && mail_fds_open() > before; i++)
			usleep(10000);
		CHECK_INT(mail_fds_open(), before);
	}
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;
	const char *path;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_take(ctx, path);
	test_own(ctx, path);
	test_untaken(ctx, path);
	dbox_aio_deinit(&ctx);
	test_after_deinit(path);
	test_beside_deinit(path);
	return 0;
}
