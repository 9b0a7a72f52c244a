/* loop.c: the event loop of a host that has nothing else to do, and the time it
   is kept from it. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "bench.h"

static int epoll_fd = -1;
static uint64_t awake_since, longest;
static unsigned int interrupted;

void loop_init(int fd, int edge)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (edge)
		event.events |= EPOLLET;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll");
}

void loop_sleeps(void)
{
	uint64_t time;

	if (awake_since == 0)
		return;
	time = clock_ns() - awake_since;
	if (time > longest)
		longest = time;
}

void loop_wakes(void)
{
	awake_since = clock_ns();
}

void loop_wait(void)
{
	loop_wait_for(-1);
}

void loop_wait_for(int timeout_ms)
{
	struct epoll_event event;

	loop_sleeps();
	while (epoll_wait(epoll_fd, &event, 1, timeout_ms) < 0) {
		if (errno != EINTR)
			err(1, "epoll_wait");
		interrupted++;
	}
	loop_wakes();
}

uint64_t loop_longest(void)
{
	uint64_t value = longest;

	longest = 0;
	awake_since = 0;
	return value;
}

unsigned int loop_interrupted(void)
{
	unsigned int value = interrupted;

	interrupted = 0;
	return value;
}
