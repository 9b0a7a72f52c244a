/*
 * Two windows do not fit beside what the host holds: they wait until it lets go
 * of that, and nothing is read over and over meanwhile.
 */
#include "slow.h"

#define MAX_BYTES (256 * 1024)
#define HELD_SIZE 150000
#define SIZE 300000
#define FROM 100000
#define LIMIT 120000
/* of the file header, and of a record's */
#define BODY_AT (16 + 30)
/* one of what is held, and a few for each window */
#define ENOUGH_READS 8

struct window {
	unsigned int done;
	int status;
	struct dbox_aio_message *message;
};

static void keep(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct window *window = result->context;

	(void)ctx;
	window->done++;
	window->status = result->status;
	window->message = dbox_aio_message_ref(result->message);
}

static void submit(struct dbox_aio *ctx, const char *path, uint64_t offset,
		   uint64_t limit, struct window *window)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	memset(window, 0, sizeof(*window));
	request.op = DBOX_AIO_READ;
	request.path = path;
	request.body_offset = offset;
	request.body_limit = limit;
	request.callback = keep;
	request.context = window;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
}

static void loop(struct dbox_aio *ctx, const struct window *window)
{
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (window->done == 0) {
		CHECK_EQ(poll(&pfd, 1, 20000), 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK_EQ(window->done, 1);
	CHECK_EQ(window->status, 0);
}

static void check_window(const struct window *window, const char *path,
			 uint64_t offset)
{
	static char expected[LIMIT];
	const unsigned char *body;
	size_t size;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, expected, LIMIT, BODY_AT + offset), LIMIT);
	close(fd);
	body = dbox_aio_message_body(window->message, &size);
	CHECK_EQ(size, LIMIT);
	CHECK(memcmp(body, expected, LIMIT) == 0);
}

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct window held, windows[2];
	const char **paths;
	unsigned long long end;
	struct dbox_aio *ctx;
	struct slow *slow;
	struct pollfd pfd;
	int i, ret;

	options.backend = host_backend(argc, argv);
	options.max_bytes = MAX_BYTES;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		host_skip("this backend can't be had here");
	CHECK_EQ(ret, 0);
	slow = slow_start("slow", "-read", "2ms", NULL);
	paths = slow_mails(slow, 2, SIZE);
	submit(ctx, host_mail("u.local", HELD_SIZE), 0, 0, &held);
	loop(ctx, &held);
	for (i = 0; i < 2; i++)
		submit(ctx, paths[i], FROM + i, LIMIT, &windows[i]);

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	end = host_now_ms() + 700;
	while (host_now_ms() < end) {
		if (poll(&pfd, 1, 20) > 0)
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK_EQ(windows[0].done + windows[1].done, 0);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	fprintf(stderr, "reads: %llu\n", (unsigned long long)stats.reads);
	CHECK(stats.reads <= ENOUGH_READS);

	dbox_aio_message_unref(&held.message);
	for (i = 0; i < 2; i++) {
		loop(ctx, &windows[i]);
		check_window(&windows[i], paths[i], FROM + i);
	}
	for (i = 0; i < 2; i++)
		dbox_aio_message_unref(&windows[i].message);
	host_deinit(&ctx);
	return 0;
}
