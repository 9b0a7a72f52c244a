/*
 * job.h: what a worker does with a job. All of it can run on a thread that the C
 * library does not know.
 */
#ifndef DBOX_JOB_H
#define DBOX_JOB_H

#include "workers.h"

/* Does the job, waiting for storage, unless it was cancelled. */
void job_run(struct dbox_job *job, int open_flags, unsigned int statx_mask);
/* Gives it back, and tells who waits for it. Afterwards the job and done can be
   gone. */
void job_finish(struct dbox_done *done, struct dbox_job *job);

#endif
