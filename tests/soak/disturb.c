#include "soak.h"

#include <time.h>

static timer_t ticker;
static unsigned int turn;

/* Without SA_ONSTACK: on a thread of the library it would overrun a stack. */
static void ticked(int signo)
{
	static const char why[] = "a signal on a thread of the library\n";

	(void)signo;
	if (load_is_ours)
		SOAK_ADD(signals, 1);
	else
		_exit(write(STDERR_FILENO, why, sizeof(why) - 1) > 0 ? 3 : 4);
}

void disturb_start(void)
{
	const struct itimerspec often = { { 0, 5000000 }, { 0, 5000000 } };
	struct sigaction action;
	struct sigevent event;

	memset(&action, 0, sizeof(action));
	action.sa_handler = ticked;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGALRM;
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &ticker) == 0);
	CHECK(timer_settime(ticker, 0, &often, NULL) == 0);
}

/* A child that may not use the library, or one that is another program. */
static void fork_one(void)
{
	struct dbox_aio *ctx;
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		if (turn % 2 == 0)
			_exit(dbox_aio_init(&ctx, NULL) ==
			      DBOX_AIO_EFORKED ? 0 : 1);
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(status, 0);
	SOAK_ADD(forks, 1);
}

/* Like force-resync: the path is another file from now on. */
static void replace_one(void)
{
	const char *path = soak_files.local[turn % LOCAL_MAILS];
	char command[1200];
	pid_t pid;
	int status;

	snprintf(command, sizeof(command), "%s.new", path);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		execl("/bin/cp", "cp", path, command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(status, 0);
	CHECK(rename(command, path) == 0);
	SOAK_ADD(replaced, 1);
}

static void fault_next(void)
{
	static const char *const faults[] = {
		"fail read EIO 2 3\n", "clear\n", "short 700\n",
		"delay read 3ms\n", "clear\n", "fail open EIO 1 5\n",
		"fail read EINTR 1 4\n", "hang read open\n", "resume\n",
		"clear\n", "delay open 20ms\n", "fail read EAGAIN 1 3\n",
		"hang lookup\n", "clear\n"
	};
	static unsigned int next;
	sigset_t ticks, old;

	/* slow_tell() does not expect EINTR. */
	sigemptyset(&ticks);
	sigaddset(&ticks, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &ticks, &old);
	slow_tell(soak_mount, "%s",
		  faults[next++ % (sizeof(faults) / sizeof(faults[0]))]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	SOAK_ADD(faults, 1);
}

void disturb(void)
{
	turn++;
	if (turn % 4 == 0)
		fork_one();
	if (turn % 7 == 0)
		replace_one();
	if (turn % 10 == 0)
		fault_next();
}

void disturb_end(void)
{
	CHECK(timer_delete(ticker) == 0);
	slow_tell(soak_mount, "clear\n");
}
