/*
 * loop.h: what suite.c, the tests that all adapters pass, needs to know of an
 * event loop. Each test_*.c is one loop.
 */
#ifndef LOOP_H
#define LOOP_H

#include <dbox_aio.h>

struct loop;
struct adapter;

/* Ways that this loop waits for descriptors; the last one is NULL. */
extern const char *const loop_variants[];

struct loop *loop_new(unsigned int variant);
/* All that was attached is detached. Fails if the loop knows better. */
void loop_free(struct loop *loop);
/* In a forked child: what this loop's manual says is to be done there. */
void loop_forked(struct loop *loop);
/* Runs the loop once: until something happened, but not longer than
   timeout_ms. */
void loop_round(struct loop *loop, int timeout_ms);

/* As all adapters. */
int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context);
void loop_detach(struct adapter **adapter);

/* Lets the adapter's next allocation fail. Returns 0 if it has none that it
   survives. */
int loop_fail_allocation(void);

/* 1 if the loop tells of a descriptor that was closed under it. */
int loop_tells_closed(unsigned int variant);

/* 1 if a callback may run the loop. */
int loop_nests(void);

/* Prints where, and ends the test. */
#define LOOP_CHECK(condition) \
	((condition) ? (void)0 : loop_failed(__FILE__, __LINE__, #condition))
void loop_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));

#endif
