#define _GNU_SOURCE
#include "crew.h"
#include "job.h"
#include "lock.h"

#include <limits.h>
#include <sys/mman.h>

/* What is to be done for the next job, once the lock is dropped. */
enum crew_need {
	CREW_NOTHING,
	CREW_WAKE,
	CREW_START
};

struct crew *crew_new(const struct crew_options *options,
		      const struct creds *creds)
{
	/* Not of the heap: a worker frees it. Most of it is never touched. */
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				 -1, 0);

	if (crew == MAP_FAILED)
		return NULL;
	crew->options = *options;
	crew->page_size = (size_t)sysconf(_SC_PAGESIZE);
	creds_copy(&crew->creds, creds);
	return crew;
}

static void crew_free(struct crew *crew)
{
	if (crew->memory != NULL)
		raw_unmap(crew->memory, crew->memory_size);
	raw_unmap(crew, sizeof(*crew));
}

/* Called locked; unlocks. */
static void crew_leave(struct crew *crew)
{
	const bool last = --crew->count == 0 && crew->stopped;

	lock_drop(&crew->lock);
	if (last)
		crew_free(crew);
}

/* Called locked, with jobs in the queue: has one worker more come, unless one
   is on its way. Workers do that as they take a job and see that there are
   more, so those that wait for storage get company one after the other, while
   jobs that need not wait are done by few, who need no waking. */
static enum crew_need crew_more(struct crew *crew)
{
	if (crew->waking)
		return CREW_NOTHING;
	if (crew->idle > 0) {
		crew->waking = true;
		__atomic_store_n(&crew->call, crew->call + 1, __ATOMIC_RELAXED);
		return CREW_WAKE;
	}
	if (crew->count < crew->options.max) {
		crew->waking = true;
		crew->count++;
		return CREW_START;
	}
	return CREW_NOTHING;
}

/* Called unlocked. That there can't be more workers is no error as long as
   there is one. */
static int crew_serve(struct crew *crew, enum crew_need need,
		      struct creds *now_r)
{
	int ret = 0;

	switch (need) {
	case CREW_NOTHING:
		break;
	case CREW_WAKE:
		raw_futex_wake(&crew->call, 1);
		break;
	case CREW_START:
		ret = worker_start(crew, now_r);
		if (ret == 0)
			break;
		lock_take(&crew->lock);
		crew->waking = false;
		crew->count--;
		/* Only who has posted it can find a job with nobody there. */
		if (crew->count > 0 || crew->head == NULL)
			ret = 0;
		else
			crew->head = crew->tail = NULL;
		lock_drop(&crew->lock);
		break;
	}
	return ret;
}

static void crew_append(struct crew *crew, struct dbox_job *job)
{
	job->next = NULL;
	if (crew->tail == NULL)
		crew->head = job;
	else
		crew->tail->next = job;
	crew->tail = job;
}

/* Called locked: waits for a job and takes it. NULL: the worker is not needed
   any more. */
static struct dbox_job *crew_next(struct crew *crew)
{
	static const struct timespec linger = {
		CREW_LINGER_MS / 1000, CREW_LINGER_MS % 1000 * 1000000L
	};
	struct dbox_job *job;
	uint32_t call;
	long ret = 0;

	while (crew->head == NULL) {
		if (crew->stopped || ret == -ETIMEDOUT)
			return NULL;
		call = crew->call;
		crew->idle++;
		lock_drop(&crew->lock);
		ret = raw_futex_wait(&crew->call, call,
				     crew->options.stay ? NULL : &linger);
		lock_take(&crew->lock);
		crew->idle--;
		crew->waking = false;
	}
	job = crew->head;
	crew->head = job->next;
	if (crew->head == NULL)
		crew->tail = NULL;
	crew->running++;
	return job;
}

/* Has a worker whose rights are not the crew's take them. A POSIX thread can't:
   if the host changed its rights again, the C library would have that thread do
   the same, and end the process where it is refused. */
static int crew_become(struct crew *crew)
{
	creds_read(&crew->own);
	/* What root has asked for may be done with less. */
	if (creds_same(&crew->own, &crew->creds) ||
	    creds_given_up(&crew->creds, &crew->own))
		return 0;
	if (!crew->options.posix &&
	    creds_become(&crew->creds, &crew->own) == 0)
		return 0;
	return -EACCES;
}

/* 0 if this worker has the rights that an open needs. A POSIX thread has not if
   the host has become somebody else since the job was posted. */
static int crew_may(struct crew *crew)
{
	int ret = 0;

	lock_take(&crew->own_lock);
	if (crew->options.become) {
		ret = crew_become(crew);
	} else {
		creds_read(&crew->own);
		if (!creds_same(&crew->own, &crew->creds))
			ret = -EAGAIN; /* to be begun once more */
	}
	lock_drop(&crew->own_lock);
	return ret;
}

static void crew_run(const struct crew *crew, struct dbox_job *job)
{
	job_run(job, crew->options.open_flags, crew->options.statx_mask);
}

static void crew_open(struct crew *crew, struct dbox_job *job)
{
	const bool posix = crew->options.posix;
	uint64_t signals = 0;
	int refusal;

	/* From the look at the rights until the file is open, the host's
	   setuid() shall not change them. It waits. */
	if (posix)
		signals = raw_signals_block();
	refusal = crew_may(crew);
	if (refusal == 0)
		crew_run(crew, job);
	else
		job->result = refusal;
	if (posix)
		raw_signals_restore(signals);
}

static void crew_do(struct crew *crew, struct dbox_job *job)
{
	if (job->kind == DBOX_JOB_OPEN &&
	    (crew->options.posix || crew->options.become))
		crew_open(crew, job);
	else
		crew_run(crew, job);
	if (crew->options.done != NULL)
		job_finish(crew->options.done, job);
}

void crew_work(struct crew *crew)
{
	struct dbox_job *job;
	enum crew_need need;

	lock_take(&crew->lock);
	crew->waking = false;
	while ((job = crew_next(crew)) != NULL) {
		need = crew->head == NULL ? CREW_NOTHING : crew_more(crew);
		lock_drop(&crew->lock);
		(void)crew_serve(crew, need, NULL);
		crew_do(crew, job);
		lock_take(&crew->lock);
		crew->running--;
	}
	crew_leave(crew);
}

int crew_start(struct crew *crew)
{
	int ret;

	crew->waking = true;
	crew->count++;
	ret = worker_start(crew, NULL);
	if (ret != 0) {
		crew->waking = false;
		crew->count--;
	}
	return ret;
}

int crew_post(struct crew *crew, struct dbox_job *job, struct creds *now_r)
{
	enum crew_need need;

	lock_take(&crew->lock);
	crew_append(crew, job);
	need = crew_more(crew);
	lock_drop(&crew->lock);
	return crew_serve(crew, need, now_r);
}

int crew_post_rest(struct crew *crew, struct dbox_job *job,
		   const struct creds *now)
{
	enum crew_need need = CREW_NOTHING;
	int ret = 0;

	lock_take(&crew->lock);
	if (crew->head == NULL && crew->running == 0)
		creds_copy(&crew->creds, now);
	else if (!creds_same(&crew->creds, now))
		ret = EBUSY;
	if (ret == 0) {
		crew_append(crew, job);
		need = crew_more(crew);
	}
	lock_drop(&crew->lock);
	if (need == CREW_WAKE)
		raw_futex_wake(&crew->call, 1);
	return ret;
}

void crew_stop(struct crew *crew)
{
	lock_take(&crew->lock);
	crew->stopped = true;
	__atomic_store_n(&crew->call, crew->call + 1, __ATOMIC_RELAXED);
	if (crew->count == 0) {
		crew_free(crew);
		return;
	}
	/* Under the lock: the last one would free it. */
	raw_futex_wake(&crew->call, INT_MAX);
	lock_drop(&crew->lock);
}
