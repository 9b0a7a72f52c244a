/*
 * crew.h: workers with the same rights, and the jobs that they are to do with
 * them. Who does jobs as one user never becomes another one; a crew that is not
 * needed any more does what it has in its queue, and ends.
 */
#ifndef DBOX_CREW_H
#define DBOX_CREW_H

#include "creds.h"
#include "workers.h"

#include <stdbool.h>

/* How long a worker waits for its next job. It is short because a process that
   has given up its rights shall not have threads for long that still have
   them, and can be short because a new worker costs less than what it is for. */
#define CREW_LINGER_MS 100

struct crew_options {
	struct dbox_done *done;         /* NULL: nobody waits for the jobs */
	unsigned int max;
	int open_flags;
	unsigned int statx_mask;
	bool posix;                     /* POSIX threads, which setuid() changes */
	bool stay;                      /* they wait for ever */
	bool become;                    /* they take the crew's rights for theirs */
};

struct crew {
	struct crew_options options;
	size_t page_size;
	uint32_t lock;
	uint32_t call;                  /* changes when an idle one is to come */
	struct dbox_job *head, *tail;
	unsigned int idle, count, running;
	/* One has been told to come, and has not come yet. */
	bool waking;
	bool stopped;
	void *memory;                   /* goes with the crew; or NULL */
	size_t memory_size;
	struct creds creds;             /* with which the jobs are to be done */
	uint32_t own_lock;
	struct creds own;               /* of a worker, for a moment */
};

/* NULL if there is no memory. */
struct crew *crew_new(const struct crew_options *options,
		      const struct creds *creds);
/* Has one come before there is a job. 0, or an errno. */
int crew_start(struct crew *crew);
/* Queues a job, and never waits for storage. An errno if no worker is to be
   had: then the job is not queued; ESTALE if it is because the calling thread
   has other rights than the crew, which are in *now_r then. With now_r NULL the
   rights do not matter. */
int crew_post(struct crew *crew, struct dbox_job *job, struct creds *now_r);
/* The same for a crew that has a POSIX thread for the case that nothing else is
   to be had. It does jobs with one sort of rights at a time: else EBUSY. */
int crew_post_rest(struct crew *crew, struct dbox_job *job,
		   const struct creds *now);
/* Lets the workers end once the queue is empty; the last one frees the crew. */
void crew_stop(struct crew *crew);

/* A worker's life: worker.c calls it on the new thread. The crew can be gone
   when it returns. */
void crew_work(struct crew *crew);

/* worker.c: starts a thread that calls crew_work(). 0, or an errno. The thread
   gets the rights of the calling one: ESTALE if these are not the crew's, unless
   now_r is NULL. */
int worker_start(struct crew *crew, struct creds *now_r);

#endif
