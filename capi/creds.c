#define _GNU_SOURCE
#include "creds.h"
#include "raw.h"

#include <string.h>

void creds_read(struct creds *creds_r)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0,
	};
	long count;

	/* What can't be asked for here is the same each time. */
	memset(creds_r, 0, offsetof(struct creds, groups));
	(void)raw_call(SYS_getresuid, (long)&creds_r->uids[0],
		       (long)&creds_r->uids[1], (long)&creds_r->uids[2], 0, 0);
	(void)raw_call(SYS_getresgid, (long)&creds_r->gids[0],
		       (long)&creds_r->gids[1], (long)&creds_r->gids[2], 0, 0);
	(void)raw_call(SYS_capget, (long)&header, (long)creds_r->capabilities,
		       0, 0, 0);
	count = raw_call(SYS_getgroups, NGROUPS_MAX, (long)creds_r->groups,
			 0, 0, 0);
	if (count > 0)
		creds_r->groups_count = (unsigned int)count;
}

static size_t creds_size(const struct creds *creds)
{
	return offsetof(struct creds, groups) +
		creds->groups_count * sizeof(creds->groups[0]);
}

int creds_same(const struct creds *a, const struct creds *b)
{
	return a->groups_count == b->groups_count &&
		memcmp(a, b, creds_size(a)) == 0;
}

void creds_copy(struct creds *to, const struct creds *from)
{
	memcpy(to, from, creds_size(from));
}
