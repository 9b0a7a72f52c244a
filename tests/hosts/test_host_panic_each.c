/*
 * A mistake inside the Go core, in each of its functions in turn: here the state
 * of a context that is not what any code expects. The call says EINTERNAL, and
 * so does every later one; the context can be taken down, and the process and
 * its other contexts go on. Runs with a core that was built for it.
 */
#include "host.h"
#include <dlfcn.h>

#define COUNT 30

static struct dbox_aio *ctx;
static struct dbox_aio_file *file;
static uint64_t last_id;
static const char **paths;
static unsigned int called;

static void count_call(struct dbox_aio *from,
		       const struct dbox_aio_result *result)
{
	(void)from;
	CHECK(result->status == DBOX_AIO_OK ||
	      result->status == DBOX_AIO_EINTERNAL ||
	      result->status == DBOX_AIO_ESHUTDOWN);
	called++;
}

static int submit_some(unsigned int count)
{
	struct dbox_aio_request requests[COUNT];
	uint64_t ids[COUNT];
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		requests[i] = (struct dbox_aio_request)DBOX_AIO_REQUEST_INIT;
		requests[i].op = DBOX_AIO_READ;
		if (i % 3 == 0 && file != NULL)
			requests[i].file = file;
		else
			requests[i].path = paths[i];
		requests[i].callback = count_call;
	}
	ret = dbox_aio_submit(ctx, requests, count, ids);
	if (ret == (int)count)
		last_id = ids[count - 1];
	return ret;
}

static int call_submit(void) { return submit_some(3); }
static int call_cancel(void) { return dbox_aio_cancel(ctx, last_id); }
static int call_stream(void) { return dbox_aio_cancel_stream(ctx, 0); }

/* What the submit has got ready is run without the core, and a dispatch with
   nothing to do does not ask it. */
static int call_dispatch(void)
{
	struct pollfd pfd = { dbox_aio_fd(ctx), POLLIN, 0 };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < COUNT && ret >= 0; i++) {
		CHECK_EQ(poll(&pfd, 1, 10000), 1);
		ret = dbox_aio_dispatch(ctx, 0);
	}
	return ret;
}

static int call_wait(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < COUNT && ret >= 0; i++)
		ret = dbox_aio_wait(ctx, COUNT, 1000);
	return ret;
}

static int call_wait_request(void)
{
	return dbox_aio_wait_request(ctx, last_id, 1000);
}

static int call_stats(void)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	return dbox_aio_get_stats(ctx, &stats);
}

static int call_file_open(void)
{
	struct dbox_aio_file *other;

	return dbox_aio_file_open(ctx, paths[1], NULL, &other);
}

static int call_file_close(void)
{
	return dbox_aio_file_close(ctx, &file);
}

static int call_close_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), ret;

	ret = dbox_aio_close_fd(ctx, fd);
	close(fd);
	return ret;
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
	{ "submit", call_submit },
	{ "dispatch", call_dispatch },
	{ "wait", call_wait },
	{ "wait_request", call_wait_request },
	{ "cancel", call_cancel },
	{ "cancel_stream", call_stream },
	{ "get_stats", call_stats },
	{ "file_open", call_file_open },
	{ "close_fd", call_close_fd },
	{ "file_close", call_file_close },
	/* shutdown and free are the first that find it */
	{ "deinit", NULL },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* The core is loaded already. */
static void *core_symbol(const char *name)
{
	void *core = dlopen("libdbox_aio_core.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *symbol;

	CHECK(core != NULL);
	symbol = dlsym(core, name);
	CHECK(symbol != NULL);
	return symbol;
}

static int core_poison(uint64_t handle)
{
	int (*poison)(uint64_t) = NULL;
	void *symbol = core_symbol("dbox_core_test_poison");

	memcpy(&poison, &symbol, sizeof(poison));
	return poison(handle);
}

/* 0: what submit and dispatch need, 1: what the end needs. */
static int core_poison_part(uint64_t handle, int part)
{
	int (*poison)(uint64_t, int) = NULL;
	void *symbol = core_symbol("dbox_core_test_poison_part");

	memcpy(&poison, &symbol, sizeof(poison));
	return poison(handle, part);
}

/* Requests of a submit that fails are nobody's: their memory can be gone, so
   they are never called back. */
static void failed_submit(uint32_t backend)
{
	unsigned int i;

	ctx = host_init(backend);
	CHECK_EQ(dbox_aio_file_open(ctx, paths[0], NULL, &file), 0);
	CHECK_EQ(submit_some(COUNT), COUNT);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, COUNT, 10000) >= 0);
	called = 0;
	CHECK_EQ(core_poison_part(2, 0), 0);
	CHECK_EQ(submit_some(3), DBOX_AIO_EINTERNAL);
	CHECK_EQ(dbox_aio_pending(ctx), 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(dbox_aio_dispatch(ctx, 0), DBOX_AIO_EINTERNAL);
	CHECK_EQ(called, 0);
	CHECK_EQ(dbox_aio_pending(ctx), 0);
	(void)dbox_aio_deinit(&ctx);
	CHECK_EQ(called, 0);
}

static void keep(struct dbox_aio *from, const struct dbox_aio_result *result)
{
	struct dbox_aio_message **held = result->context;

	(void)from;
	CHECK_EQ(result->status, 0);
	*held = dbox_aio_message_ref(result->message);
}

/* A message that lives longer than a context whose end went wrong writes to
   none of the program's descriptors. */
static void failed_end(uint32_t backend)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_message *held = NULL;
	char path[300];
	int fd, event_fd;

	ctx = host_init(backend);
	request.op = DBOX_AIO_READ;
	request.flags = DBOX_AIO_WANT_FD;
	request.path = paths[1];
	request.callback = keep;
	request.context = &held;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (held == NULL)
		CHECK(dbox_aio_wait(ctx, 1, 10000) >= 0);
	event_fd = dbox_aio_fd(ctx);
	CHECK_EQ(core_poison_part(2, 1), 0);
	CHECK_EQ(dbox_aio_deinit(&ctx), 0);
	snprintf(path, sizeof(path), "%s/mine", host_dir());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	if (fd != event_fd) {
		CHECK_EQ(fcntl(event_fd, F_GETFD), -1);
		CHECK_EQ(dup2(fd, event_fd), event_fd);
		close(fd);
	}
	dbox_aio_message_unref(&held);
	CHECK_EQ(lseek(event_fd, 0, SEEK_END), 0);
	close(event_fd);
}

int main(int argc, char *argv[])
{
	struct dbox_aio *other;
	unsigned int i, k;
	int ret;

	paths = host_mails(COUNT, 9000);
	other = host_init(host_backend(argc, argv));
	for (i = 0; i < CALLS; i++) {
		/* handles are the lowest that are free */
		ctx = host_init(host_backend(argc, argv));
		CHECK_EQ(dbox_aio_file_open(ctx, paths[0], NULL, &file), 0);
		host_make_cold(paths, COUNT);
		called = 0;
		CHECK_EQ(submit_some(COUNT), COUNT);
		CHECK_EQ(core_poison(2), 0);
		if (calls[i].call != NULL) {
			ret = calls[i].call();
			if (ret != DBOX_AIO_EINTERNAL)
				fprintf(stderr, "%s: %d\n", calls[i].name, ret);
			CHECK_EQ(ret, DBOX_AIO_EINTERNAL);
			/* all but those that end something */
			for (k = 0; k < CALLS - 2; k++)
				CHECK_EQ(calls[k].call(), DBOX_AIO_EINTERNAL);
		}
		host_read_all(other, paths, COUNT);
		(void)dbox_aio_deinit(&ctx);
		CHECK(ctx == NULL);
		CHECK(called <= COUNT);
		host_read_all(other, paths, COUNT);
	}
	failed_submit(host_backend(argc, argv));
	host_read_all(other, paths, COUNT);
	failed_end(host_backend(argc, argv));
	host_read_all(other, paths, COUNT);
	host_deinit(&other);
	return 0;
}
