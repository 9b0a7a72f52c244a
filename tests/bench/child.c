/* child.c: processes of their own: one for each peer, which runs a round when it
   is told to and is idle otherwise, and others for a single measurement. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

struct child {
	pid_t pid;
	int orders, outcomes;
	const char *name;
};

static pid_t child_fork(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void child_wait(pid_t pid, const char *name)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			err(1, "waitpid");
	}
	if (status != 0)
		errx(1, "the process of %s failed (wait status %d)", name,
		     status);
}

/* Returns 0 at the end. */
static int transfer(ssize_t ret, size_t size)
{
	if (ret != 0 && ret != (ssize_t)size)
		err(1, "pipe");
	return ret != 0;
}

static void child_main(const struct peer *peer, const struct peer_setup *setup,
		       const struct store *store, int count, int orders,
		       int outcomes)
{
	struct order order;
	struct outcome outcome;
	const char *reason;
	uint64_t calls = 0;
	int calls_fd = -1;

	/* before there are threads */
	if (count)
		calls_fd = calls_open(&reason);
	peer->init(setup);
	for (;;) {
		/* children that were started later have the pipe as well: its
		   end is not seen */
		if (!transfer(read(orders, &order, sizeof(order)),
			      sizeof(order)) || order.passes == 0)
			_exit(0);
		if (calls_fd != -1)
			calls = calls_read(calls_fd);
		round_run(peer, store, &order, &outcome);
		if (calls_fd != -1)
			outcome.calls = calls_read(calls_fd) - calls;
		transfer(write(outcomes, &outcome, sizeof(outcome)),
			 sizeof(outcome));
	}
}

struct child *child_start(const struct peer *peer,
			  const struct peer_setup *setup,
			  const struct store *store, int count)
{
	struct child *child = calloc(1, sizeof(*child));
	int orders[2], outcomes[2];

	if (child == NULL || pipe2(orders, O_CLOEXEC) < 0 ||
	    pipe2(outcomes, O_CLOEXEC) < 0)
		err(1, "pipe");
	child->name = peer->name;
	child->pid = child_fork();
	if (child->pid == 0) {
		close(orders[1]);
		close(outcomes[0]);
		child_main(peer, setup, store, count, orders[0], outcomes[1]);
	}
	close(orders[0]);
	close(outcomes[1]);
	child->orders = orders[1];
	child->outcomes = outcomes[0];
	return child;
}

void child_run(struct child *child, const struct order *order,
	       struct outcome *outcome_r)
{
	transfer(write(child->orders, order, sizeof(*order)), sizeof(*order));
	if (!transfer(read(child->outcomes, outcome_r, sizeof(*outcome_r)),
		      sizeof(*outcome_r)))
		child_wait(child->pid, child->name);
	if (outcome_r->wrong)
		errx(1, "%s has delivered something else", child->name);
}

void child_stop(struct child *child)
{
	static const struct order stop = { .passes = 0 };

	transfer(write(child->orders, &stop, sizeof(stop)), sizeof(stop));
	close(child->orders);
	close(child->outcomes);
	child_wait(child->pid, child->name);
	free(child);
}

void child_call(void (*func)(const void *arg, void *data), const void *arg,
		void *data, size_t size)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		err(1, "pipe");
	pid = child_fork();
	if (pid == 0) {
		close(fds[0]);
		func(arg, data);
		transfer(write(fds[1], data, size), size);
		_exit(0);
	}
	close(fds[1]);
	transfer(read(fds[0], data, size), size);
	close(fds[0]);
	child_wait(pid, "a measurement");
}
