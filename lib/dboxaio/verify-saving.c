/* verify-saving.c: tells a message that is being saved from a broken one */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "verify.h"

void saving_look(const char *path, struct saving *saving_r)
{
	struct stat st;
	int fd;

	memset(saving_r, 0, sizeof(*saving_r));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		saving_r->open = true;
		saving_r->device = st.st_dev;
		saving_r->inode = st.st_ino;
		saving_r->size = (uint64_t)st.st_size;
		saving_r->mtime = st.st_mtim.tv_sec;
		saving_r->mtime_nsec = st.st_mtim.tv_nsec;
		/* Dovecot holds flock() from a record's first byte to its
		   commit (dbox_file_try_lock). Should it want it in the moment
		   until it is closed here, it appends to another file, as it
		   does when another of its processes has it. */
		saving_r->locked = flock(fd, LOCK_SH | LOCK_NB) < 0;
	}
	close(fd);
}

bool saving_between(const struct saving *before, const struct saving *after)
{
	if (!after->open)
		return true;	/* purged, or moved away */
	return before->locked || after->locked ||
		before->device != after->device ||
		before->inode != after->inode ||
		before->size != after->size ||
		before->mtime != after->mtime ||
		before->mtime_nsec != after->mtime_nsec;
}
