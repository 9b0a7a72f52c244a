/*
 * signals.c: keeps the host's signals and the Go runtime apart.
 */
#include "front.h"

#include <string.h>

sigset_t signals_async;

void signals_init(void)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS
	};
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	signals_async = set;
}

void signals_save(struct signals_saved *saved_r)
{
	int i;

	memset(saved_r, 0, sizeof(*saved_r));
	for (i = 1; i <= SIGNALS_MAX; i++)
		saved_r->valid[i] =
			sigaction(i, NULL, &saved_r->actions[i]) == 0;
}

static int signal_is_the_runtimes(int signo)
{
	/* The runtime turns these into panics, which the core recovers from.
	   Outside of Go code it passes them on as if it were not there. */
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE;
}

void signals_restore(const struct signals_saved *saved)
{
	struct sigaction now;
	const struct sigaction *old;
	int i;

	/* The runtime takes SIGURG and SIGPIPE, and adds SA_ONSTACK to every
	   handler it finds. */
	for (i = 1; i <= SIGNALS_MAX; i++) {
		if (!saved->valid[i] || signal_is_the_runtimes(i) ||
		    sigaction(i, NULL, &now) < 0)
			continue;
		old = &saved->actions[i];
		if (now.sa_handler != old->sa_handler ||
		    now.sa_flags != old->sa_flags)
			(void)sigaction(i, old, NULL);
	}
}
