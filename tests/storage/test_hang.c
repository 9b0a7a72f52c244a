/*
 * A mount is dead: its opens, reads or lookups do not return before it comes
 * back, so what would wait for it would hang. Requests on it time out when they
 * should and can be cancelled; local files and other mounts are read as if
 * nothing was wrong; deinit returns within a second. When the
 * mount comes back nothing is left of it all, and nothing is written to memory
 * that was freed.
 *
 *	test_hang BACKEND lookup|open|read
 */
#include "slow.h"
#include <sys/mman.h>

#define MAILS 100
#define SIZE 20000
#define TIMEOUT_MS 300
/* what a busy machine may add to a time */
#define SLACK_MS 1500

/* What became of requests on the dead mount. */
struct dead_results {
	unsigned int done, timed_out, cancelled, shut_down, good;
	unsigned long long submitted, first_timeout, last_timeout;
};

static uint32_t backend;
static struct slow *dead, *healthy;
static const char **dead_paths, **healthy_paths, **local_paths;

static void count(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct dead_results *results = result->context;
	unsigned long long now = host_now_ms();

	(void)ctx;
	results->done++;
	switch (result->status) {
	case DBOX_AIO_ETIMEDOUT:
		if (results->timed_out++ == 0)
			results->first_timeout = now;
		results->last_timeout = now;
		break;
	case DBOX_AIO_ECANCELED:
		results->cancelled++;
		break;
	case DBOX_AIO_ESHUTDOWN:
		results->shut_down++;
		break;
	default:
		CHECK_EQ(result->status, 0);
		CHECK(host_message_is_right(result->message));
		results->good++;
	}
}

static uint64_t submit_dead(struct dbox_aio *ctx, struct dead_results *results,
			    unsigned int number, unsigned int timeout_ms,
			    uint64_t stream)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	unsigned int i;
	uint64_t id;

	request.op = DBOX_AIO_READ;
	request.timeout_ms = timeout_ms;
	request.stream = stream;
	request.callback = count;
	request.context = results;
	results->submitted = host_now_ms();
	/* not even the first one waits, in a directory that is not known yet */
	for (i = 0; i < number; i++) {
		request.path = dead_paths[i % MAILS];
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, &id), 1);
	}
	return id;
}

static void dispatch_for(struct dbox_aio *ctx, unsigned int ms)
{
	unsigned long long now, end = host_now_ms() + ms;
	struct pollfd pfd;

	pfd.fd = dbox_aio_fd(ctx);
	pfd.events = POLLIN;
	while ((now = host_now_ms()) < end) {
		if (poll(&pfd, 1, (int)(end - now)) > 0)
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
}

/* Reads of everything else, while the dead mount has as many requests as it can
   get. */
static void others_go_on(struct dbox_aio *ctx)
{
	unsigned long long begin;

	/* which waits for all that others write to the disk */
	host_make_cold(local_paths, MAILS);
	begin = host_now_ms();
	host_read_all(ctx, local_paths, MAILS);
	fprintf(stderr, "local: %llu ms\n", host_now_ms() - begin);
	begin = host_now_ms();
	/* 5 ms each, opens and reads */
	host_read_all(ctx, healthy_paths, MAILS);
	fprintf(stderr, "healthy mount: %llu ms\n", host_now_ms() - begin);
}

static void times_out(struct dbox_aio *ctx)
{
	struct dead_results results;

	memset(&results, 0, sizeof(results));
	submit_dead(ctx, &results, 2 * MAILS, TIMEOUT_MS, 1);
	others_go_on(ctx);
	while (results.done < 2 * MAILS)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_EQ(results.timed_out, 2 * MAILS);
	CHECK(results.first_timeout >= results.submitted + TIMEOUT_MS - 2);
}

/* Nothing else is in the way: they must be on time. */
static void times_out_on_time(struct dbox_aio *ctx)
{
	struct dead_results results;

	memset(&results, 0, sizeof(results));
	submit_dead(ctx, &results, MAILS, TIMEOUT_MS, 1);
	dispatch_for(ctx, TIMEOUT_MS + SLACK_MS);
	CHECK_EQ(results.timed_out, MAILS);
	CHECK(results.first_timeout >= results.submitted + TIMEOUT_MS - 2);
	CHECK(results.last_timeout <= results.submitted + TIMEOUT_MS +
	      SLACK_MS / 4);
}

static void is_cancelled(struct dbox_aio *ctx)
{
	struct dead_results results;
	uint64_t id;

	memset(&results, 0, sizeof(results));
	id = submit_dead(ctx, &results, MAILS, 0, 2);
	dispatch_for(ctx, 50);
	others_go_on(ctx);
	CHECK_EQ(results.done, 0);
	CHECK_EQ(dbox_aio_cancel(ctx, id), 0);
	CHECK_EQ(dbox_aio_wait(ctx, 1, -1), 1);
	CHECK_EQ(results.cancelled, 1);
	CHECK_EQ(dbox_aio_cancel_stream(ctx, 2), MAILS - 1);
	CHECK_EQ(dbox_aio_wait(ctx, MAILS - 1, -1), MAILS - 1);
	CHECK_EQ(results.cancelled, MAILS);
}

/* Memory that was the library's, or could have been, and is the host's now. */
#define BLOCKS 64
#define BLOCK_SIZE (256 * 1024)
static unsigned char *blocks[BLOCKS];

static void take_memory(void)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		if (i % 2 == 0)
			blocks[i] = malloc(BLOCK_SIZE);
		else
			blocks[i] = mmap(NULL, BLOCK_SIZE,
					 PROT_READ | PROT_WRITE, MAP_PRIVATE |
					 MAP_ANONYMOUS, -1, 0);
		CHECK(blocks[i] != NULL && blocks[i] != MAP_FAILED);
		memset(blocks[i], 0xa5, BLOCK_SIZE);
	}
}

static void check_memory(void)
{
	unsigned int i, j;

	for (i = 0; i < BLOCKS; i++) {
		for (j = 0; j < BLOCK_SIZE; j++)
			CHECK_EQ(blocks[i][j], 0xa5);
		if (i % 2 == 0)
			free(blocks[i]);
		else
			munmap(blocks[i], BLOCK_SIZE);
	}
}

static void is_taken_down(struct dbox_aio **ctx)
{
	struct dead_results results;
	unsigned long long begin;
	struct dbox_aio_file *file;

	memset(&results, 0, sizeof(results));
	CHECK_EQ(dbox_aio_file_open(*ctx, dead_paths[0], NULL, &file), 0);
	submit_dead(*ctx, &results, MAILS, 0, 3);
	submit_dead(*ctx, &results, MAILS, 60000, 4);
	dispatch_for(*ctx, 50);
	begin = host_now_ms();
	host_deinit(ctx);
	fprintf(stderr, "deinit: %llu ms\n", host_now_ms() - begin);
	CHECK(host_now_ms() - begin < 1100);
	CHECK_EQ(results.shut_down, 2 * MAILS);
	CHECK_EQ(results.done, 2 * MAILS);
}

/* All of it: the mount dies, and comes back. */
static void die_and_come_back(const char *what)
{
	struct dbox_aio *ctx = host_init(backend);

	host_read_all(ctx, healthy_paths, MAILS);
	/* for "open" and "read" the mount was alive when it was seen first; with
	   "lookup" nothing but its name is known */
	if (strcmp(what, "lookup") != 0)
		host_read_all(ctx, dead_paths, MAILS);
	slow_tell(dead, "hang %s\n", what);
	times_out(ctx);
	times_out_on_time(ctx);
	is_cancelled(ctx);
	others_go_on(ctx);
	CHECK(slow_counter(dead, "held") > 0);
	CHECK(slow_counter(dead, "held") <= 32);
	is_taken_down(&ctx);
	take_memory();
	/* a second context, with the first one's requests still in the kernel */
	ctx = host_init(backend);
	others_go_on(ctx);
	is_taken_down(&ctx);

	slow_tell(dead, "resume\n");
	slow_tell(dead, "wait-released\n");
	host_sleep_ms(100);
	check_memory();

	/* the mount is what it was */
	ctx = host_init(backend);
	host_read_all(ctx, dead_paths, MAILS);
	host_deinit(&ctx);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[2] : "read";
	unsigned int i, fds, tasks;

	backend = host_backend(argc, argv);
	dead = slow_start("dead", NULL);
	slow_tell(dead, "match u.*\n");
	healthy = slow_start("healthy", "-open", "5ms", "-read", "5ms", NULL);
	dead_paths = slow_mails(dead, MAILS, SIZE);
	healthy_paths = slow_mails(healthy, MAILS, SIZE);
	local_paths = host_mails(MAILS, SIZE);

	/* what the core keeps for the life of the process is there after this */
	die_and_come_back(what);
	host_sleep_ms(200);
	fds = host_count("fd");
	tasks = host_count("task");
	for (i = 0; i < 2; i++)
		die_and_come_back(what);
	fprintf(stderr, "descriptors: %u, then %u; threads: %u, then %u\n",
		fds, host_count("fd"), tasks, host_count("task"));
	CHECK(host_count_settles("fd", fds) <= fds);
	/* nobody waits in the kernel any more */
	CHECK(host_count_settles("task", tasks + 8) <= tasks + 8);
	return 0;
}
