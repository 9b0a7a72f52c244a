#define _GNU_SOURCE
#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKER_STACK_SIZE (64 * 1024)

struct dbox_workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct dbox_done *done;
	struct dbox_job *head, *tail;
	unsigned int idle, count, max;
	int open_flags;
	unsigned int statx_mask;
	/* One has been told to come, and has not come yet. */
	bool waking;
	bool stopped;
};

static int worker_start(struct dbox_workers *w);

static int64_t job_call(struct dbox_workers *w, struct dbox_job *job)
{
	switch (job->kind) {
	case DBOX_JOB_OPEN:
		return open(job->path, w->open_flags);
	case DBOX_JOB_READ:
		return pread(job->fd, job->buf, job->len, (off_t)job->off);
	case DBOX_JOB_STAT:
		return statx(job->fd, "", AT_EMPTY_PATH, w->statx_mask,
			     job->buf);
	case DBOX_JOB_CLOSE:
		/* the descriptor is free whatever it returns: no retry */
		(void)close(job->fd);
		return 0;
	}
	errno = ENOSYS;
	return -1;
}

static void job_run(struct dbox_workers *w, struct dbox_job *job)
{
	uint32_t state = DBOX_JOB_QUEUED;
	int64_t ret;

	if (!__atomic_compare_exchange_n(&job->state, &state, DBOX_JOB_RUNNING,
					 false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		job->result = -ECANCELED;
		return;
	}
	do {
		ret = job_call(w, job);
	} while (ret < 0 && errno == EINTR);
	job->result = ret < 0 ? -errno : (int32_t)ret;
}

static void job_finish(struct dbox_done *done, struct dbox_job *job)
{
	const uint64_t one = 1;
	struct dbox_job *head;
	int fd;

	__atomic_add_fetch(&done->writers, 1, __ATOMIC_SEQ_CST);
	head = __atomic_load_n(&done->done, __ATOMIC_ACQUIRE);
	do {
		job->next = head;
	} while (!__atomic_compare_exchange_n(&done->done, &head, job, true,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_ACQUIRE));
	if (head == NULL) {
		fd = __atomic_load_n(&done->event_fd, __ATOMIC_SEQ_CST);
		/* fails only with EAGAIN: then it is readable anyhow */
		if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
			errno = 0;
	}
	__atomic_sub_fetch(&done->writers, 1, __ATOMIC_SEQ_CST);
}

/* Called locked; unlocks. */
static void worker_end(struct dbox_workers *w)
{
	bool last = --w->count == 0 && w->stopped;

	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Called locked, with jobs in the queue: has one worker more come, unless one
   is on its way. Workers do that as they take a job and see that there are
   more, so those that wait for storage get company one after the other, while
   jobs that need not wait are done by few, who need no waking. */
static void worker_wake(struct dbox_workers *w)
{
	if (w->waking)
		return;
	if (w->idle > 0) {
		w->waking = true;
		pthread_cond_signal(&w->more);
	} else if (w->count < w->max) {
		/* That there can't be more is no error. */
		w->waking = worker_start(w) == 0;
	}
}

static void *worker_main(void *context)
{
	struct dbox_workers *w = context;
	struct dbox_job *job;

	pthread_mutex_lock(&w->lock);
	w->waking = false;
	for (;;) {
		while (w->head == NULL && !w->stopped) {
			w->idle++;
			pthread_cond_wait(&w->more, &w->lock);
			w->idle--;
			w->waking = false;
		}
		job = w->head;
		if (job == NULL)
			break;
		w->head = job->next;
		if (w->head == NULL)
			w->tail = NULL;
		if (w->head != NULL)
			worker_wake(w);
		pthread_mutex_unlock(&w->lock);
		job_run(w, job);
		job_finish(w->done, job);
		pthread_mutex_lock(&w->lock);
	}
	worker_end(w);
	return NULL;
}

/* Called locked. The new thread has all signals blocked, as it inherits the
   mask of the moment: none of the host's handlers may run on it. */
static int worker_start(struct dbox_workers *w)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	size_t size = WORKER_STACK_SIZE;
	int ret;

	if (size < (size_t)PTHREAD_STACK_MIN)
		size = (size_t)PTHREAD_STACK_MIN;
	ret = pthread_attr_init(&attr);
	if (ret != 0)
		return ret;
	(void)pthread_attr_setstacksize(&attr, size);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, worker_main, w);
	if (ret == EINVAL) {
		/* The host's thread-local variables lie on the stack too. */
		size = 8 * 1024 * 1024;
		(void)pthread_attr_setstacksize(&attr, size);
		ret = pthread_create(&thread, &attr, worker_main, w);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (ret == 0)
		w->count++;
	return ret;
}

int dbox_workers_new(struct dbox_done *done, unsigned int max,
		     int open_flags, unsigned int statx_mask,
		     struct dbox_workers **workers_r)
{
	struct dbox_workers *w = calloc(1, sizeof(*w));
	int ret;

	if (w == NULL)
		return ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->done = done;
	w->max = max;
	w->open_flags = open_flags;
	w->statx_mask = statx_mask;
	pthread_mutex_lock(&w->lock);
	ret = worker_start(w);
	pthread_mutex_unlock(&w->lock);
	if (ret != 0) {
		pthread_cond_destroy(&w->more);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return ret;
	}
	*workers_r = w;
	return 0;
}

int dbox_workers_post(struct dbox_workers *w, struct dbox_job *job)
{
	int ret = 0;

	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->count == 0)
		(void)worker_start(w);
	if (w->count == 0)
		ret = -1;
	else {
		if (w->tail == NULL)
			w->head = job;
		else
			w->tail->next = job;
		w->tail = job;
		worker_wake(w);
	}
	pthread_mutex_unlock(&w->lock);
	return ret;
}

void dbox_workers_stop(struct dbox_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopped = true;
	pthread_cond_broadcast(&w->more);
	if (w->count > 0) {
		pthread_mutex_unlock(&w->lock);
		return;
	}
	w->count = 1;
	worker_end(w);
}
