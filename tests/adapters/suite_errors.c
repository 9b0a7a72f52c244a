/*
 * suite_errors.c: an adapter whose context can't be dispatched any more says so
 * once, and lets the loop sleep.
 */
#include "suite.h"

#include <dlfcn.h>
#include <sys/wait.h>

static void test_no_context(void)
{
	struct adapter *adapter = NULL;

	CHECK_STATUS(loop_attach(&adapter, NULL, loop, failed_count, NULL),
		     DBOX_AIO_EINVAL);
	CHECK(adapter == NULL);
	loop_detach(&adapter);
}

static void test_no_memory(void)
{
	struct user user;
	struct adapter *adapter = NULL;

	user_open(&user, NULL);
	loop_detach(&user.adapter);
	if (loop_fail_allocation()) {
		CHECK_STATUS(loop_attach(&adapter, user.ctx, loop,
					 failed_count, NULL), DBOX_AIO_ENOMEM);
		CHECK(adapter == NULL);
	}
	user_attach(&user);
	user_submit(&user, 3);
	user_run(&user, 3);
	user_close(&user);
}

/* Attaching what is going down. */
static void attach_doomed(struct user *user)
{
	struct dbox_aio *ctx = user->ctx;
	struct adapter *adapter;

	if (user->callbacks != 5)
		return;
	loop_detach(&user->adapter);
	CHECK_STATUS(dbox_aio_deinit(&user->ctx), 0);
	CHECK_STATUS(loop_attach(&adapter, ctx, loop, failed_count, NULL),
		     DBOX_AIO_ESHUTDOWN);
}

static void test_going_down(void)
{
	struct user user;

	user_open(&user, NULL);
	user.then = attach_doomed;
	user_submit(&user, 10);
	user_run(&user, 10);
}

/*
 * Another thread
 */

static void *attach_in_thread(void *data)
{
	struct user *user = data;
	struct adapter *adapter;

	CHECK_STATUS(loop_attach(&adapter, user->ctx, loop, failed_count,
				 NULL), DBOX_AIO_ETHREAD);
	return NULL;
}

static void *run_in_thread(void *data)
{
	struct user *user = data;

	while (user->failures.count == 0)
		loop_round(loop, 1000);
	/* It does not watch any more. */
	loop_idle();
	return NULL;
}

static void in_thread(void *(*run)(void *), struct user *user)
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, run, user), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
}

static void test_thread(void)
{
	struct user user;

	user_open(&user, NULL);
	in_thread(attach_in_thread, &user);
	user_submit(&user, 10);
	in_thread(run_in_thread, &user);
	CHECK_INT(user.failures.count, 1);
	CHECK_STATUS(user.failures.status, DBOX_AIO_ETHREAD);
	CHECK_INT(user.callbacks, 0);

	/* Nothing is lost: in its own thread it goes on. */
	loop_detach(&user.adapter);
	user_attach(&user);
	user.failures.count = 0;
	user_run(&user, 10);
	user_close(&user);
}

/*
 * A forked child
 */

static void child_run(struct user *user)
{
	struct adapter *adapter;

	loop_forked(loop);
	CHECK_STATUS(loop_attach(&adapter, user->ctx, loop, failed_count,
				 NULL), DBOX_AIO_EFORKED);
	while (user->failures.count == 0)
		loop_round(loop, 1000);
	CHECK_STATUS(user->failures.status, DBOX_AIO_EFORKED);
	loop_idle();
	CHECK_INT(user->failures.count, 1);
	CHECK_INT(user->callbacks, 0);
	loop_detach(&user->adapter);
	CHECK_STATUS(dbox_aio_deinit(&user->ctx), DBOX_AIO_EFORKED);
}

static void test_fork(void)
{
	struct user user;
	int status;
	pid_t pid;

	user_open(&user, NULL);
	user_submit(&user, 10);
	CHECK(fd_readable(dbox_aio_fd(user.ctx), 10000));
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		child_run(&user);
		fflush(stdout);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	user_run(&user, 10);
	user_close(&user);
}

/* failed may detach, and take the context down. */
static void failed_close(int status, void *context)
{
	struct user *user = context;

	failed_count(status, &user->failures);
	user_close(user);
}

void suite_panic(void)
{
	int (*panic)(uint64_t) = NULL;
	struct user dead, closing, alive;
	void *core, *symbol;

	user_open(&dead, NULL);
	user_open(&closing, NULL);
	loop_detach(&closing.adapter);
	CHECK_STATUS(loop_attach(&closing.adapter, closing.ctx, loop,
				 failed_close, &closing), 0);
	user_open(&alive, NULL);
	core = dlopen("libdbox_aio_core.so.1", RTLD_NOW | RTLD_NOLOAD);
	CHECK(core != NULL);
	symbol = dlsym(core, "dbox_core_test_panic");
	CHECK(symbol != NULL);
	memcpy(&panic, &symbol, sizeof(panic));

	user_submit(&dead, 20);
	user_submit(&closing, 20);
	/* Handles count from 1. */
	CHECK_STATUS(panic(1), DBOX_AIO_EINTERNAL);
	CHECK_STATUS(panic(2), DBOX_AIO_EINTERNAL);
	while (dead.failures.count == 0 || closing.failures.count == 0)
		loop_round(loop, 1000);
	loop_idle();
	CHECK_INT(dead.callbacks, 20);
	/* What submit had got ready is good; the rest is not. */
	CHECK(dead.good < 20);
	CHECK_INT(dead.failures.count, 1);
	CHECK_STATUS(dead.failures.status, DBOX_AIO_EINTERNAL);
	user_close(&dead);

	CHECK_INT(closing.callbacks, 20);
	CHECK_INT(closing.failures.count, 1);
	CHECK(closing.ctx == NULL);

	user_submit(&alive, 20);
	user_run(&alive, 20);
	CHECK_INT(alive.good, 20);
	user_close(&alive);
}

/* The descriptor is the library's; a program that closes it is told so. */
static void test_closed(unsigned int variant)
{
	struct user user;

	if (!loop_tells_closed(variant))
		return;
	user_open(&user, NULL);
	user_submit(&user, 3);
	CHECK_INT(close(dbox_aio_fd(user.ctx)), 0);
	while (user.failures.count == 0)
		loop_round(loop, 1000);
	loop_idle();
	CHECK_INT(user.failures.count, 1);
	CHECK_STATUS(user.failures.status, DBOX_AIO_EINVAL);
	user_close(&user);
	CHECK_INT(user.callbacks, 3);
}

void suite_errors(unsigned int variant)
{
	test_no_context();
	test_no_memory();
	test_going_down();
	test_thread();
	test_fork();
	test_closed(variant);
}
