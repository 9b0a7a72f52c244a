#ifndef DBOX_AIO_MOUNT_H
#define DBOX_AIO_MOUNT_H

/* Where reading ahead pays. A mail on a local file system that is in the
   kernel's cache is read in a few microseconds: nothing is quicker than reading
   it at once. So mails on local mounts are left to Dovecot as long as that
   doesn't have to wait, and read by the library as long as it would. Mounts
   that aren't local are always the library's: there even the cache can wait,
   and a server can be gone. */

#include <time.h>

struct dbox_aio_mount;

/* Returns the mount of a directory, or of the nearest one above it that
   exists. Valid until dbox_aio_mounts_deinit(). */
struct dbox_aio_mount *dbox_aio_mount_get(const char *dir);
/* Returns TRUE if Dovecot should read by itself. */
bool dbox_aio_mount_is_quick(const struct dbox_aio_mount *mount);

/* Dovecot opens a mail by itself, and has opened it. */
struct dbox_aio_mount_open {
	struct timespec start;
	long waits;
	bool measured;
};
void dbox_aio_mount_open_begin(struct dbox_aio_mount *mount,
			       struct dbox_aio_mount_open *open_r);
void dbox_aio_mount_open_end(struct dbox_aio_mount *mount,
			     const struct dbox_aio_mount_open *open);

/* The library has read a mail: at once, without waiting for storage, or not. */
void dbox_aio_mount_read(struct dbox_aio_mount *mount, bool at_once);

void dbox_aio_mounts_deinit(void);

#endif
