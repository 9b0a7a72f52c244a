/*
 * The C half of the Go runtime calls abort() when malloc() has nothing for it,
 * and when a thread can't be created; and it frees twice when
 * pthread_getattr_np() fails. The linker gives it the functions of this file in
 * the place of the C library's.
 *
 * The runtime would begin to start while the core is being loaded, when it is
 * too late to look whether it can. So its first thread waits for
 * dbox_core_begin(), which has all threads made that the start needs.
 */
#define _GNU_SOURCE
#include "reserve.h"
#include "core.h"
#include "raw.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Weak: programs of tools that have the core linked to them do without all of
   this. */
#define REAL __attribute__((weak))
REAL void *__real_malloc(size_t size);
REAL void __real_free(void *memory);
REAL int __real_pthread_create(pthread_t *thread_r, const pthread_attr_t *attr,
			       void *(*run)(void *), void *context);
REAL int __real_pthread_getattr_np(pthread_t thread, pthread_attr_t *attr);
void *__wrap_malloc(size_t size);
void __wrap_free(void *memory);
int __wrap_pthread_create(pthread_t *thread_r, const pthread_attr_t *attr,
			  void *(*run)(void *), void *context);
int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attr);

/*
 * Memory: the runtime asks for some ten bytes as it creates a thread, and frees
 * them as soon as that runs.
 */

#define PIECE_SIZE 64
#define PIECES 64

static union {
	max_align_t aligned;
	char bytes[PIECE_SIZE];
} pieces[PIECES];
static unsigned char piece_used[PIECES];

void *__wrap_malloc(size_t size)
{
	void *memory = __real_malloc(size);
	unsigned int i;

	if (memory != NULL || size > PIECE_SIZE)
		return memory;
	for (i = 0; i < PIECES; i++) {
		if (__atomic_exchange_n(&piece_used[i], 1,
					__ATOMIC_ACQUIRE) == 0)
			return &pieces[i];
	}
	return NULL;
}

void __wrap_free(void *memory)
{
	const uintptr_t at = (uintptr_t)memory - (uintptr_t)pieces;

	if (at >= sizeof(pieces))
		__real_free(memory);
	else
		__atomic_store_n(&piece_used[at / sizeof(pieces[0])], 0,
				 __ATOMIC_RELEASE);
}

/* The runtime does not look at the result, and destroys the attributes: those
   of a failed call are destroyed already. From empty ones it learns nothing,
   and guesses. */
int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	const int ret = __real_pthread_getattr_np(thread, attr);

	if (ret != 0)
		(void)pthread_attr_init(attr);
	return ret;
}

/*
 * Threads
 */

/* The runtime starts eight, where it is not short of processors. */
#define THREADS 12

enum { THREAD_WAITS, THREAD_RUNS, THREAD_ENDS };

struct reserve_thread {
	pthread_t id;
	uint32_t state;
	void *(*run)(void *);
	void *context;
};

static struct reserve_thread threads[THREADS];
/* The next one to be used; THREADS or more: there is none. */
static unsigned int threads_next = THREADS;
/* The runtime's first thread, until it may begin. */
static struct reserve_thread first;
static bool begun;

static void *thread_main(void *context)
{
	struct reserve_thread *thread = context;
	uint32_t state;

	while ((state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE)) ==
	       THREAD_WAITS)
		(void)raw_futex_wait(&thread->state, THREAD_WAITS, NULL);
	return state == THREAD_RUNS ? thread->run(thread->context) : NULL;
}

static void thread_tell(struct reserve_thread *thread, uint32_t state)
{
	__atomic_store_n(&thread->state, state, __ATOMIC_RELEASE);
	raw_futex_wake(&thread->state, INT_MAX);
}

/* Has a waiting thread run it. */
static bool thread_use(pthread_t *thread_r, void *(*run)(void *), void *context)
{
	struct reserve_thread *thread;
	unsigned int i;

	if (__atomic_load_n(&threads_next, __ATOMIC_RELAXED) >= THREADS)
		return false;
	i = __atomic_fetch_add(&threads_next, 1, __ATOMIC_ACQUIRE);
	if (i >= THREADS)
		return false;
	thread = &threads[i];
	thread->run = run;
	thread->context = context;
	*thread_r = thread->id;
	(void)pthread_detach(thread->id);
	thread_tell(thread, THREAD_RUNS);
	return true;
}

int __wrap_pthread_create(pthread_t *thread_r, const pthread_attr_t *attr,
			  void *(*run)(void *), void *context)
{
	if (!begun) {
		first.run = run;
		first.context = context;
		return 0;
	}
	/* All that the runtime creates are detached, with usual stacks. */
	if (thread_use(thread_r, run, context))
		return 0;
	return __real_pthread_create(thread_r, attr, run, context);
}

/* Threads that the front has tried with are counted until the kernel is done
   with them, a moment after they were joined. */
static int thread_create(struct reserve_thread *thread)
{
	static const struct timespec pause = { 0, 1000000 };
	unsigned int tries;
	int error = EAGAIN;

	for (tries = 0; tries < 50 && error == EAGAIN; tries++) {
		if (tries > 0)
			(void)nanosleep(&pause, NULL);
		error = __real_pthread_create(&thread->id, NULL, thread_main,
					      thread);
	}
	return error;
}

int dbox_core_begin(void)
{
	pthread_t thread;
	unsigned int i, count;
	int error = 0;

	if (begun)
		return 0;
	if (first.run == NULL)
		return -1;
	for (count = 0; count < THREADS && error == 0; count++) {
		threads[count].state = THREAD_WAITS;
		error = thread_create(&threads[count]);
	}
	if (error != 0) {
		for (i = 0; i < count - 1; i++) {
			thread_tell(&threads[i], THREAD_ENDS);
			(void)pthread_join(threads[i].id, NULL);
		}
		return error;
	}
	begun = true;
	__atomic_store_n(&threads_next, 0, __ATOMIC_RELEASE);
	(void)thread_use(&thread, first.run, first.context);
	return 0;
}

void dbox_reserve_end(void)
{
	unsigned int i = __atomic_exchange_n(&threads_next, THREADS,
					     __ATOMIC_ACQ_REL);

	for (; i < THREADS; i++) {
		(void)pthread_detach(threads[i].id);
		thread_tell(&threads[i], THREAD_ENDS);
	}
}
