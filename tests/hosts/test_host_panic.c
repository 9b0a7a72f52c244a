/*
 * A mistake inside the Go core, here one that the test asks for, kills one
 * context: its requests get EINTERNAL, every call says so, and the process and
 * its other contexts go on. Runs with a core that was built for it.
 */
#define _GNU_SOURCE
#include "host.h"
#include <dlfcn.h>
#include <poll.h>

#define COUNT 300

static int panic_calls, panic_finals, panic_complete;

static void panic_callback(struct dbox_aio *ctx,
			   const struct dbox_aio_result *result)
{
	(void)ctx;
	panic_calls++;
	if ((result->flags & DBOX_AIO_MORE) == 0)
		panic_finals++;
	/* What the submit of the first one had got ready. */
	if (result->status == DBOX_AIO_OK) {
		panic_complete++;
		CHECK(result->message != NULL);
		return;
	}
	CHECK_EQ(result->status, DBOX_AIO_EINTERNAL);
	CHECK(result->message == NULL);
	CHECK(result->detail != NULL);
}

/* The core is loaded already; its handles count from 1. */
static int core_panic(uint64_t handle)
{
	int (*panic)(uint64_t) = NULL;
	void *core = dlopen("libdbox_aio_core.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *symbol;

	CHECK(core != NULL);
	symbol = dlsym(core, "dbox_core_test_panic");
	CHECK(symbol != NULL);
	memcpy(&panic, &symbol, sizeof(panic));
	return panic(handle);
}

int main(int argc, char *argv[])
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	const char **paths = host_mails(COUNT, 9000);
	struct dbox_aio_file *file;
	struct dbox_aio *ctx, *other;
	struct pollfd pfd;
	char text[300];
	int i, ret;

	ctx = host_init(host_backend(argc, argv));
	other = host_init(host_backend(argc, argv));
	host_read_all(ctx, paths, COUNT);

	request.op = DBOX_AIO_READ;
	request.callback = panic_callback;
	for (i = 0; i < COUNT; i++) {
		request.path = paths[i];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
	CHECK_EQ(core_panic(1), DBOX_AIO_EINTERNAL);

	request.path = paths[0];
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), DBOX_AIO_EINTERNAL);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK_EQ(dbox_aio_cancel(ctx, 1), DBOX_AIO_EINTERNAL);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), DBOX_AIO_EINTERNAL);
	CHECK_EQ(dbox_aio_file_open(ctx, paths[0], NULL, &file),
		 DBOX_AIO_EINTERNAL);

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (dbox_aio_pending(ctx) > 0) {
		CHECK_EQ(poll(&pfd, 1, 1000), 1);
		ret = dbox_aio_dispatch(ctx, 0);
		CHECK(ret > 0 || ret == DBOX_AIO_EINTERNAL);
	}
	CHECK_EQ(panic_finals, COUNT);
	CHECK_EQ(panic_calls, COUNT);
	CHECK(panic_complete <= 1);
	CHECK_EQ(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EINTERNAL);

	host_read_all(other, paths, COUNT);
	dbox_aio_deinit(&ctx);
	CHECK(ctx == NULL);
	host_read_all(other, paths, COUNT);
	host_deinit(&other);
	ctx = host_init(host_backend(argc, argv));
	host_read_all(ctx, paths, COUNT);
	host_deinit(&ctx);
	return 0;
}
