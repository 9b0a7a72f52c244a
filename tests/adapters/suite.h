/*
 * suite.h: what the parts of the suite share.
 */
#ifndef SUITE_H
#define SUITE_H

#include "../c/check.h"
#include <pthread.h>
#include "loop.h"

#define REQUESTS_MAX 100

struct failures {
	unsigned int count;
	int status;
};

/* A context in the loop, and what came of its requests. */
struct user {
	struct dbox_aio *ctx;
	struct adapter *adapter;
	struct failures failures;
	unsigned int callbacks, good, shut;
	/* for the test: called in each callback */
	void (*then)(struct user *user);
	struct user *other;
};

/* The loop of the test that is running. */
extern struct loop *loop;

void failed_count(int status, void *context);
void counted(struct dbox_aio *ctx, const struct dbox_aio_result *result);

void user_open(struct user *user, struct dbox_aio_options *options);
void user_attach(struct user *user);
/* Detaches, then takes down. */
void user_close(struct user *user);
/* Requests that call counted(). */
void user_submit(struct user *user, unsigned int count);
/* Runs the loop until the user has had so many callbacks, and no more. */
void user_run(struct user *user, unsigned int callbacks);
void loop_idle(void);

/* suite_callbacks.c, suite_errors.c */
void suite_callbacks(void);
void suite_errors(unsigned int variant);
/* With a core that panics when it is told to. */
void suite_panic(void);

#endif
