/* job.h: a message that a thread reads. */
#ifndef JOB_H
#define JOB_H

#include "bench.h"

struct job {
	struct job *next;
	const struct message *msg;
	struct buffer buf;
	size_t filled;
	unsigned int message_header_size;
};

struct job *job_new(const struct message *msg);
/* Runs on any thread. */
void job_read(struct job *job);
/* Delivers it, and keeps the job for the next message. */
void job_deliver(struct job *job);

#endif
