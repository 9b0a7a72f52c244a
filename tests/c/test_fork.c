/* A context is its process's. */
#include "check.h"

#include <sys/wait.h>

static const char *path;

static void child_check(pid_t pid)
{
	int status;

	CHECK(pid > 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		SKIP("no io_uring here");
	CHECK_INT(WEXITSTATUS(status), 0);
}

/* Reads in this process, which has not called init before. */
static void read_in_child(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	int i;

	for (i = 0; i < 50; i++) {
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		body_check(outcome.message, "hello");
	}
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	exit(0);
}

/* Linked, forked twice, and only then used; several at once. */
static void test_before_init(void)
{
	pid_t pids[8];
	int i, status;

	for (i = 0; i < 8; i++) {
		fflush(stdout);
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		pids[i] = fork();
		if (pids[i] == 0) {
			setsid();
			read_in_child();
		}
		waitpid(pids[i], &status, 0);
		_exit(WEXITSTATUS(status));
	}
	for (i = 0; i < 8; i++)
		child_check(pids[i]);
}

static void child_calls(struct dbox_aio *ctx, struct outcome *outcome,
			struct dbox_aio_file *file)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, outcome);
	struct dbox_aio_file *copy = file, *other;
	struct dbox_aio *none;
	int fds = fds_open();
	char text[300];

	CHECK_STATUS(dbox_aio_submit(ctx, &request, 1, NULL),
		     DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_wait(ctx, 1, -1), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_wait_request(ctx, outcome->id, -1),
		     DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_cancel(ctx, outcome->id), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_cancel_stream(ctx, 0), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_fd(ctx), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_pending(ctx), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &other),
		     DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_file_close(ctx, &copy), DBOX_AIO_EFORKED);
	CHECK_STATUS(dbox_aio_close_fd(ctx, 0), DBOX_AIO_EFORKED);
	CHECK(strcmp(dbox_aio_fallback_reason(ctx), "") == 0);
	CHECK_STATUS(dbox_aio_init(&none, NULL), DBOX_AIO_EFORKED);
	CHECK(none == NULL);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK(strstr(text, "fork") != NULL);

	/* A message that the parent held at the fork. */
	body_check(outcome->message, "hello");
	outcome_clear(outcome);

	CHECK_STATUS(dbox_aio_deinit(&ctx), DBOX_AIO_EFORKED);
	CHECK(ctx == NULL);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	CHECK(fds_open() < fds);
	exit(0);
}

static void test_after_init(void)
{
	struct dbox_aio_request requests[20];
	struct outcome outcome = { 0 }, outcomes[20];
	struct dbox_aio_file *file;
	struct dbox_aio *ctx = context_open(NULL);
	int i, round;
	pid_t pid;

	memset(outcomes, 0, sizeof(outcomes));
	CHECK_STATUS(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	for (round = 0; round < 10; round++) {
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		for (i = 0; i < 20; i++) {
			requests[i] = request_make(DBOX_AIO_READ, path,
						   &outcomes[i]);
			if (i % 2 == 0) {
				requests[i].path = NULL;
				requests[i].file = file;
			}
		}
		CHECK_STATUS(dbox_aio_submit(ctx, requests, 20, NULL), 20);
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			child_calls(ctx, &outcome, file);
		/* The parent is not disturbed, before or after the child's
		   end. */
		if (round % 2 == 0)
			child_check(pid);
		while (dbox_aio_pending(ctx) > 0)
			CHECK(dbox_aio_wait(ctx, 20, -1) >= 0);
		if (round % 2 == 1)
			child_check(pid);
		for (i = 0; i < 20; i++) {
			CHECK_INT(outcomes[i].finals, 1);
			CHECK_STATUS(outcomes[i].result.status, 0);
			outcome_clear(&outcomes[i]);
		}
		body_check(outcome.message, "hello");
	}
	outcome_clear(&outcome);

	/* A child that has closed everything and has other descriptors. */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (i = 3; i < 100; i++)
			close(i);
		for (i = 3; i < 60; i++)
			CHECK_INT(open("/dev/null", O_RDONLY), i);
		CHECK_STATUS(dbox_aio_deinit(&ctx), DBOX_AIO_EFORKED);
		for (i = 3; i < 60; i++)
			CHECK(fcntl(i, F_GETFD) >= 0);
		exit(0);
	}
	child_check(pid);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);

	/* Also when the parent has none any more. */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK_STATUS(dbox_aio_init(&ctx, NULL), DBOX_AIO_EFORKED);
		exit(0);
	}
	child_check(pid);
}

/* fork and exec while requests are in flight: nothing is inherited. */
static void test_exec(void)
{
	struct outcome outcomes[100];
	struct dbox_aio_request requests[100];
	struct dbox_aio *ctx;
	int i, fds = fds_open(), ours;
	char command[200];
	pid_t pid;

	memset(outcomes, 0, sizeof(outcomes));
	ctx = context_open(NULL);
	for (i = 0; i < 100; i++) {
		requests[i] = request_make(DBOX_AIO_READ, path, &outcomes[i]);
		requests[i].flags = DBOX_AIO_WANT_FD;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, 100, NULL), 100);
	CHECK(dbox_aio_dispatch(ctx, 30) >= 0);
	ours = fds_open();
	CHECK(ours > fds);
	/* ls has one more: the directory that it reads. */
	snprintf(command, sizeof(command),
		 "n=$(ls /proc/self/fd | wc -l); [ $n -le %d ]", 4 + 1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* What the test was started with is not the library's. */
		for (i = 3; i < 1000; i++) {
			int flags = fcntl(i, F_GETFD);

			if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
				struct stat st, mail;

				fstat(i, &st);
				stat(path, &mail);
				if ((st.st_dev == mail.st_dev &&
				     st.st_ino == mail.st_ino) ||
				    i == dbox_aio_fd(ctx))
					_exit(1);
				close(i);
			}
		}
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	child_check(pid);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 100, -1) >= 0);
	for (i = 0; i < 100; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		outcome_clear(&outcomes[i]);
	}
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_before_init();
	test_after_init();
	test_exec();
	return 0;
}
