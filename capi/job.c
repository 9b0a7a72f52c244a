#define _GNU_SOURCE
#include "job.h"
#include "raw.h"

#include <stdbool.h>
#include <sys/sysmacros.h>

/* statx(2), or fstat(2) where a filter or an old kernel denies that. */
static long job_stat(int fd, unsigned int mask, struct statx *buf)
{
	struct stat st;
	long ret = raw_statx(fd, mask, buf);

	if (ret != -ENOSYS && ret != -EPERM)
		return ret;
	ret = raw_fstat(fd, &st);
	if (ret < 0)
		return ret;
	buf->stx_mask = STATX_BASIC_STATS;
	buf->stx_mode = (uint16_t)st.st_mode;
	buf->stx_nlink = (uint32_t)st.st_nlink;
	buf->stx_ino = st.st_ino;
	buf->stx_size = (uint64_t)st.st_size;
	buf->stx_dev_major = major(st.st_dev);
	buf->stx_dev_minor = minor(st.st_dev);
	buf->stx_mtime.tv_sec = st.st_mtim.tv_sec;
	buf->stx_mtime.tv_nsec = (uint32_t)st.st_mtim.tv_nsec;
	buf->stx_ctime.tv_sec = st.st_ctim.tv_sec;
	buf->stx_ctime.tv_nsec = (uint32_t)st.st_ctim.tv_nsec;
	buf->stx_mnt_id = 0;
	return 0;
}

static long job_call(struct dbox_job *job, int open_flags,
		     unsigned int statx_mask)
{
	switch (job->kind) {
	case DBOX_JOB_OPEN:
		return raw_open(job->path, open_flags);
	case DBOX_JOB_READ:
		return raw_pread(job->fd, job->buf, job->len, job->off);
	case DBOX_JOB_STAT:
		return job_stat(job->fd, statx_mask, job->buf);
	case DBOX_JOB_CLOSE:
		raw_close(job->fd);
		return 0;
	}
	return -ENOSYS;
}

void job_run(struct dbox_job *job, int open_flags, unsigned int statx_mask)
{
	uint32_t state = DBOX_JOB_QUEUED;
	long ret;

	if (!__atomic_compare_exchange_n(&job->state, &state, DBOX_JOB_RUNNING,
					 false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		job->result = -ECANCELED;
		return;
	}
	do {
		ret = job_call(job, open_flags, statx_mask);
	} while (ret == -EINTR);
	job->result = (int32_t)ret;
}

void job_finish(struct dbox_done *done, struct dbox_job *job)
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
		if (fd >= 0)
			raw_write(fd, &one, sizeof(one));
	}
	__atomic_sub_fetch(&done->writers, 1, __ATOMIC_SEQ_CST);
}
