/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

/* statx() */
#define _GNU_SOURCE

#include "lib.h"
#include "ioloop.h"
#include "istream.h"
#include "dbox-aio-mount.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Kernel 5.8, and not in all C libraries' headers */
#ifndef STATX_MNT_ID
#  define STATX_MNT_ID 0x00001000U
#endif

/* An open takes a tenth of this if all is in the cache. */
#define SLOW_OPEN_USECS 300
/* One alone can be the scheduler's doing. */
#define SLOW_OPENS 2
/* So many at once, and storage isn't waited for any more. */
#define QUICK_READS 32
/* Mounts come and go. */
#define MOUNT_VALID_SECS 60

struct dbox_aio_mount {
	struct dbox_aio_mount *next;

	uint64_t id;
	unsigned int dev_major, dev_minor;
	time_t checked;
	bool local;

	/* local: Dovecot had to wait; opens or reads in a row that say that
	   it is otherwise now */
	bool slow;
	unsigned int changing;
};

static struct dbox_aio_mount *mounts;

/* overlay is what containers have. What is below it is local as a rule, and
   found to be slow if it isn't. */
static const char *const local_fs_types[] = {
	"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "zfs",
	"overlay", NULL
};

/* <id> <parent> <major:minor> <root> <mount point> <options> [...] - <type> */
static bool mount_line_get_type(const char *line, uint64_t id,
				const char **type_r)
{
	const char *const *args = t_strsplit_spaces(line, " ");
	uint64_t line_id;

	if (args[0] == NULL || str_to_uint64(args[0], &line_id) < 0 ||
	    line_id != id)
		return FALSE;
	for (; *args != NULL; args++) {
		if (strcmp(*args, "-") == 0 && args[1] != NULL) {
			*type_r = args[1];
			return TRUE;
		}
	}
	return FALSE;
}

static bool mount_id_is_local(uint64_t id)
{
	struct istream *input;
	const char *line, *type;
	bool ret = FALSE;

	input = i_stream_create_file("/proc/self/mountinfo", 64 * 1024);
	while ((line = i_stream_read_next_line(input)) != NULL) {
		if (mount_line_get_type(line, id, &type)) {
			ret = str_array_find(local_fs_types, type);
			break;
		}
	}
	i_stream_unref(&input);
	return ret;
}

/* Nothing of this asks a server: the directory was looked at before, and old
   attributes do. */
static int mount_stat(const char *dir, struct statx *stx_r)
{
	const char *p;

	while (statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		     STATX_MNT_ID, stx_r) < 0) {
		p = strrchr(dir, '/');
		if (errno != ENOENT || p == NULL || p == dir)
			return -1;
		dir = t_strdup_until(dir, p);
	}
	return (stx_r->stx_mask & STATX_MNT_ID) != 0 ? 0 : -1;
}

static struct dbox_aio_mount *mount_find(const struct statx *stx)
{
	struct dbox_aio_mount *mount;

	for (mount = mounts; mount != NULL; mount = mount->next) {
		if (mount->id == stx->stx_mnt_id &&
		    mount->dev_major == stx->stx_dev_major &&
		    mount->dev_minor == stx->stx_dev_minor)
			return mount;
	}
	mount = i_new(struct dbox_aio_mount, 1);
	mount->id = stx->stx_mnt_id;
	mount->dev_major = stx->stx_dev_major;
	mount->dev_minor = stx->stx_dev_minor;
	mount->next = mounts;
	mounts = mount;
	return mount;
}

static struct dbox_aio_mount *mount_get(const char *dir)
{
	struct dbox_aio_mount *mount;
	struct statx stx;

	if (mount_stat(dir, &stx) < 0) {
		/* unknown: as if it wasn't local */
		i_zero(&stx);
	}
	mount = mount_find(&stx);
	if (mount->id != 0 &&
	    ioloop_time - mount->checked >= MOUNT_VALID_SECS) {
		mount->checked = ioloop_time;
		mount->local = mount_id_is_local(mount->id);
	}
	return mount;
}

struct dbox_aio_mount *dbox_aio_mount_get(const char *dir)
{
	struct dbox_aio_mount *mount;

	T_BEGIN {
		mount = mount_get(dir);
	} T_END;
	return mount;
}

bool dbox_aio_mount_is_quick(const struct dbox_aio_mount *mount)
{
	return mount->local && !mount->slow;
}

static void mount_change(struct dbox_aio_mount *mount, bool slow,
			 unsigned int limit)
{
	if (mount->slow == slow) {
		mount->changing = 0;
	} else if (++mount->changing >= limit) {
		mount->changing = 0;
		mount->slow = slow;
	}
}

void dbox_aio_mount_opened(struct dbox_aio_mount *mount, unsigned int usecs)
{
	/* While mails are read by the library it only opens those that the
	   library couldn't read. */
	if (!mount->slow)
		mount_change(mount, usecs >= SLOW_OPEN_USECS, SLOW_OPENS);
}

void dbox_aio_mount_read(struct dbox_aio_mount *mount, bool at_once)
{
	if (mount->slow)
		mount_change(mount, !at_once, QUICK_READS);
}

void dbox_aio_mounts_deinit(void)
{
	struct dbox_aio_mount *mount;

	while ((mount = mounts) != NULL) {
		mounts = mount->next;
		i_free(mount);
	}
}
