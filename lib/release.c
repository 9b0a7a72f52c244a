/*
 * release.c: references to messages, on any thread and after deinit as well.
 * core.h (struct dbox_pool) has the rules that both sides keep.
 */
#include "front.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static void *closer_run(void *arg)
{
	(void)close((int)(intptr_t)arg);
	return NULL;
}

/* Closes a descriptor whose close may wait for storage. */
static void fd_close_elsewhere(int fd)
{
	pthread_t thread;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = thread_create(&thread, 1, closer_run, (void *)(intptr_t)fd);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret != 0)
		(void)close(fd);
}

/* Whoever gets it closes it. */
static int message_fd(struct dbox_aio_message *message)
{
	return __atomic_exchange_n(&message->fd, -1, __ATOMIC_ACQ_REL);
}

static void pool_push(struct dbox_pool *pool, struct dbox_aio_message *message)
{
	struct dbox_aio_message *first =
		__atomic_load_n(&pool->freed, __ATOMIC_RELAXED);

	do {
		__atomic_store_n(&message->next, first, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&pool->freed, &first, message, 1,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
}

/* Between writers += 1 and writers -= 1 only. */
static void pool_signal(struct dbox_pool *pool)
{
	const int fd = __atomic_load_n(&pool->event_fd, __ATOMIC_SEQ_CST);

	if (fd >= 0 && pool->pid == getpid())
		event_signal(fd);
}

static void pool_unmap(struct dbox_pool *pool)
{
	/* Both the pool and the list lie in what is unmapped here. */
	const struct dbox_mapping *list = pool->mappings;
	const uint32_t count = pool->mappings_count;
	const struct dbox_mapping first = list[0];
	struct dbox_mapping lists = { NULL, 0 };
	const char *begin;
	uint32_t i;

	for (i = 1; i < count; i++) {
		begin = list[i].address;
		if ((const char *)list >= begin &&
		    (const char *)list < begin + list[i].size)
			lists = list[i];
		else if (list[i].size != 0)
			(void)munmap(list[i].address, (size_t)list[i].size);
	}
	if (lists.size != 0)
		(void)munmap(lists.address, (size_t)lists.size);
	(void)munmap(first.address, (size_t)first.size);
}

static void message_release(struct dbox_aio_message *message)
{
	const int slow = (message->flags & DBOX_MESSAGE_FD_SLOW) != 0;
	struct dbox_pool *pool = message->pool;
	int fd = -1;

	if (__atomic_load_n(&message->fd, __ATOMIC_ACQUIRE) >= 0) {
		/* deinit waits for the writers between setting closed and
		   taking the list for the last time: so either the core sees
		   the message there, or closed is seen here. */
		__atomic_add_fetch(&pool->writers, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&pool->closed, __ATOMIC_SEQ_CST))
			fd = message_fd(message);
		pool_push(pool, message);
		pool_signal(pool);
		__atomic_sub_fetch(&pool->writers, 1, __ATOMIC_SEQ_CST);
	} else {
		pool_push(pool, message);
		if (__atomic_load_n(&pool->wake, __ATOMIC_SEQ_CST)) {
			__atomic_add_fetch(&pool->writers, 1,
					   __ATOMIC_SEQ_CST);
			pool_signal(pool);
			__atomic_sub_fetch(&pool->writers, 1,
					   __ATOMIC_SEQ_CST);
		}
	}
	if (__atomic_sub_fetch(&pool->live, 1, __ATOMIC_ACQ_REL) == 0)
		pool_unmap(pool);
	/* last: nobody waits for it */
	if (fd >= 0 && slow)
		fd_close_elsewhere(fd);
	else if (fd >= 0)
		(void)close(fd);
}

struct dbox_aio_message *
dbox_aio_message_ref(struct dbox_aio_message *message)
{
	if (message != NULL)
		__atomic_add_fetch(&message->refs, 1, __ATOMIC_RELAXED);
	return message;
}

void dbox_aio_message_unref(struct dbox_aio_message **message)
{
	struct dbox_aio_message *old;

	if (message == NULL || *message == NULL)
		return;
	old = *message;
	*message = NULL;
	if (__atomic_sub_fetch(&old->refs, 1, __ATOMIC_ACQ_REL) == 0)
		message_release(old);
}

int dbox_aio_message_take_fd(struct dbox_aio_message *message)
{
	int fd;

	if (message == NULL)
		return error_set(DBOX_AIO_EINVAL, "the message is NULL");
	if ((message->flags & DBOX_MESSAGE_WANT_FD) == 0)
		return error_set(DBOX_AIO_EINVAL,
			"the request did not have DBOX_AIO_WANT_FD");
	fd = message_fd(message);
	if (fd < 0)
		return error_set(DBOX_AIO_EALREADY,
				 "the descriptor was taken before");
	return fd;
}
