/*
 * workers.h: the workers of the thread backend. They are in C because a Go
 * runtime that can't create a thread ends the process, while here a worker less
 * is only a worker less; and as they are threads that setuid() in the host does
 * not wait for (worker.c).
 *
 * A job is done with the rights that the thread had which posted it: a worker
 * keeps those that it was made with, and when the host has others there are
 * others made. For what was asked for before there are workers that take back
 * the rights of then.
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
	uint32_t rights;        /* the poster's number for others than its own,
				   or 0 */
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
struct creds;

/* Makes a pool with up to max workers, and one thread for the case that none can
   be had later. 0, or an errno. */
int dbox_workers_new(struct dbox_done *done, unsigned int max,
		     int open_flags, unsigned int statx_mask,
		     struct dbox_workers **workers_r);
/* Queues a job; never waits. look: the calling thread can have other rights than
   at the last call. -1 if there is no worker at all. */
int dbox_workers_post(struct dbox_workers *workers, struct dbox_job *job,
		      int look);
/* The same for a job to be done with other rights than the calling thread has:
   by workers that become who that was. -EACCES is its result if they can't. */
int dbox_workers_post_as(struct dbox_workers *workers, struct dbox_job *job,
			 const struct creds *creds);
/* Lets the workers end once the queue is empty; the last one frees the pool. */
void dbox_workers_stop(struct dbox_workers *workers);

/* Has descriptors closed by workers of their own; waits for nothing. Returns how
   many of them, from the first one on: less than count if no worker is to be
   had. */
unsigned int dbox_workers_close(const int32_t *fds, unsigned int count);

#endif
