/* libuv.c: prints how long the messages in mail files are. A host with
   a libuv loop.
   cc libuv.c $(pkg-config --cflags --libs dbox_aio libuv) */
#include <stdio.h>
#include <stdlib.h>
#include <dbox_aio/libuv.h>

static struct dbox_aio_libuv *adapter;
static int failures;

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	const char *path = (const char *)result->context;

	if (result->status == DBOX_AIO_OK)
		printf("%s: %lu bytes\n", path, (unsigned long)
		       dbox_aio_message_body_size(result->message));
	else {
		failures++;
		fprintf(stderr, "%s: %s\n", path, result->detail != NULL ?
			result->detail : dbox_aio_strerror(result->status));
	}
	/* Nothing else is in this loop: without the context it ends. */
	if (dbox_aio_pending(ctx) == 0)
		dbox_aio_libuv_detach(&adapter);
}

/* The loop does not run in this thread, or the library has a bug. */
static void aio_failed(int status, void *context)
{
	(void)context;
	fprintf(stderr, "dbox_aio: %s\n", dbox_aio_strerror(status));
	exit(1);
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
	struct dbox_aio *ctx;
	uv_loop_t *loop = uv_default_loop();
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 2;
	}
	if (dbox_aio_init(&ctx, NULL) < 0)
		fail("dbox_aio_init");
	ret = dbox_aio_libuv_attach(&adapter, ctx, loop, aio_failed, NULL);
	if (ret < 0)
		aio_failed(ret, NULL);
	submit(ctx, argv + 1, (size_t)argc - 1);
	uv_run(loop, UV_RUN_DEFAULT);
	dbox_aio_deinit(&ctx);
	uv_loop_close(loop);
	return failures > 0;
}
