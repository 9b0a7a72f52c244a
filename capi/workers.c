/*
 * workers.c: a pool has a crew that has the host's rights as they are, and a
 * POSIX thread, the keeper. That one does jobs where no thread can be made any
 * more, as after setrlimit(RLIMIT_NPROC) in the host, and else nothing: so it
 * answers at once when setuid() asks it to take part. What the host has asked
 * for with rights that it has not at this moment is done by a crew of others.
 */
#define _GNU_SOURCE
#include "crew.h"
#include "raw.h"

#include <sys/mman.h>

/* How often rights can change during one call before it is given up. */
#define TRIES 4

struct dbox_workers {
	struct crew_options options;
	struct crew *crew;              /* or NULL */
	struct crew *others;            /* who become somebody; or NULL */
	struct crew *keeper;
	struct creds now;               /* the host's, when they were looked at */
};

static struct dbox_workers *workers_map(void)
{
	/* No heap: of groups there can be many, and are few. */
	void *memory = mmap(NULL, sizeof(struct dbox_workers),
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void workers_unmap(struct dbox_workers *workers)
{
	(void)munmap(workers, sizeof(*workers));
}

int dbox_workers_new(struct dbox_done *done, unsigned int max,
		     int open_flags, unsigned int statx_mask,
		     struct dbox_workers **workers_r)
{
	struct dbox_workers *workers = workers_map();
	struct crew_options keeper;
	int ret;

	if (workers == NULL)
		return ENOMEM;
	workers->options = (struct crew_options) {
		.done = done, .max = max, .open_flags = open_flags,
		.statx_mask = statx_mask, .posix = !DBOX_RAW,
	};
	keeper = workers->options;
	keeper.max = 1;
	keeper.posix = keeper.stay = true;
	creds_read(&workers->now);
	workers->keeper = crew_new(&keeper, &workers->now);
	ret = workers->keeper == NULL ? ENOMEM : crew_start(workers->keeper);
	if (ret != 0) {
		if (workers->keeper != NULL)
			crew_stop(workers->keeper);
		workers_unmap(workers);
		return ret;
	}
	*workers_r = workers;
	return 0;
}

static void workers_end(struct crew **crew)
{
	if (*crew != NULL)
		crew_stop(*crew);
	*crew = NULL;
}

/* Has the crew be one with the rights of the calling thread. */
static int workers_look(struct dbox_workers *workers)
{
	creds_read(&workers->now);
	if (workers->crew != NULL &&
	    creds_same(&workers->crew->creds, &workers->now))
		return 0;
	workers_end(&workers->crew);
	workers->crew = crew_new(&workers->options, &workers->now);
	return workers->crew == NULL ? ENOMEM : 0;
}

/* Has workers be POSIX threads from now on if ret says that others are refused,
   as by a filter that knows pthread_create() only. */
static bool workers_go_posix(struct dbox_workers *workers, int ret)
{
	if (workers->options.posix ||
	    (ret != EPERM && ret != ENOSYS && ret != EINVAL))
		return false;
	workers->options.posix = true;
	return true;
}

int dbox_workers_post(struct dbox_workers *workers, struct dbox_job *job,
		      int look)
{
	unsigned int i;
	int ret;

	for (i = 0; i < TRIES; i++) {
		if (look || workers->crew == NULL) {
			ret = workers_look(workers);
			if (ret != 0)
				break;
		}
		ret = crew_post(workers->crew, job, &workers->now);
		if (ret == 0)
			return 0;
		if (workers_go_posix(workers, ret)) {
			workers_end(&workers->crew);
		} else if (ret != ESTALE) {
			break;
		}
		look = 1;
	}
	return crew_post_rest(workers->keeper, job, &workers->now) == 0 ?
		0 : -1;
}

int dbox_workers_post_as(struct dbox_workers *workers, struct dbox_job *job,
			 const struct creds *creds)
{
	struct crew_options options = workers->options;
	int ret;

	options.become = true;
	if (workers->others != NULL &&
	    (!creds_same(&workers->others->creds, creds) ||
	     workers->others->options.posix != options.posix))
		workers_end(&workers->others);
	if (workers->others == NULL)
		workers->others = crew_new(&options, creds);
	if (workers->others == NULL)
		return -1;
	ret = crew_post(workers->others, job, NULL);
	if (workers_go_posix(workers, ret))
		return dbox_workers_post_as(workers, job, creds);
	return ret == 0 ? 0 : -1;
}

void dbox_workers_stop(struct dbox_workers *workers)
{
	workers_end(&workers->crew);
	workers_end(&workers->others);
	crew_stop(workers->keeper);
	workers_unmap(workers);
}

/*
 * Descriptors that nobody needs any more
 */

/* A close can wait as long as a read can; on one mount more than these few need
   not wait for each other. */
#define CLOSERS_MAX 4

unsigned int dbox_workers_close(const int32_t *fds, unsigned int count)
{
	const struct crew_options options = {
		.max = CLOSERS_MAX, .posix = !DBOX_RAW,
	};
	const size_t size = count * sizeof(struct dbox_job);
	struct dbox_workers *workers = workers_map();
	struct dbox_job *jobs;
	struct crew *crew;
	unsigned int i;

	if (workers == NULL)
		return 0;
	creds_read(&workers->now);
	crew = crew_new(&options, &workers->now);
	workers_unmap(workers);
	if (crew == NULL)
		return 0;
	jobs = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED) {
		crew_stop(crew);
		return 0;
	}
	crew->memory = jobs;
	crew->memory_size = size;
	for (i = 0; i < count; i++) {
		jobs[i].kind = DBOX_JOB_CLOSE;
		jobs[i].fd = fds[i];
		if (crew_post(crew, &jobs[i], NULL) != 0)
			break;
	}
	crew_stop(crew);
	return i;
}
