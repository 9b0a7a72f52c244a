/* epoll.c: prints how long the messages in mail files are. A host with
   an epoll loop.
   cc epoll.c $(pkg-config --cflags --libs dbox_aio) */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dbox_aio/epoll.h>

static int failures;

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	const char *path = (const char *)result->context;

	(void)ctx;
	if (result->status == DBOX_AIO_OK)
		printf("%s: %lu bytes\n", path, (unsigned long)
		       dbox_aio_message_body_size(result->message));
	else {
		failures++;
		fprintf(stderr, "%s: %s\n", path, result->detail != NULL ?
			result->detail : dbox_aio_strerror(result->status));
	}
}

static void fail(const char *what)
{
	char why[256];

	dbox_aio_last_error(why, sizeof(why));
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* All files in one batch. */
static void submit(struct dbox_aio *ctx, char **paths, size_t count)
{
	const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_request *requests;
	size_t i;

	requests = (struct dbox_aio_request *)calloc(count, sizeof(init));
	if (requests == NULL)
		exit(1);
	for (i = 0; i < count; i++) {
		requests[i] = init;
		requests[i].op = DBOX_AIO_READ;
		requests[i].path = paths[i];
		requests[i].callback = mail_was_read;
		requests[i].context = paths[i];
	}
	/* There is room for 65536 requests: all of them or none. */
	if (dbox_aio_submit(ctx, requests, count, NULL) != (int)count)
		fail("dbox_aio_submit");
	free(requests);
}

int main(int argc, char **argv)
{
	struct dbox_aio_epoll *adapter;
	struct dbox_aio *ctx;
	struct epoll_event events[16];
	epoll_data_t data;
	int epoll_fd, count, i, ret = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 2;
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (dbox_aio_init(&ctx, NULL) < 0)
		fail("dbox_aio_init");
	data.ptr = &adapter;
	if (dbox_aio_epoll_attach(&adapter, ctx, epoll_fd, data) < 0) {
		perror("epoll");
		return 1;
	}
	submit(ctx, argv + 1, (size_t)argc - 1);
	while (ret >= 0 && dbox_aio_pending(ctx) > 0) {
		count = epoll_wait(epoll_fd, events, 16, -1);
		for (i = 0; i < count; i++) {
			/* here come the sockets of this program, too */
			if (events[i].data.ptr == &adapter)
				ret = dbox_aio_epoll_dispatch(adapter);
		}
	}
	if (ret < 0)
		fail("dbox_aio_epoll_dispatch");
	dbox_aio_epoll_detach(&adapter);
	dbox_aio_deinit(&ctx);
	close(epoll_fd);
	return failures > 0;
}
