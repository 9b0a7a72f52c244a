/* A bare poll() loop, as a host writes it. */
#include <errno.h>
#include <dbox_aio/poll.h>
#include <stdlib.h>
#include "loop.h"

#define SLOTS 8

/* pollfd.fd is -1 where nothing is attached. */
struct loop {
	struct pollfd fds[SLOTS];
	struct adapter {
		struct loop *loop;	/* NULL: not used */
		struct dbox_aio *ctx;
		void (*failed)(int status, void *context);
		void *context;
	} adapters[SLOTS];
};

const char *const loop_variants[] = { "poll", NULL };

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	unsigned int i;

	(void)variant;
	for (i = 0; i < SLOTS; i++)
		dbox_aio_poll_detach(&loop->fds[i]);
	return loop;
}

void loop_free(struct loop *loop)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		LOOP_CHECK(loop->adapters[i].loop == NULL);
	free(loop);
}

void loop_forked(struct loop *loop)
{
	(void)loop;
}

void loop_round(struct loop *loop, int timeout_ms)
{
	struct adapter *adapter;
	struct dbox_aio *ctx;
	unsigned int i;
	int ret;

	if (poll(loop->fds, SLOTS, timeout_ms) < 0) {
		LOOP_CHECK(errno == EINTR);
		return;
	}
	for (i = 0; i < SLOTS; i++) {
		adapter = &loop->adapters[i];
		ctx = adapter->ctx;
		ret = dbox_aio_poll_dispatch(&loop->fds[i], ctx);
		/* A callback may have given the slot to another one. */
		if (ret >= 0 || ret == DBOX_AIO_EDEADLK ||
		    adapter->ctx != ctx)
			continue;
		dbox_aio_poll_detach(&loop->fds[i]);
		if (ret != DBOX_AIO_ESHUTDOWN)
			adapter->failed(ret, adapter->context);
	}
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	static struct pollfd closed = { 1000000, POLLIN, POLLNVAL };
	struct adapter *adapter;
	unsigned int i = 0;
	int ret;

	/* what was closed is told */
	LOOP_CHECK(dbox_aio_poll_dispatch(&closed, ctx) == DBOX_AIO_EINVAL);
	while (loop->adapters[i].loop != NULL)
		LOOP_CHECK(++i < SLOTS);
	*adapter_r = NULL;
	ret = dbox_aio_poll_attach(&loop->fds[i], ctx);
	if (ret < 0)
		return ret;
	adapter = &loop->adapters[i];
	adapter->loop = loop;
	adapter->ctx = ctx;
	adapter->failed = failed;
	adapter->context = context;
	*adapter_r = adapter;
	return 0;
}

void loop_detach(struct adapter **adapter)
{
	struct adapter *old = *adapter;

	if (old == NULL)
		return;
	*adapter = NULL;
	dbox_aio_poll_detach(&old->loop->fds[old - old->loop->adapters]);
	old->ctx = NULL;
	old->loop = NULL;
}

/* It has none. */
int loop_fail_allocation(void)
{
	return 0;
}

int loop_tells_closed(unsigned int variant)
{
	(void)variant;
	return 1;
}

/* It is the host's affair. */
int loop_nests(void)
{
	return 0;
}
