/* signals.c: an interrupted command ends its work and says how far it came */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "dboxaio.h"

static volatile sig_atomic_t caught;

static void note(int signo)
{
	caught = signo;
}

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void signals_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action, old;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = note;
	action.sa_flags = SA_RESTART | SA_RESETHAND;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* nohup stays nohup */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

int signals_caught(void)
{
	return caught;
}

int signals_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000,
				    timeout_ms % 1000 * 1000000L };
	sigset_t set, old;
	int ret = -1;

	/* the signal must not come between the question and the wait */
	fill(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (caught != 0)
		errno = EINTR;
	else
		ret = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
}

void signals_die(void)
{
	if (caught == 0)
		return;
	signal(caught, SIG_DFL);
	raise(caught);
}
