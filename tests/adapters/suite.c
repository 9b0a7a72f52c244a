/*
 * suite.c: what every adapter has to do, whatever the loop. Results come
 * through the loop and only through it.
 */
#include "suite.h"

struct loop *loop;

void loop_failed(const char *file, int line, const char *what)
{
	check_fail(file, line, "%s", what);
}

void failed_count(int status, void *context)
{
	struct failures *failures = context;

	failures->count++;
	failures->status = status;
}

void counted(struct dbox_aio *ctx CHECK_UNUSED,
	     const struct dbox_aio_result *result)
{
	struct user *user = result->context;

	user->callbacks++;
	if (result->status == 0)
		user->good++;
	else if (result->status == DBOX_AIO_ESHUTDOWN)
		user->shut++;
	if (user->then != NULL)
		user->then(user);
}

void user_open(struct user *user, struct dbox_aio_options *options)
{
	memset(user, 0, sizeof(*user));
	user->ctx = context_open(options);
	user_attach(user);
}

void user_attach(struct user *user)
{
	CHECK_STATUS(loop_attach(&user->adapter, user->ctx, loop,
				 failed_count, &user->failures), 0);
	CHECK(user->adapter != NULL);
}

void user_close(struct user *user)
{
	loop_detach(&user->adapter);
	CHECK(user->adapter == NULL);
	CHECK_STATUS(dbox_aio_deinit(&user->ctx), 0);
	/* Once more does nothing. */
	loop_detach(&user->adapter);
}

void user_submit(struct user *user, unsigned int count)
{
	struct dbox_aio_request requests[REQUESTS_MAX];
	unsigned int i;

	CHECK(count <= REQUESTS_MAX);
	for (i = 0; i < count; i++) {
		requests[i] = request_make(DBOX_AIO_READ, check_path("u.1"),
					   NULL);
		requests[i].context = user;
		requests[i].callback = counted;
	}
	CHECK_STATUS(dbox_aio_submit(user->ctx, requests, count, NULL),
		     (int)count);
}

void user_run(struct user *user, unsigned int callbacks)
{
	while (user->callbacks < callbacks)
		loop_round(loop, 1000);
	CHECK_INT(user->callbacks, callbacks);
	CHECK_INT(user->failures.count, 0);
}

/* Rounds in which nothing is to happen. */
void loop_idle(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		loop_round(loop, 5);
}

static void test_reads(void)
{
	struct user user;

	user_open(&user, NULL);
	user_submit(&user, 100);
	user_run(&user, 100);
	CHECK_INT(user.good, 100);
	/* A loop that has nothing to do sleeps. */
	loop_idle();
	CHECK(!fd_readable(dbox_aio_fd(user.ctx), 0));
	user_submit(&user, 1);
	user_run(&user, 101);
	user_close(&user);
}

/* What a dispatch leaves, because its time is over, comes in later rounds. */
static void test_leftovers(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct user user;
	unsigned int i;

	options.stall_us = 50;
	user_open(&user, &options);
	for (i = 0; i < 10; i++)
		user_submit(&user, REQUESTS_MAX);
	user_run(&user, 10 * REQUESTS_MAX);
	CHECK_INT(user.good, 10 * REQUESTS_MAX);
	user_close(&user);
}

/* What is ready before the context is in the loop is not lost. */
static void test_late_attach(void)
{
	struct user user;

	memset(&user, 0, sizeof(user));
	user.ctx = context_open(NULL);
	user_submit(&user, 10);
	CHECK(fd_readable(dbox_aio_fd(user.ctx), 10000));
	user_attach(&user);
	user_run(&user, 10);
	user_close(&user);
}

static void test_detach_attach(void)
{
	struct user user;
	unsigned int i;

	user_open(&user, NULL);
	for (i = 1; i <= 10; i++) {
		user_submit(&user, 5);
		loop_detach(&user.adapter);
		CHECK(user.adapter == NULL);
		CHECK(fd_readable(dbox_aio_fd(user.ctx), 10000));
		loop_idle();
		CHECK_INT(user.callbacks, (i - 1) * 5);
		CHECK_INT(dbox_aio_pending(user.ctx), 5);
		user_attach(&user);
		user_run(&user, i * 5);
	}
	user_close(&user);
}

/* The host may wait by itself as well. */
static void test_wait(void)
{
	struct user user;

	user_open(&user, NULL);
	user_submit(&user, 20);
	CHECK(dbox_aio_wait(user.ctx, 20, 10000) > 0);
	CHECK_INT(user.callbacks, 20);
	loop_idle();
	user_submit(&user, 1);
	user_run(&user, 21);
	user_close(&user);
}

static void test_two(void)
{
	struct user a, b;
	unsigned int i;

	user_open(&a, NULL);
	user_open(&b, NULL);
	for (i = 1; i <= 20; i++) {
		user_submit(&a, 10);
		user_submit(&b, 3);
		user_run(&a, i * 10);
		user_run(&b, i * 3);
	}
	user_close(&a);
	/* the other one does not notice */
	user_submit(&b, 3);
	user_run(&b, 63);
	user_close(&b);
}

/* Descriptors get the numbers of others that were closed. */
static void test_numbers(void)
{
	struct user user;
	unsigned int i;
	int fd = -1, same = 0;

	for (i = 0; i < 20; i++) {
		user_open(&user, NULL);
		if (dbox_aio_fd(user.ctx) == fd)
			same++;
		fd = dbox_aio_fd(user.ctx);
		user_submit(&user, 3);
		user_run(&user, 3);
		user_close(&user);
	}
	CHECK(same > 0);
}

/* Bytes that another thread releases make the loop go on. */
static void *release_in_thread(void *data)
{
	usleep(20000);
	blocked_release(data);
	return NULL;
}

static void test_release(void)
{
	struct dbox_aio_request request;
	struct blocked blocked;
	struct outcome outcome = { 0 };
	struct adapter *adapter;
	pthread_t thread;

	blocked_open(&blocked, NULL);
	CHECK_STATUS(loop_attach(&adapter, blocked.ctx, loop, NULL, NULL), 0);
	request = blocked_request(&blocked, &outcome);
	request_submit(blocked.ctx, &request);
	loop_idle();
	CHECK_INT(outcome.calls, 0);
	CHECK_INT(pthread_create(&thread, NULL, release_in_thread, &blocked),
		  0);
	while (outcome.calls == 0)
		loop_round(loop, 1000);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_STATUS(outcome.result.status, 0);
	outcome_clear(&outcome);
	loop_detach(&adapter);
	CHECK_STATUS(dbox_aio_deinit(&blocked.ctx), 0);
}

static void run_variant(unsigned int variant)
{
	loop = loop_new(variant);
	test_reads();
	test_leftovers();
	test_late_attach();
	test_detach_attach();
	test_wait();
	test_two();
	test_numbers();
	test_release();
	suite_callbacks();
	suite_errors(variant);
	loop_free(loop);
}

int main(int argc, char **argv)
{
	const char *const *variant;

	if (argc == 3 && strcmp(argv[2], "panic") == 0) {
		check_begin(2, argv);
		sdbox_write(check_path("u.1"), "hello");
		loop = loop_new(0);
		suite_panic();
		loop_free(loop);
		return 0;
	}
	check_begin(argc, argv);
	sdbox_write(check_path("u.1"), "hello");
	for (variant = loop_variants; *variant != NULL; variant++) {
		/* the last line if something hangs */
		printf("%s\n", *variant);
		fflush(stdout);
		alarm(60);
		run_variant((unsigned int)(variant - loop_variants));
	}
	return 0;
}
