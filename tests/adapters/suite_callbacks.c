/*
 * suite_callbacks.c: detaching, closing and replacing contexts inside of
 * callbacks. Built with the address sanitizer it also sees what an adapter
 * touches that is gone.
 */
#include "suite.h"

/* In callback 5: the way it is meant to be done. */
static void close_self(struct user *user)
{
	if (user->callbacks == 5)
		user_close(user);
}

/* In callback 5: without detaching first. */
static void deinit_self(struct user *user)
{
	if (user->callbacks == 5)
		CHECK_STATUS(dbox_aio_deinit(&user->ctx), 0);
}

/* Rounds until the context of user is gone, and all of its requests called
   back, which happens in one and the same call. */
static void run_until_shut(struct user *user)
{
	user_submit(user, 40);
	user_run(user, 40);
	CHECK(user->ctx == NULL);
	CHECK_INT(user->good, 5);
	CHECK_INT(user->shut, 35);
}

static void test_close_self(void)
{
	struct user user, bystander;

	user_open(&bystander, NULL);
	user_open(&user, NULL);
	user.then = close_self;
	run_until_shut(&user);
	CHECK(user.adapter == NULL);
	loop_idle();
	user_submit(&bystander, 10);
	user_run(&bystander, 10);
	user_close(&bystander);
}

static void test_deinit_self(void)
{
	struct user user, bystander, next;

	user_open(&bystander, NULL);
	user_open(&user, NULL);
	user.then = deinit_self;
	run_until_shut(&user);
	CHECK(user.adapter != NULL);
	/* It watches no more: not what has the same number now either. */
	user_open(&next, NULL);
	user_submit(&next, 10);
	user_run(&next, 10);
	loop_idle();
	CHECK_INT(user.failures.count, 0);
	loop_detach(&user.adapter);
	CHECK(user.adapter == NULL);

	user_submit(&next, 10);
	user_run(&next, 20);
	user_submit(&bystander, 10);
	user_run(&bystander, 10);
	user_close(&next);
	user_close(&bystander);
}

/* The same in an outer call that is not the adapter's. */
static void test_close_in_wait(void)
{
	struct user user;

	user_open(&user, NULL);
	user.then = close_self;
	user_submit(&user, 40);
	CHECK_STATUS(dbox_aio_wait(user.ctx, 40, 10000), DBOX_AIO_ESHUTDOWN);
	CHECK_INT(user.callbacks, 40);
	CHECK(user.adapter == NULL);
	loop_idle();
}

/* Both are ready in the same round: the first one closes the second. */
static void close_other(struct user *user)
{
	user->then = user->other->then = NULL;
	user_close(user->other);
}

static void test_close_other(void)
{
	struct user a, b, *first, *second;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		user_open(&a, NULL);
		user_open(&b, NULL);
		a.other = &b;
		b.other = &a;
		user_submit(&a, 20);
		user_submit(&b, 20);
		CHECK(fd_readable(dbox_aio_fd(a.ctx), 10000));
		CHECK(fd_readable(dbox_aio_fd(b.ctx), 10000));
		a.then = b.then = close_other;
		while (a.ctx != NULL && b.ctx != NULL)
			loop_round(loop, 1000);
		first = a.ctx != NULL ? &a : &b;
		second = first->other;
		CHECK_INT(second->shut, 20);
		user_run(first, 20);
		CHECK_INT(first->good, 20);
		user_close(first);
	}
}

/* Another context takes the place of the first, in the middle. */
static void replace_self(struct user *user)
{
	if (user->callbacks != 5)
		return;
	user_close(user);
	user_open(user->other, NULL);
	user_submit(user->other, 10);
}

static void test_replace(void)
{
	struct user user, next;

	memset(&next, 0, sizeof(next));
	user_open(&user, NULL);
	user.then = replace_self;
	user.other = &next;
	run_until_shut(&user);
	user_run(&next, 10);
	CHECK_INT(next.good, 10);
	user_close(&next);
}

static void detach_self(struct user *user)
{
	if (user->callbacks == 5)
		loop_detach(&user->adapter);
}

static void reattach_self(struct user *user)
{
	if (user->callbacks % 5 == 0) {
		loop_detach(&user->adapter);
		user_attach(user);
	}
}

/* The dispatch that is running goes on; there is none after it. */
static void test_detach_self(void)
{
	struct user user;
	unsigned int callbacks;

	user_open(&user, NULL);
	user.then = detach_self;
	user_submit(&user, 40);
	while (user.adapter != NULL)
		loop_round(loop, 1000);
	callbacks = user.callbacks;
	loop_idle();
	CHECK_INT(user.callbacks, callbacks);
	CHECK_INT(dbox_aio_pending(user.ctx), 40 - callbacks);
	user_attach(&user);
	user_run(&user, 40);
	user_close(&user);
}

static void test_reattach_self(void)
{
	struct user user;

	user_open(&user, NULL);
	user.then = reattach_self;
	user_submit(&user, 100);
	user_run(&user, 100);
	CHECK_INT(user.good, 100);
	user_close(&user);
}

/* A callback that runs the loop: the other context gets its callbacks there,
   its own comes afterwards. */
static void nest(struct user *user)
{
	if (user->callbacks != 1)
		return;
	user_submit(user, 10);
	user_submit(user->other, 10);
	user_run(user->other, 10);
	loop_idle();
	CHECK_INT(user->callbacks, 1);
}

static void test_nested(void)
{
	struct user user, other;

	if (!loop_nests())
		return;
	user_open(&user, NULL);
	user_open(&other, NULL);
	user.then = nest;
	user.other = &other;
	user_submit(&user, 1);
	user_run(&user, 11);
	/* and inside of a call that is not the adapter's */
	user.callbacks = other.callbacks = 0;
	user_submit(&user, 1);
	CHECK(dbox_aio_wait(user.ctx, 1, 10000) > 0);
	user_run(&user, 11);
	user_close(&other);
	user_close(&user);
}

void suite_callbacks(void)
{
	test_close_self();
	test_deinit_self();
	test_close_in_wait();
	test_close_other();
	test_replace();
	test_detach_self();
	test_reattach_self();
	test_nested();
}
