/*
 * test_host_signals BACKEND before|after: a host gets signals at 2 kHz, with
 * handlers that have no SA_ONSTACK and were installed before or after init. All
 * of them run, on the host's thread, and reads go on.
 */
#include "host.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#define MAILS 100
#define SIGNALS 3000
/* 2 kHz */
#define PERIOD_NS 500000

/* What daemons use, first; then all that could be meant for a process. */
static int used[64] = { SIGCHLD, SIGALRM, SIGTERM, SIGUSR1, SIGHUP, SIGUSR2,
			SIGINT, SIGQUIT, SIGURG, SIGPIPE, SIGWINCH, SIGIO,
			SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPROF,
			SIGVTALRM, SIGXCPU, SIGXFSZ, SIGPWR, SIGSTKFLT };
static unsigned int used_count = 22;

/* Shared with the process that sends. A standard signal that is sent again
   before it was handled is one signal, so each is sent only after the last one
   of its kind was seen. */
static volatile struct {
	unsigned int handled[65];
	unsigned int elsewhere[65];
} *shared;
static pid_t host_thread;

static void handler(int signo)
{
	int saved_errno = errno;

	if (syscall(SYS_gettid) != host_thread)
		shared->elsewhere[signo]++;
	shared->handled[signo]++;
	errno = saved_errno;
}

static void install(void)
{
	struct sigaction action;
	unsigned int i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < used_count; i++)
		CHECK(sigaction(used[i], &action, NULL) == 0);
}

/* The handlers are still what the host made them. */
static void check_installed(void)
{
	struct sigaction action;
	unsigned int i;

	for (i = 0; i < used_count; i++) {
		CHECK(sigaction(used[i], NULL, &action) == 0);
		if (action.sa_handler == handler &&
		    (action.sa_flags & SA_ONSTACK) == 0)
			continue;
		fprintf(stderr, "signal %d has another action\n", used[i]);
		exit(1);
	}
}

static void until(const struct timespec *ts)
{
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, ts, NULL) != 0)
		;
}

/* All that were sent of a kind were handled, in the end. */
static int all_handled(int signo, unsigned int sent)
{
	const struct timespec moment = { 0, 50000 };
	unsigned long long end = host_now_ms() + 5000;

	while (shared->handled[signo] != sent) {
		if (shared->handled[signo] > sent || host_now_ms() > end)
			return 0;
		nanosleep(&moment, NULL);
	}
	return 1;
}

/* SIGCONT takes back what stops a process, and the other way round. */
static int job_control_handled(int signo, const unsigned int *sent)
{
	static const int job_control[] = { SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU };
	unsigned int i, among = 0;

	for (i = 0; i < 4; i++)
		among |= job_control[i] == signo;
	for (i = 0; among && i < 4; i++) {
		if (!all_handled(job_control[i], sent[job_control[i]]))
			return 0;
	}
	return 1;
}

/* One every half a millisecond, or as soon as the last one of its kind was
   seen. Returns 1 if any got lost. */
static int send_signals(pid_t pid)
{
	unsigned int i, sent[65] = { 0 };
	unsigned long long begin = host_now_ms();
	struct timespec next;
	int signo;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (i = 0; i < SIGNALS; i++) {
		until(&next);
		next.tv_nsec += PERIOD_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		signo = used[i % used_count];
		if (!all_handled(signo, sent[signo]) ||
		    !job_control_handled(signo, sent)) {
			fprintf(stderr, "signal %d: %u sent, %u handled\n",
				signo, sent[signo], shared->handled[signo]);
			return 1;
		}
		if (kill(pid, signo) < 0)
			return 1;
		sent[signo]++;
	}
	fprintf(stderr, "%u signals in %llu ms\n", SIGNALS,
		host_now_ms() - begin);
	for (i = 0; i < used_count; i++) {
		if (!all_handled(used[i], sent[used[i]]))
			return 1;
	}
	return 0;
}

static void check_threads(void)
{
	unsigned int i, bad = 0;

	for (i = 1; i <= 64; i++) {
		if (shared->elsewhere[i] == 0)
			continue;
		fprintf(stderr, "%u of %u handlers of signal %u ran on a "
			"thread that is not the host's\n",
			shared->elsewhere[i], shared->handled[i], i);
		bad++;
	}
	CHECK_EQ(bad, 0);
}

int main(int argc, char *argv[])
{
	uint32_t backend = host_backend(argc, argv);
	int before = argc < 3 || strcmp(argv[2], "before") == 0;
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx = NULL;
	unsigned int rounds = 0;
	int status = -1;
	pid_t pid;

	used[used_count++] = SIGRTMIN;
	used[used_count++] = SIGRTMIN + 1;
	used[used_count++] = SIGRTMAX;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	host_thread = syscall(SYS_gettid);
	if (before)
		install();
	else {
		ctx = host_init(backend);
		install();
	}
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(send_signals(getppid()));
	/* signals come in while the core is being loaded, too */
	if (ctx == NULL)
		ctx = host_init(backend);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		host_make_cold(paths, MAILS);
		host_read_all(ctx, paths, MAILS);
		rounds++;
	}
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK(rounds > 0);
	check_threads();
	check_installed();
	host_deinit(&ctx);
	check_installed();
	return 0;
}
