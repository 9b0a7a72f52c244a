/*
 * SIGURG, which Go wants for itself, and SIGPIPE, which it wraps, are the
 * host's: what it set before or after init holds, and so does what it left
 * alone. So does every other disposition.
 */
#include "host.h"
#include <sys/syscall.h>

#define MAILS 100

static volatile sig_atomic_t handled, handled_elsewhere;
static pid_t host_thread;

static void handler(int signo)
{
	(void)signo;
	if (syscall(SYS_gettid) != host_thread)
		handled_elsewhere = 1;
	handled++;
}

static void install(int signo, void (*function)(int))
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = function;
	sigemptyset(&action.sa_mask);
	CHECK(sigaction(signo, &action, NULL) == 0);
}

static void write_to_nobody(void)
{
	int fds[2];

	CHECK(pipe(fds) == 0);
	close(fds[0]);
	CHECK(write(fds[1], "x", 1) == -1);
	CHECK(errno == EPIPE);
	close(fds[1]);
}

/* Faults are another test: it is enough that these keep their meaning. */
static int is_fault(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE ||
		signo == SIGILL || signo == SIGTRAP;
}

static void dispositions(struct sigaction *actions)
{
	int signo;

	memset(actions, 0, sizeof(*actions) * 65);
	for (signo = 1; signo <= 64; signo++)
		(void)sigaction(signo, NULL, &actions[signo]);
}

/* Each of these runs in a process of its own. */

static int all_kept(uint32_t backend, const char **paths)
{
	struct sigaction before[65], after[65];
	struct dbox_aio *ctx;
	int signo;

	install(SIGCHLD, handler);
	install(SIGUSR2, handler);
	install(SIGHUP, SIG_IGN);
	install(SIGRTMIN, handler);
	install(SIGRTMAX, handler);
	dispositions(before);
	ctx = host_init(backend);
	host_read_all(ctx, paths, MAILS);
	dispositions(after);
	for (signo = 1; signo <= 64; signo++) {
		if (is_fault(signo) ||
		    (before[signo].sa_handler == after[signo].sa_handler &&
		     before[signo].sa_flags == after[signo].sa_flags))
			continue;
		fprintf(stderr, "signal %d is not what it was\n", signo);
		return 1;
	}
	host_deinit(&ctx);
	return 0;
}

static int handlers(uint32_t backend, const char **paths, int before)
{
	struct dbox_aio *ctx;

	host_thread = syscall(SYS_gettid);
	if (before) {
		install(SIGURG, handler);
		install(SIGPIPE, handler);
		ctx = host_init(backend);
	} else {
		ctx = host_init(backend);
		install(SIGURG, handler);
		install(SIGPIPE, handler);
	}
	host_read_all(ctx, paths, MAILS);
	/* Go's own use of SIGURG is none of the host's business */
	CHECK_EQ(handled, 0);
	write_to_nobody();
	CHECK_EQ(handled, 1);
	CHECK(kill(getpid(), SIGURG) == 0);
	host_sleep_ms(20);
	CHECK_EQ(handled, 2);
	CHECK_EQ(handled_elsewhere, 0);
	host_read_all(ctx, paths, MAILS);
	CHECK_EQ(handled, 2);
	host_deinit(&ctx);
	return 0;
}

static int handlers_before(uint32_t backend, const char **paths)
{
	return handlers(backend, paths, 1);
}

static int handlers_after(uint32_t backend, const char **paths)
{
	return handlers(backend, paths, 0);
}

static int ignored(uint32_t backend, const char **paths)
{
	struct dbox_aio *ctx;

	install(SIGPIPE, SIG_IGN);
	ctx = host_init(backend);
	host_read_all(ctx, paths, MAILS);
	write_to_nobody();
	host_deinit(&ctx);
	write_to_nobody();
	return 0;
}

static int left_alone(uint32_t backend, const char **paths)
{
	struct dbox_aio *ctx = host_init(backend);

	host_read_all(ctx, paths, MAILS);
	/* ignored by default */
	CHECK(kill(getpid(), SIGURG) == 0);
	write_to_nobody();
	return 1;
}

int main(int argc, char *argv[])
{
	static const struct {
		int (*function)(uint32_t backend, const char **paths);
		int status;
	} tests[] = {
		{ all_kept, 0 },
		{ handlers_before, 0 },
		{ handlers_after, 0 },
		{ ignored, 0 },
		{ left_alone, 128 + SIGPIPE },
	};
	uint32_t backend = host_backend(argc, argv);
	const char **paths = host_mails(MAILS, 9000);
	unsigned int i;
	int status;
	pid_t pid;

	/* a shell can have ignored it for us */
	install(SIGPIPE, SIG_DFL);
	install(SIGURG, SIG_DFL);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			exit(tests[i].function(backend, paths));
		status = host_wait(pid);
		if (status == 77)
			return 77;
		if (status != tests[i].status) {
			fprintf(stderr, "part %u ended with %d\n", i, status);
			return 1;
		}
	}
	return 0;
}
