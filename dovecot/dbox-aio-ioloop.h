#ifndef DBOX_AIO_IOLOOP_H
#define DBOX_AIO_IOLOOP_H

/* Timeouts of the process, in its root ioloop and without the ioloop context of
   the user whose work is being done just now. */

#include <dbox_aio/dovecot.h>

static inline struct timeout *
dbox_aio_timeout_add(unsigned int msecs, timeout_callback_t *callback,
		     void *context)
{
	struct ioloop *ioloop = io_loop_get_root();
	struct ioloop_context *user;
	const char *log_prefix;
	struct timeout *to;

	T_BEGIN {
		user = dbox_aio_dovecot_leave(ioloop, &log_prefix);
		to = (timeout_add_to)(ioloop, msecs, __FILE__, __LINE__,
				      callback, context);
		dbox_aio_dovecot_enter(user, log_prefix);
	} T_END;
	return to;
}

#endif
