#ifndef DBOX_AIO_IOLOOP_H
#define DBOX_AIO_IOLOOP_H

/* Timeouts of the process, in its root ioloop and without the ioloop context of
   the user whose work is being done just now. */

#include "ioloop.h"

static inline struct timeout *
dbox_aio_timeout_add(unsigned int msecs, timeout_callback_t *callback,
		     void *context)
{
	struct ioloop *ioloop = io_loop_get_root();
	struct ioloop_context *user = io_loop_get_current_context(ioloop);
	struct timeout *to;

	if (user != NULL)
		io_loop_context_deactivate(user);
	to = (timeout_add_to)(ioloop, msecs, __FILE__, __LINE__,
			      callback, context);
	if (user != NULL)
		io_loop_context_activate(user);
	return to;
}

#endif
