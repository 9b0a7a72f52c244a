/*
 * A host blocks signals after init and takes them from a signalfd: none of the
 * library's threads, which it can't block them in, is killed by one.
 */
#include "host.h"
#include <sys/signalfd.h>

#define MAILS 100
#define SIGNALS 300

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	static const int used[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT,
				    SIGQUIT, SIGALRM, SIGURG };
	struct signalfd_siginfo info;
	struct host_results results;
	struct pollfd pfd;
	unsigned int i;
	sigset_t set;
	int fd;

	/* the worker threads are there */
	host_read_all(ctx, paths, MAILS);
	sigemptyset(&set);
	for (i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		sigaddset(&set, used[i]);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	CHECK(fd >= 0);

	memset(&results, 0, sizeof(results));
	for (i = 0; i < SIGNALS; i++) {
		if (i % 10 == 0)
			host_submit(ctx, paths, MAILS, &results);
		/* to the process, not to a thread of it */
		CHECK(kill(getpid(), used[i % 8]) == 0);
		pfd.fd = fd;
		pfd.events = POLLIN;
		CHECK_EQ(poll(&pfd, 1, 5000), 1);
		CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
		CHECK_EQ(info.ssi_signo, used[i % 8]);
		if (i % 10 == 9) {
			host_loop(ctx, &results, MAILS);
			CHECK_EQ(results.good, MAILS);
			memset(&results, 0, sizeof(results));
		}
	}
	host_deinit(&ctx);
	return 0;
}
