/*
 * Eight threads with eight contexts each, which know nothing of each other.
 */
#include "host.h"
#include <pthread.h>

#define THREADS 8
#define CONTEXTS 8
#define MAILS 60
#define ROUNDS 3

static uint32_t backend;
static const char **paths;

static void *thread_main(void *arg)
{
	struct host_results results[CONTEXTS];
	struct dbox_aio *ctx[CONTEXTS];
	unsigned int i, round;

	(void)arg;
	for (i = 0; i < CONTEXTS; i++)
		ctx[i] = host_init(backend);
	for (round = 0; round < ROUNDS; round++) {
		memset(results, 0, sizeof(results));
		for (i = 0; i < CONTEXTS; i++)
			host_submit(ctx[i], paths, MAILS, &results[i]);
		for (i = 0; i < CONTEXTS; i++) {
			host_loop(ctx[i], &results[i], MAILS);
			CHECK_EQ(results[i].good, MAILS);
		}
		/* one of them comes and goes */
		host_deinit(&ctx[round % CONTEXTS]);
		ctx[round % CONTEXTS] = host_init(backend);
	}
	for (i = 0; i < CONTEXTS; i++)
		host_deinit(&ctx[i]);
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_t threads[THREADS];
	unsigned int i, fds;
	struct dbox_aio *ctx;

	backend = host_backend(argc, argv);
	paths = host_mails(MAILS, 9000);
	/* loads the core, which may keep descriptors of its own */
	ctx = host_init(backend);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	fds = host_count("fd");

	host_make_cold(paths, MAILS);
	for (i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&threads[i], NULL, thread_main,
				     NULL) == 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(host_count_settles("fd", fds) <= fds);
	return 0;
}
