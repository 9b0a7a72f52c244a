/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

/* statx() */
#define _GNU_SOURCE

#include "lib.h"
#include "ioloop.h"
#include "istream.h"
#include "dbox-aio-mount.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Kernel 5.8, and not in all C libraries' headers */
#ifndef STATX_MNT_ID
#  define STATX_MNT_ID 0x00001000U
#endif

/* An open takes a tenth of this if all is in the cache. */
#define SLOW_OPEN_USECS 300
/* After a slow open so many are looked at, and so many of them tell that
   storage is slow. */
#define SUSPECTED_OPENS 8
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

	/* local: Dovecot had to wait */
	bool slow;
	/* opens, those that are still to be looked at closely, and those of
	   them that waited for storage */
	unsigned int opens, suspected, waits;
	/* the library's reads in a row that didn't have to wait */
	unsigned int quick_reads;
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

/* The clock is read for every fourth open only, as it costs some percents of
   an open. One that took long is looked at more closely: was it storage that
   this process waited for, or somebody else who had the processor? */
void dbox_aio_mount_open_begin(struct dbox_aio_mount *mount,
			       struct dbox_aio_mount_open *open_r)
{
	struct rusage usage;

	open_r->waits = 0;
	open_r->measured = mount->suspected > 0 || ++mount->opens % 4 == 0;
	if (!open_r->measured)
		return;
	if (mount->suspected > 0 && getrusage(RUSAGE_THREAD, &usage) == 0)
		open_r->waits = usage.ru_nvcsw;
	(void)clock_gettime(CLOCK_MONOTONIC, &open_r->start);
}

void dbox_aio_mount_open_end(struct dbox_aio_mount *mount,
			     const struct dbox_aio_mount_open *open)
{
	struct timespec end;
	struct rusage usage;

	if (!open->measured)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	if ((end.tv_sec - open->start.tv_sec) * 1000000 +
	    (end.tv_nsec - open->start.tv_nsec) / 1000 < SLOW_OPEN_USECS) {
		if (mount->suspected > 0)
			mount->suspected--;
		return;
	}
	if (mount->suspected == 0) {
		mount->suspected = SUSPECTED_OPENS;
		mount->waits = 0;
		return;
	}
	mount->suspected--;
	if (getrusage(RUSAGE_THREAD, &usage) == 0 &&
	    usage.ru_nvcsw != open->waits &&
	    ++mount->waits >= SLOW_OPENS) {
		mount->slow = TRUE;
		mount->quick_reads = 0;
		mount->suspected = 0;
	}
}

void dbox_aio_mount_read(struct dbox_aio_mount *mount, bool at_once)
{
	if (!mount->slow)
		return;
	if (!at_once)
		mount->quick_reads = 0;
	else if (++mount->quick_reads >= QUICK_READS)
		mount->slow = FALSE;
}

void dbox_aio_mounts_deinit(void)
{
	struct dbox_aio_mount *mount;

	while ((mount = mounts) != NULL) {
		mounts = mount->next;
		i_free(mount);
	}
}
