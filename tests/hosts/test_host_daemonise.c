/*
 * A daemon is linked to the library, forks twice, and only then uses it: the
 * core is loaded in the process that is left, where it is whole.
 */
#include "host.h"

#define MAILS 300
#define ROUNDS 10

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, 5000);
	struct pollfd pfd;
	struct dbox_aio *ctx;
	unsigned int i;
	int result[2];
	pid_t pid;
	char done;

	CHECK(pipe(result) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid > 0) {
		close(result[1]);
		CHECK_EQ(host_wait(pid), 0);
		/* the daemon is nobody's child now */
		pfd.fd = result[0];
		pfd.events = POLLIN;
		CHECK_EQ(poll(&pfd, 1, 30000), 1);
		CHECK_EQ(read(result[0], &done, 1), 1);
		return 0;
	}
	CHECK(setsid() > 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid > 0)
		_exit(0);
	CHECK(chdir("/") == 0);
	alarm(30);

	ctx = host_init(host_backend(argc, argv));
	/* long enough for garbage collections, which is where a runtime that
	   lost its threads in a fork hangs */
	for (i = 0; i < ROUNDS; i++)
		host_read_all(ctx, paths, MAILS);
	host_deinit(&ctx);
	CHECK_EQ(write(result[1], "x", 1), 1);
	return 0;
}
