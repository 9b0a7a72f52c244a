/*
 * A thread with a stack of 64 KiB makes a context and uses it, also as the
 * first one that does so in the process.
 */
#include "host.h"
#include <pthread.h>

#define MAILS 100
#define STACK_SIZE (64 * 1024)

static uint32_t backend;
static const char **paths;

static void *thread_main(void *arg)
{
	struct dbox_aio *ctx = host_init(backend);
	struct host_results results;

	(void)arg;
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, MAILS, &results);
	while (results.done < MAILS)
		CHECK(dbox_aio_wait(ctx, 1, 20000) > 0);
	CHECK_EQ(results.good, MAILS);
	/* some are pending */
	host_submit(ctx, paths, MAILS, &results);
	host_deinit(&ctx);
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;

	backend = host_backend(argc, argv);
	paths = host_mails(MAILS, 9000);
	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, STACK_SIZE) == 0);
	for (i = 0; i < 3; i++) {
		CHECK(pthread_create(&thread, &attr, thread_main, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	return 0;
}
