/*
 * event.c: the event descriptor of a context, and waiting for it.
 */
#include "front.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return UINT64_MAX;
	return clock_ns() + (uint64_t)timeout_ms * 1000000;
}

void event_signal(int fd)
{
	const uint64_t one = 1;
	ssize_t ret;

	/* EAGAIN: the counter is full, so it is readable anyway. */
	do {
		ret = write(fd, &one, sizeof(one));
	} while (ret < 0 && errno == EINTR);
}

int event_closed(void)
{
	return error_set(DBOX_AIO_EINVAL,
		"the context's descriptor was closed by the program; it "
		"belongs to the library");
}

uint64_t event_clear(int fd)
{
	uint64_t count;
	ssize_t ret;

	do {
		ret = read(fd, &count, sizeof(count));
	} while (ret < 0 && errno == EINTR);
	return ret == (ssize_t)sizeof(count) ? count : 0;
}

int event_wait(int fd, uint64_t deadline)
{
	struct pollfd pollfd;
	uint64_t now, ms;
	int ret;

	pollfd.fd = fd;
	pollfd.events = POLLIN;
	for (;;) {
		ms = INT_MAX;
		if (deadline != UINT64_MAX) {
			now = clock_ns();
			/* Rounded up: not a millisecond early. */
			ms = now >= deadline ? 0 :
				(deadline - now + 999999) / 1000000;
		}
		ret = poll(&pollfd, 1, ms < INT_MAX ? (int)ms : INT_MAX);
		if (ret > 0 && (pollfd.revents & (POLLIN | POLLNVAL)) ==
		    POLLIN)
			return 1;
		if (ret > 0)
			return event_closed();
		if (ret == 0 && ms < INT_MAX)
			return 0;
		if (ret < 0 && errno != EINTR)
			return error_format(DBOX_AIO_ENOMEM, "poll: %s",
					    strerror(errno));
	}
}

void event_signal_room(struct dbox_aio *ctx)
{
	if (ctx->short_submit && ctx->pending < ctx->max_pending) {
		ctx->short_submit = 0;
		event_signal(ctx->event_fd);
	}
}
