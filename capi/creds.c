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

size_t creds_size(const struct creds *creds)
{
	return offsetof(struct creds, groups) +
		creds->groups_count * sizeof(creds->groups[0]);
}

int creds_same(const struct creds *a, const struct creds *b)
{
	return a->groups_count == b->groups_count &&
		memcmp(a, b, creds_size(a)) == 0;
}

static int creds_have_root(const struct creds *creds)
{
	return creds->uids[0] == 0 || creds->uids[1] == 0 ||
		creds->uids[2] == 0;
}

int creds_fixed(const struct creds *creds)
{
	return !creds_have_root(creds) &&
		creds->uids[0] == creds->uids[1] &&
		creds->uids[0] == creds->uids[2] &&
		creds->gids[0] == creds->gids[1] &&
		creds->gids[0] == creds->gids[2] &&
		creds->capabilities[0].permitted == 0 &&
		creds->capabilities[1].permitted == 0;
}

int creds_given_up(const struct creds *creds, const struct creds *own)
{
	return (creds->capabilities[0].effective &
		1U << CAP_DAC_OVERRIDE) != 0 &&
		!creds_have_root(own) &&
		own->capabilities[0].permitted == 0 &&
		own->capabilities[1].permitted == 0;
}

int creds_become(const struct creds *creds, struct creds *own_r)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0,
	};

	creds_read(own_r);
	if (creds_same(own_r, creds))
		return 0;
	/* What of this is refused is seen in the end. Capabilities come back
	   with the effective id 0. */
	if (own_r->uids[1] != 0)
		(void)raw_call(SYS_setresuid, -1, 0, -1, 0, 0);
	(void)raw_call(SYS_setgroups, (long)creds->groups_count,
		       (long)creds->groups, 0, 0, 0);
	(void)raw_call(SYS_setresgid, (long)creds->gids[0],
		       (long)creds->gids[1], (long)creds->gids[2], 0, 0);
	(void)raw_call(SYS_setresuid, (long)creds->uids[0],
		       (long)creds->uids[1], (long)creds->uids[2], 0, 0);
	(void)raw_call(SYS_capset, (long)&header, (long)creds->capabilities,
		       0, 0, 0);
	creds_read(own_r);
	return creds_same(own_r, creds) ? 0 : -1;
}

void creds_copy(struct creds *to, const struct creds *from)
{
	memcpy(to, from, creds_size(from));
}
