/* The library leaves the host's signals alone. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static const char *path;
static pthread_t host;
static volatile sig_atomic_t counts[65], strangers;

static void count_signal(int signo)
{
	counts[signo]++;
	if (!pthread_equal(pthread_self(), host))
		strangers++;
}

static void handle(int signo)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = count_signal;
	CHECK_INT(sigaction(signo, &action, NULL), 0);
}

/* Every disposition is the same after init, a read and deinit. */
static void test_dispositions(void)
{
	struct sigaction before[65], after;
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx;
	sigset_t mask_before, mask_after;
	int i;

	handle(SIGCHLD);
	handle(SIGUSR1);
	handle(SIGURG);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (i = 1; i < 65; i++)
		(void)sigaction(i, NULL, &before[i]);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
	ctx = context_open(NULL);
	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
	for (i = 1; i < 65; i++) {
		if (i == SIGSEGV || i == SIGBUS || i == SIGFPE ||
		    sigaction(i, NULL, &after) < 0)
			continue;
		if (after.sa_handler != before[i].sa_handler ||
		    after.sa_flags != before[i].sa_flags)
			FAIL("the disposition of signal %d is changed", i);
	}
	for (i = 1; i < 65; i++) {
		if (sigismember(&mask_before, i) != sigismember(&mask_after, i))
			FAIL("signal %d in the mask is changed", i);
	}
}

/* A storm of signals while requests run, with handlers that were installed
   after init as well. */
static void test_storm(void)
{
	static const int signals[] = {
		SIGCHLD, SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGURG, SIGPIPE
	};
	const struct itimerval every = { { 0, 500 }, { 0, 500 } };
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	size_t n;
	int i, sent = 0;

	for (n = 0; n < sizeof(signals) / sizeof(signals[0]); n++) {
		handle(signals[n]);
		counts[signals[n]] = 0;
	}
	handle(SIGALRM);
	CHECK_INT(setitimer(ITIMER_REAL, &every, NULL), 0);
	for (i = 0; i < 2000; i++) {
		for (n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
			CHECK_INT(kill(getpid(), signals[n]), 0);
		sent++;
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		body_check(outcome.message, "hello");
	}
	CHECK_INT(setitimer(ITIMER_REAL, &off, NULL), 0);
	/* None lost: each is sent and handled before the next one. */
	for (n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
		CHECK_INT(counts[signals[n]], sent);
	CHECK_INT(strangers, 0);
	outcome_clear(&outcome);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	alarm(60);
}

/* Blocked signals stay pending for the host. */
static void test_blocked(void)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	struct timespec zero = { 0, 0 };
	sigset_t set, old;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGTERM, SIG_DFL);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	for (i = 0; i < 50; i++)
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	CHECK_INT(sigtimedwait(&set, NULL, &zero), SIGINT);
	CHECK_INT(sigtimedwait(&set, NULL, &zero), SIGTERM);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

/* No thread but the host's takes asynchronous signals. */
static void test_masks(void)
{
	struct dbox_aio *ctx = context_open(NULL);
	DIR *dir = opendir("/proc/self/task");
	struct outcome outcome = { 0 };
	struct dirent *entry;
	unsigned long long mask, want = 0;
	static const int signals[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM,
		SIGTERM, SIGCHLD, SIGCONT, SIGTSTP, SIGURG, SIGIO, SIGWINCH,
		SIGPROF, SIGVTALRM
	};
	char file[300], line[200];
	FILE *status;
	size_t i;
	int threads = 0;

	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		want |= 1ULL << (signals[i] - 1);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(file, sizeof(file), "/proc/self/task/%s/status",
			 entry->d_name);
		status = fopen(file, "r");
		if (status == NULL)
			continue;
		mask = 0;
		while (fgets(line, sizeof(line), status) != NULL) {
			if (sscanf(line, "SigBlk: %llx", &mask) == 1)
				break;
		}
		fclose(status);
		threads++;
		if ((mask & want) != want)
			FAIL("thread %s takes signals: blocks %llx only",
			     entry->d_name, mask);
	}
	closedir(dir);
	CHECK(threads > 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

int main(int argc, char **argv)
{
	check_begin(argc, argv);
	host = pthread_self();
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_dispositions();
	test_masks();
	test_storm();
	test_blocked();
	return 0;
}
