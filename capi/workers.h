/*
 * workers.h: the workers of the thread backend, as POSIX threads. They are in
 * C because a Go runtime that can't create a thread ends the process, while
 * here a worker less is only a worker less.
 *
 * The structs are go/backend/threads' Job and Shared.
 */
#ifndef DBOX_WORKERS_H
#define DBOX_WORKERS_H

#include <stdint.h>

enum dbox_job_kind {
	DBOX_JOB_OPEN = 1,
	DBOX_JOB_READ = 2,
	DBOX_JOB_STAT = 3,
	DBOX_JOB_CLOSE = 4
};

enum dbox_job_state {
	DBOX_JOB_QUEUED = 0,
	DBOX_JOB_RUNNING = 1,
	DBOX_JOB_CANCELLED = 2
};

struct dbox_job {
	struct dbox_job *next;
	void *buf;
	const char *path;
	uint64_t off;
	uint32_t len;
	int32_t fd;
	uint32_t tag;
	uint32_t kind;
	int32_t result;         /* or a negative errno */
	uint32_t state;         /* atomic */
};

/* Where finished jobs are left. Between writers += 1 and writers -= 1 a
   worker pushes the job to done and, if that was empty, writes to event_fd
   unless it is negative. */
struct dbox_done {
	struct dbox_job *done;
	int32_t event_fd;
	uint32_t writers;
};

struct dbox_workers;

/* Makes a pool with up to max workers, of which the first is started at once.
   0, or an errno. */
int dbox_workers_new(struct dbox_done *done, unsigned int max,
		     int open_flags, unsigned int statx_mask,
		     struct dbox_workers **workers_r);
/* Queues a job; never waits. -1 if there is no worker at all. */
int dbox_workers_post(struct dbox_workers *workers, struct dbox_job *job);
/* Lets the workers end once the queue is empty; the last one frees the pool. */
void dbox_workers_stop(struct dbox_workers *workers);

#endif
