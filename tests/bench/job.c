/* job.c: a message that a thread reads. Jobs are used again with their buffers,
   the last one first: it is the one that is in the CPU's caches. */
#include <err.h>
#include <stdlib.h>
#include <unistd.h>
#include "job.h"

static struct job *unused;

struct job *job_new(const struct message *msg)
{
	struct job *job = unused;

	if (job != NULL) {
		unused = job->next;
	} else {
		job = calloc(1, sizeof(*job));
		if (job == NULL)
			err(1, "calloc");
	}
	job->msg = msg;
	return job;
}

void job_read(struct job *job)
{
	int fd = message_open(job->msg, &job->message_header_size);

	job->filled = message_read(fd, job->msg, job->msg->record_size,
				   &job->buf);
	close(fd);
}

void job_deliver(struct job *job)
{
	if (!deliver_record(job->msg, job->buf.data, job->filled,
			    job->message_header_size))
		errx(1, "%s: a record without an end", job->msg->path);
	job->next = unused;
	unused = job;
}
