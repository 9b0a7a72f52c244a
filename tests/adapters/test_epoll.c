/* A bare epoll loop, as a host writes it. */
#include "fail_calloc.h"
#include <dbox_aio/epoll.h>
#undef calloc
#include <unistd.h>
#include "loop.h"

#define SLOTS 8

struct adapter {
	struct loop *loop;
	struct dbox_aio_epoll *epoll;
	void (*failed)(int status, void *context);
	void *context;
};

struct loop {
	int epoll_fd;
	struct adapter adapters[SLOTS];
};

const char *const loop_variants[] = { "epoll", NULL };

struct loop *loop_new(unsigned int variant)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	(void)variant;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	LOOP_CHECK(loop->epoll_fd >= 0);
	return loop;
}

void loop_free(struct loop *loop)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		LOOP_CHECK(loop->adapters[i].epoll == NULL);
	close(loop->epoll_fd);
	free(loop);
}

/* An epoll descriptor is the parent's too, and so is what is in it: a child
   makes another one. */
void loop_forked(struct loop *loop)
{
	struct epoll_event event;
	unsigned int i;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	LOOP_CHECK(loop->epoll_fd >= 0);
	for (i = 0; i < SLOTS; i++) {
		if (loop->adapters[i].epoll == NULL)
			continue;
		loop->adapters[i].epoll->epoll_fd = loop->epoll_fd;
		event.events = EPOLLIN;
		event.data.ptr = &loop->adapters[i];
		LOOP_CHECK(epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD,
				     loop->adapters[i].epoll->fd, &event) ==
			   0);
	}
}

void loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[SLOTS];
	struct adapter *adapter;
	int i, ret, count;

	count = epoll_wait(loop->epoll_fd, events, SLOTS, timeout_ms);
	for (i = 0; i < count; i++) {
		adapter = events[i].data.ptr;
		ret = dbox_aio_epoll_dispatch(adapter->epoll);
		if (ret < 0 && ret != DBOX_AIO_EDEADLK &&
		    ret != DBOX_AIO_ESHUTDOWN)
			adapter->failed(ret, adapter->context);
	}
}

/* Not twice, and not to what is no epoll descriptor. */
static void check_refusals(struct loop *loop, struct dbox_aio *ctx)
{
	struct dbox_aio_epoll *epoll;
	epoll_data_t data;

	data.ptr = loop;
	LOOP_CHECK(dbox_aio_epoll_attach(&epoll, ctx, loop->epoll_fd, data) ==
		   DBOX_AIO_EALREADY);
	LOOP_CHECK(epoll == NULL);
	LOOP_CHECK(dbox_aio_epoll_attach(&epoll, ctx, -1, data) ==
		   DBOX_AIO_EINVAL);
	LOOP_CHECK(epoll == NULL);
}

int loop_attach(struct adapter **adapter_r, struct dbox_aio *ctx,
		struct loop *loop, void (*failed)(int status, void *context),
		void *context)
{
	struct adapter *adapter = loop->adapters;
	epoll_data_t data;
	int ret;

	while (adapter->epoll != NULL)
		adapter++;
	LOOP_CHECK(adapter < loop->adapters + SLOTS);
	*adapter_r = NULL;
	data.ptr = adapter;
	ret = dbox_aio_epoll_attach(&adapter->epoll, ctx, loop->epoll_fd,
				    data);
	if (ret < 0)
		return ret;
	check_refusals(loop, ctx);
	adapter->loop = loop;
	adapter->failed = failed;
	adapter->context = context;
	*adapter_r = adapter;
	return 0;
}

void loop_detach(struct adapter **adapter)
{
	if (*adapter == NULL)
		return;
	dbox_aio_epoll_detach(&(*adapter)->epoll);
	*adapter = NULL;
}

int loop_fail_allocation(void)
{
	calloc_fails = 1;
	return 1;
}

int loop_tells_closed(unsigned int variant)
{
	(void)variant;
	return 0;
}

/* It is the host's affair. */
int loop_nests(void)
{
	return 0;
}
