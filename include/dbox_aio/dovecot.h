/*
 * dbox_aio/dovecot.h: a context in a Dovecot ioloop.
 *
 *	struct dbox_aio_dovecot *adapter;
 *
 *	dbox_aio_dovecot_attach(&adapter, ctx, io_loop_get_root(),
 *				dispatched, NULL);
 *	... the ioloop runs the callbacks of requests
 *	dbox_aio_dovecot_detach(&adapter);
 *	dbox_aio_deinit(&ctx);
 *
 * Callbacks run without an ioloop context: a mail process serves many users,
 * and whose request is done first is not known before. A host that goes on
 * with a user's work activates that user's context, and not inside a callback
 * of the library but in dispatched(): only there may it dispatch again.
 */
#ifndef DBOX_AIO_DOVECOT_H
#define DBOX_AIO_DOVECOT_H

#include "lib.h"
#include "ioloop.h"
#include <dbox_aio.h>

struct dbox_aio_dovecot {
	struct dbox_aio *ctx;
	struct ioloop *ioloop;
	struct io *io;
	void (*dispatched)(int ret, void *context);
	void *context;
};

/* Leaves the ioloop context of the user whose work is being done, so that what
   is added to the ioloop now doesn't belong to him, and returns it for
   dbox_aio_dovecot_enter(); NULL if there is none. Keeps the prefix of log
   messages, which can be another one than the user's. */
static inline struct ioloop_context *
dbox_aio_dovecot_leave(struct ioloop *ioloop, const char **log_prefix_r)
{
	struct ioloop_context *user = io_loop_get_current_context(ioloop);

	*log_prefix_r = t_strdup(i_get_failure_prefix());
	if (user != NULL)
		io_loop_context_deactivate(user);
	return user;
}

static inline void
dbox_aio_dovecot_enter(struct ioloop_context *user, const char *log_prefix)
{
	if (user == NULL)
		return;
	io_loop_context_activate(user);
	if (strcmp(i_get_failure_prefix(), log_prefix) != 0)
		i_set_failure_prefix("%s", log_prefix);
}

static inline void dbox_aio_dovecot_ready(struct dbox_aio_dovecot *adapter)
{
	void (*dispatched)(int ret, void *context) = adapter->dispatched;
	void *context = adapter->context;
	int ret;

	ret = dbox_aio_dispatch(adapter->ctx, 0);
	if (ret == DBOX_AIO_ESHUTDOWN) {
		/* A callback took down the context, and detached the adapter
		   before. */
		return;
	}
	if (ret == DBOX_AIO_EDEADLK) {
		/* A callback runs this ioloop. Whoever called the callback
		   goes on with the rest. */
		return;
	}
	if (ret < 0)
		io_remove(&adapter->io);
	dispatched(ret, context);
}

/* Makes the ioloop dispatch the context, until dbox_aio_dovecot_detach().
   dispatched is called after each dispatch with what it returned. If that is
   negative the context can't be dispatched any more (ETHREAD, EFORKED,
   EINTERNAL, EINVAL) and isn't watched either; dispatched may detach the
   adapter.

   Returns 0, or what dbox_aio_fd() returns: EINVAL, ESHUTDOWN, ETHREAD,
   EFORKED. *adapter_r is NULL then. */
static inline int
dbox_aio_dovecot_attach(struct dbox_aio_dovecot **adapter_r,
			struct dbox_aio *ctx, struct ioloop *ioloop,
			void (*dispatched)(int ret, void *context),
			void *context)
{
	struct dbox_aio_dovecot *adapter;
	struct ioloop_context *user;
	const char *log_prefix;
	const int fd = dbox_aio_fd(ctx);

	*adapter_r = NULL;
	if (fd < 0)
		return fd;
	adapter = i_new(struct dbox_aio_dovecot, 1);
	adapter->ctx = ctx;
	adapter->ioloop = ioloop;
	adapter->dispatched = dispatched;
	adapter->context = context;
	/* io_add() would keep the context of the user whose work is being
	   done, and activate it in each callback. */
	T_BEGIN {
		user = dbox_aio_dovecot_leave(ioloop, &log_prefix);
		adapter->io = io_add_to(ioloop, fd, IO_READ,
					dbox_aio_dovecot_ready, adapter);
		dbox_aio_dovecot_enter(user, log_prefix);
	} T_END;
	*adapter_r = adapter;
	return 0;
}

/* Takes the context out of the ioloop, frees the adapter and sets *adapter to
   NULL; nothing if it is NULL. To be called before dbox_aio_deinit() and before
   the ioloop is destroyed. */
static inline void
dbox_aio_dovecot_detach(struct dbox_aio_dovecot **adapter)
{
	struct dbox_aio_dovecot *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	io_remove(&old->io);
	i_free(old);
}

#endif
