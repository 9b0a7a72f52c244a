/*
 * A host with 200 KB of thread-local variables: they are part of every thread's
 * stack, also of the library's.
 */
#include "host.h"
#include <pthread.h>

#define MAILS 100
#define TLS_SIZE (200 * 1024)

static __thread unsigned char variables[TLS_SIZE];

static uint32_t backend;
static const char **paths;

/* Uses a context while its own variables are full of one byte. */
static void use(unsigned char byte)
{
	struct dbox_aio *ctx;
	unsigned int i;

	memset(variables, byte, TLS_SIZE);
	ctx = host_init(backend);
	host_make_cold(paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	for (i = 0; i < TLS_SIZE; i++)
		CHECK_EQ(variables[i], byte);
}

static void *thread_main(void *arg)
{
	(void)arg;
	use(2);
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_t thread;

	backend = host_backend(argc, argv);
	paths = host_mails(MAILS, 9000);
	use(1);
	CHECK(pthread_create(&thread, NULL, thread_main, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	use(3);
	return 0;
}
