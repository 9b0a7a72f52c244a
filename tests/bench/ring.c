/* ring.c: io_uring as a careful host sets it up. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include "ring.h"

#define SQ_ENTRIES 256
#define CQ_ENTRIES 4096
#define WORKERS 64
/* How long a wake-up is waited for that may never come. */
#define LOST_MS 100

void ring_init(struct ring *ring, const struct peer_setup *setup)
{
	struct io_uring_params params;
	unsigned int workers[2] = { WORKERS, WORKERS };
	int fd, ret;

	/* Completions are worked on only when this thread asks for them, and
	   the loop's epoll_wait is not interrupted. The flag tells that there
	   is something to ask for. */
	memset(&params, 0, sizeof(params));
	params.flags = IORING_SETUP_SINGLE_ISSUER |
		IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
	params.cq_entries = CQ_ENTRIES;
	ret = io_uring_queue_init_params(SQ_ENTRIES, &ring->uring, &params);
	if (ret < 0)
		errx(1, "io_uring: %s", strerror(-ret));
	ret = io_uring_register_iowq_max_workers(&ring->uring, workers);
	if (ret < 0)
		errx(1, "io-wq's workers: %s", strerror(-ret));
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		err(1, "eventfd");
	ret = io_uring_register_eventfd(&ring->uring, fd);
	if (ret < 0)
		errx(1, "io_uring's eventfd: %s", strerror(-ret));
	/* edge-triggered: nobody has to read the eventfd */
	loop_init(fd, 1);
	ring->remote = setup->remote;
}

struct io_uring_sqe *ring_entry(struct ring *ring)
{
	struct io_uring_sqe *sqe;

	while ((sqe = io_uring_get_sqe(&ring->uring)) == NULL)
		ring_enter(ring);
	return sqe;
}

static void entry_end(const struct ring *ring, struct io_uring_sqe *sqe,
		      uintptr_t data)
{
	io_uring_sqe_set_data64(sqe, data);
	if (ring->remote)
		sqe->flags |= IOSQE_ASYNC;
}

void ring_open(struct ring *ring, const char *path, uintptr_t data)
{
	struct io_uring_sqe *sqe = ring_entry(ring);

	io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	entry_end(ring, sqe, data);
}

void ring_read(struct ring *ring, int fd, void *buf, size_t size,
	       uint64_t offset, uintptr_t data)
{
	struct io_uring_sqe *sqe = ring_entry(ring);

	io_uring_prep_read(sqe, fd, buf, (unsigned int)size, offset);
	entry_end(ring, sqe, data);
}

void ring_close(struct ring *ring, int fd, uintptr_t data)
{
	struct io_uring_sqe *sqe = ring_entry(ring);

	io_uring_prep_close(sqe, fd);
	entry_end(ring, sqe, data);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void ring_enter(struct ring *ring)
{
	const unsigned int flags = IO_URING_READ_ONCE(*ring->uring.sq.kflags);
	int ret = 0;

	if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0)
		ret = io_uring_submit_and_get_events(&ring->uring);
	else if (io_uring_sq_ready(&ring->uring) > 0)
		ret = io_uring_submit(&ring->uring);
	if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
		errx(1, "io_uring_enter: %s", strerror(-ret));
}

void ring_wait(struct ring *ring)
{
	const unsigned int flags = IO_URING_READ_ONCE(*ring->uring.sq.kflags);

	if ((flags & IORING_SQ_TASKRUN) == 0) {
		loop_wait_for(LOST_MS);
		return;
	}
	/* the loop comes by at once */
	loop_sleeps();
	loop_wakes();
}
