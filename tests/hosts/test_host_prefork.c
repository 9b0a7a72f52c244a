/*
 * A server forks eight workers, each of which makes a context of its own.
 */
#include "host.h"

#define WORKERS 8
#define MAILS 100

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, 9000);
	uint32_t backend = host_backend(argc, argv);
	pid_t pids[WORKERS];
	struct dbox_aio *ctx;
	unsigned int i;
	int status, worst = 0;

	for (i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		ctx = host_init(backend);
		for (i = 0; i < 5; i++)
			host_read_all(ctx, paths, MAILS);
		host_deinit(&ctx);
		return 0;
	}
	for (i = 0; i < WORKERS; i++) {
		status = host_wait(pids[i]);
		if (status > worst)
			worst = status;
	}
	return worst;
}
