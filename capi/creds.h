/*
 * creds.h: the rights of a thread. The kernel keeps them thread by thread; that
 * setuid() changes those of a whole process is the C library's work.
 */
#ifndef DBOX_CREDS_H
#define DBOX_CREDS_H

#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/types.h>

/* The ids that setfsuid(2) sets are not here: they follow the effective ones
   unless a host calls that, and asking for them is a call that filters of system
   calls kill a process for. */
struct creds {
	uid_t uids[3];          /* real, effective, saved */
	gid_t gids[3];
	struct __user_cap_data_struct capabilities[2];
	unsigned int groups_count;
	gid_t groups[NGROUPS_MAX];      /* groups_count are set, and touched */
};

/* Those of the calling thread. */
void creds_read(struct creds *creds_r);
int creds_same(const struct creds *a, const struct creds *b);
void creds_copy(struct creds *to, const struct creds *from);

#endif
