/*
 * While cold reads are in flight a host waits in epoll_wait(), nanosleep() and
 * read() of a socket. None of them returns EINTR because of the library.
 * (poll() would hide it: the kernel restarts it.)
 */
#include "host.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define MAILS 1000
/* An interruption is a matter of chance. */
#define ROUNDS 5

static unsigned int interrupted;

static int reap(struct dbox_aio *ctx, int epoll_fd,
		struct host_results *results, unsigned int count)
{
	struct epoll_event event;
	int ret;

	while (results->done < count) {
		ret = epoll_wait(epoll_fd, &event, 1, 20000);
		if (ret < 0) {
			CHECK(errno == EINTR);
			interrupted++;
		} else {
			CHECK_EQ(ret, 1);
			CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		}
	}
	return 0;
}

/* One request at a time, and many of them. */
static void wait_in_epoll(struct dbox_aio *ctx, int epoll_fd,
			  const char **paths)
{
	struct host_results results;
	unsigned int i;

	memset(&results, 0, sizeof(results));
	host_make_cold(paths, MAILS);
	for (i = 0; i < MAILS; i++) {
		host_submit(ctx, &paths[i], 1, &results);
		reap(ctx, epoll_fd, &results, i + 1);
	}
	CHECK_EQ(results.good, MAILS);

	for (i = 0; i < ROUNDS; i++) {
		memset(&results, 0, sizeof(results));
		host_make_cold(paths, MAILS);
		host_submit(ctx, paths, MAILS, &results);
		reap(ctx, epoll_fd, &results, MAILS);
		CHECK_EQ(results.good, MAILS);
	}
	CHECK_EQ(interrupted, 0);
}

static void sleep_meanwhile(struct dbox_aio *ctx, int epoll_fd,
			    const char **paths)
{
	struct host_results results;
	struct timespec ts = { 0, 500000 };
	unsigned int i;

	memset(&results, 0, sizeof(results));
	host_make_cold(paths, MAILS);
	for (i = 0; i < MAILS; i += 10) {
		host_submit(ctx, &paths[i], 10, &results);
		CHECK(nanosleep(&ts, NULL) == 0);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		CHECK(nanosleep(&ts, NULL) == 0);
	}
	reap(ctx, epoll_fd, &results, MAILS);
	CHECK_EQ(results.good, MAILS);
}

static void *writer(void *arg)
{
	unsigned int i;

	for (i = 0; i < MAILS / 10; i++) {
		host_sleep_ms(1);
		CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	}
	return NULL;
}

static void read_socket_meanwhile(struct dbox_aio *ctx, int epoll_fd,
				  const char **paths)
{
	struct host_results results;
	pthread_t thread;
	unsigned int i;
	int fds[2];
	char c;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	memset(&results, 0, sizeof(results));
	host_make_cold(paths, MAILS);
	CHECK(pthread_create(&thread, NULL, writer, &fds[1]) == 0);
	for (i = 0; i < MAILS; i += 10) {
		host_submit(ctx, &paths[i], 10, &results);
		CHECK_EQ(read(fds[0], &c, 1), 1);
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	CHECK(pthread_join(thread, NULL) == 0);
	reap(ctx, epoll_fd, &results, MAILS);
	CHECK_EQ(results.good, MAILS);
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char *argv[])
{
	const char **paths = host_mails(MAILS, 9000);
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	struct epoll_event event;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	CHECK(epoll_fd >= 0);
	memset(&event, 0, sizeof(event));
	event.events = EPOLLIN;
	CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, dbox_aio_fd(ctx),
			&event) == 0);
	wait_in_epoll(ctx, epoll_fd, paths);
	sleep_meanwhile(ctx, epoll_fd, paths);
	read_socket_meanwhile(ctx, epoll_fd, paths);
	host_deinit(&ctx);
	return 0;
}
