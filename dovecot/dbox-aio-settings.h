#ifndef DBOX_AIO_SETTINGS_H
#define DBOX_AIO_SETTINGS_H

/* plugin { dbox_aio_* } of dovecot.conf:

   dbox_aio_backend	auto (default), io_uring or threads
   dbox_aio_queue_depth	operations given to the kernel at once
   dbox_aio_max_bytes	memory for mails, of the whole process; 128M
   dbox_aio_window	mails that a command reads ahead; 0 = as
			mail_prefetch_count, or 32 if that is 0 too */

#include "dbox-reader.h"
#include <dbox_aio.h>

struct mail_user;

struct dbox_aio_settings {
	struct dbox_aio_options options;
	struct dbox_reader_limits limits;
};

/* Read the user's settings, and what the process is allowed to have. One that
   is wrong is logged, and its default used. */
void dbox_aio_settings_read(struct mail_user *user,
			    struct dbox_aio_settings *set_r);

/* As limits.window, without logging anything. */
unsigned int dbox_aio_settings_get_window(struct mail_user *user);

#endif
