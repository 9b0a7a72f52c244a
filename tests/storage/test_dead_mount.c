/*
 * What is cached of a local file is read while a mount is dead, whatever the
 * host has asked of that mount; and when it comes back all requests end well
 * and all descriptors are closed.
 *
 *	test_dead_mount BACKEND depth|close|link
 *
 * depth: more requests than queue_depth. close: hundreds of its handles are
 * closed. link: its paths look as if they were on a local mount.
 */
#include "slow.h"

#define MAILS 310
#define READS 100
#define LOCAL 20
/* of the local reads, on a busy machine; on the dead mount nothing ends */
#define ENOUGH_MS 1000

static uint32_t backend;
static struct slow *dead;
static const char **dead_paths, **local_paths;

static struct dbox_aio *init(uint32_t queue_depth)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int ret;

	options.backend = backend;
	options.queue_depth = queue_depth;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		host_skip("this backend can't be had here");
	CHECK_EQ(ret, 0);
	return ctx;
}

static void dispatch_for(struct dbox_aio *ctx, unsigned int ms)
{
	unsigned long long end = host_now_ms() + ms;
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (host_now_ms() < end) {
		if (poll(&pfd, 1, 10) > 0)
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* The kernel has as many requests as it gets, and the mount is dead. */
static void wait_until_dead(struct dbox_aio *ctx)
{
	dispatch_for(ctx, 150);
	while (slow_counter(dead, "held") == 0)
		dispatch_for(ctx, 10);
}

static void local_goes_on(struct dbox_aio *ctx)
{
	unsigned long long begin = host_now_ms();

	host_read_all(ctx, local_paths, LOCAL);
	fprintf(stderr, "local: %llu ms\n", host_now_ms() - begin);
	CHECK(host_now_ms() - begin < ENOUGH_MS);
}

static void read_dead(struct dbox_aio *ctx, const char **paths,
		      struct host_results *results)
{
	memset(results, 0, sizeof(*results));
	slow_tell(dead, "hang open read\n");
	host_submit(ctx, paths, READS, results);
	wait_until_dead(ctx);
	CHECK_EQ(results->done, 0);
	local_goes_on(ctx);
	CHECK_EQ(results->done, 0);
}

/* Submits reads on the handles, then closes all of them. */
static void close_dead(struct dbox_aio *ctx, struct host_results *results)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_file *files[MAILS];
	unsigned int i;

	request.op = DBOX_AIO_OPEN;
	for (i = 0; i < MAILS; i++) {
		CHECK_EQ(dbox_aio_file_open(ctx, dead_paths[i], NULL,
					    &files[i]), 0);
		request.file = files[i];
		CHECK_EQ(slow_request(ctx, &request)->status, 0);
	}
	memset(results, 0, sizeof(*results));
	slow_tell(dead, "hang open read\n");
	request.op = DBOX_AIO_READ;
	request.callback = host_count_result;
	request.context = results;
	for (i = 0; i < READS; i++) {
		request.file = files[i];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	}
	wait_until_dead(ctx);
	for (i = READS; i < MAILS; i++)
		CHECK_EQ(dbox_aio_file_close(ctx, &files[i]), 0);
	dispatch_for(ctx, 50);
	local_goes_on(ctx);
	for (i = 0; i < READS; i++)
		CHECK_EQ(dbox_aio_file_close(ctx, &files[i]), 0);
	local_goes_on(ctx);
	CHECK_EQ(results->done, 0);
}

/* Paths of the mails through a symlink in a local directory. */
static const char **link_paths(void)
{
	const char **paths = calloc(READS, sizeof(*paths));
	char path[400];
	unsigned int i;

	CHECK(paths != NULL);
	snprintf(path, sizeof(path), "%s/link", host_dir());
	CHECK(symlink(dead->mount, path) == 0);
	for (i = 0; i < READS; i++) {
		snprintf(path, sizeof(path), "%s/link/u.%u", host_dir(),
			 i + 1);
		paths[i] = strdup(path);
		CHECK(paths[i] != NULL);
	}
	return paths;
}

static void come_back(struct dbox_aio *ctx, struct host_results *results)
{
	slow_tell(dead, "resume\n");
	host_loop(ctx, results, READS);
	CHECK_EQ(results->status, 0);
	CHECK_EQ(results->good, READS);
	host_open_files_become(ctx, 0);
	slow_tell(dead, "wait-released\n");
	local_goes_on(ctx);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[2] : "depth";
	struct host_results results;
	struct dbox_aio *ctx;
	unsigned int fds;

	backend = host_backend(argc, argv);
	dead = slow_start("dead", "-direct", NULL);
	slow_tell(dead, "match u.*\n");
	dead_paths = slow_mails(dead, MAILS, 1000);
	local_paths = host_mails(LOCAL, 1000);

	/* what the core keeps for the life of the process is there now */
	ctx = init(0);
	host_read_all(ctx, local_paths, LOCAL);
	host_deinit(&ctx);
	host_sleep_ms(50);
	fds = host_count("fd");

	ctx = init(strcmp(what, "depth") == 0 ? 32 : 0);
	/* local files are known to be so before anything is dead */
	local_goes_on(ctx);
	if (strcmp(what, "close") == 0)
		close_dead(ctx, &results);
	else if (strcmp(what, "link") == 0)
		read_dead(ctx, link_paths(), &results);
	else
		read_dead(ctx, dead_paths, &results);
	come_back(ctx, &results);
	host_deinit(&ctx);
	CHECK(host_count_settles("fd", fds) <= fds);
	return 0;
}
