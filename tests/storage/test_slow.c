/*
 * Storage that takes 5 ms for each open and each read: many are in flight at
 * once, no call of the host takes as long as one of them, no descriptor stays.
 */
#define _GNU_SOURCE
#include "slow.h"

#include <sys/resource.h>

#define MAILS 200
#define LATENCY_MS 5
/* Of some 400 calls so many may have waited for as long as the storage takes,
   though not for it: for a lock whose holder a busy machine did not let run. */
#define FEW 5
/* Half of the default max_workers */
#define MOUNT_SHARE 32

static unsigned int waited;

static long sleeps(void)
{
	struct rusage usage;

	CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
	return usage.ru_nvcsw;
}

/* Runs it, and remembers whether it gave the processor up for as long as the
   storage takes. One from which it was taken away has not waited. */
#define TIMED(call) \
	do { \
		unsigned long long before = host_now_ms(); \
		long slept = sleeps(); \
		CHECK((call) >= 0); \
		if (sleeps() != slept && \
		    host_now_ms() - before >= LATENCY_MS) \
			waited++; \
	} while (0)

static void read_timed(struct dbox_aio *ctx, const char **paths)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct host_results results;
	struct pollfd pfd;
	unsigned int i;

	memset(&results, 0, sizeof(results));
	request.op = DBOX_AIO_READ;
	request.callback = host_count_result;
	request.context = &results;
	for (i = 0; i < MAILS; i++) {
		request.path = paths[i];
		TIMED(dbox_aio_submit(ctx, &request, 1, NULL));
	}
	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while (results.done < MAILS) {
		CHECK_EQ(poll(&pfd, 1, 20000), 1);
		TIMED(dbox_aio_dispatch(ctx, 0));
	}
	CHECK_EQ(results.good, MAILS);
}

static void read_store(uint32_t backend, struct slow *slow, const char **paths)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio *ctx = host_init(backend);
	struct dbox_aio_file *file;

	waited = 0;
	slow_tell(slow, "reset\n");
	read_timed(ctx, paths);
	fprintf(stderr, "%s: %u calls waited\n", slow->source, waited);
	CHECK(waited <= FEW);
	CHECK(slow_counter(slow, "max_inflight") > 8);
	CHECK(slow_counter(slow, "max_inflight") <= MOUNT_SHARE);
	/* one open a file, and not many reads */
	CHECK_EQ(slow_counter(slow, "opens"), MAILS);
	CHECK(slow_counter(slow, "reads") <= 2 * MAILS);

	CHECK_EQ(dbox_aio_file_open(ctx, paths[0], NULL, &file), 0);
	CHECK_EQ(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.longest_dispatch_us > 0);
	host_deinit(&ctx);
	/* the files are closed behind the host's back, but they are */
	slow_tell(slow, "wait-released\n");
}

int main(int argc, char *argv[])
{
	uint32_t backend = host_backend(argc, argv);
	struct slow *buffered, *direct, *names;
	unsigned int fds = host_count("fd");
	const char **paths;
	struct dbox_aio *ctx;

	/* loads the core, which may keep descriptors of its own */
	ctx = host_init(backend);
	CHECK_EQ(host_read(ctx, "/nonexistent/nothing"), DBOX_AIO_ENOENT);
	host_deinit(&ctx);
	fds = host_count("fd");

	buffered = slow_start("buffered", "-open", "5ms", "-read", "5ms",
			      NULL);
	paths = slow_mails(buffered, MAILS, 20000);
	read_store(backend, buffered, paths);
	direct = slow_start("direct", "-open", "5ms", "-read", "5ms",
			    "-direct", NULL);
	paths = slow_mails(direct, MAILS, 20000);
	read_store(backend, direct, paths);
	names = slow_start("names", "-lookup", "5ms", "-open", "5ms", NULL);
	paths = slow_mails(names, MAILS, 20000);
	read_store(backend, names, paths);
	CHECK(host_count_settles("fd", fds) <= fds);
	return 0;
}
