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
size_t creds_size(const struct creds *creds);
/* Whether a thread with these can never have others again. */
int creds_fixed(const struct creds *creds);
/* Gives these to the calling thread alone, whose own are read into *own_r: so
   not on a thread that the C library knows, which keeps the rights of those
   equal. -1 if it can't have them; whatever it has then. */
int creds_become(const struct creds *creds, struct creds *own_r);
/* Whether these opened all files, and a thread with own has less for good. */
int creds_given_up(const struct creds *creds, const struct creds *own);
void creds_copy(struct creds *to, const struct creds *from);

#endif
