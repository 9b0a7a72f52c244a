/*
 * thread.c: threads that do little, with stacks that are as small.
 */
#include "front.h"

#include <errno.h>
#include <pthread.h>

#define THREAD_STACK_SIZE (64 * 1024)

int thread_create(pthread_t *thread_r, int detached, void *(*run)(void *),
		  void *context)
{
	pthread_attr_t attr;
	int ret;

	ret = pthread_attr_init(&attr);
	if (ret != 0)
		return ret;
	if (detached)
		(void)pthread_attr_setdetachstate(&attr,
						  PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
	ret = pthread_create(thread_r, &attr, run, context);
	if (ret == EINVAL) {
		/* The host's thread-local variables lie on the stack too,
		   and take more than that. */
		pthread_attr_destroy(&attr);
		ret = pthread_attr_init(&attr);
		if (ret != 0)
			return ret;
		if (detached)
			(void)pthread_attr_setdetachstate(&attr,
				PTHREAD_CREATE_DETACHED);
		ret = pthread_create(thread_r, &attr, run, context);
	}
	pthread_attr_destroy(&attr);
	return ret;
}
