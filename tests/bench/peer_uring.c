/*
 * peer_uring.c: liburing by hand, message by message, as open, read and close.
 *
 * A read's entry has its file when it has been submitted, so the close goes
 * with it (not so from a worker, where the storage is remote). Reads are
 * submitted a few at a time, so that the buffers of those that were cached are
 * used again before they leave the CPU's caches.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "ring.h"

/* Messages that are read at the same time, and reads submitted together. */
#define DEPTH 128
#define STEP_COUNT 16

enum step { STEP_OPEN, STEP_HEADER, STEP_READ, STEP_CLOSE };
#define STEP_MASK 7

struct slot {
	struct slot *next;
	const struct message *msg;
	int fd;
	unsigned int reads, message_header_size;
	struct buffer *buf;
	size_t size, filled;
	unsigned char header[FILE_HEADER_MAX];
};

static struct ring ring;
static struct slot slots[DEPTH], *unused;
static struct buffer buffers[DEPTH], *unused_buffers[DEPTH];
static unsigned int unused_buffers_count;
/* open, and not read yet */
static struct slot *opened, **opened_tail = &opened;
/* those that there is no slot for yet */
static const struct message **backlog;
static unsigned int backlog_next, backlog_count, backlog_room;

static uintptr_t slot_step(const struct slot *slot, enum step step)
{
	return (uintptr_t)slot | step;
}

static void slot_start(struct slot *slot, const struct message *msg)
{
	slot->msg = msg;
	slot->reads = 0;
	slot->filled = 0;
	slot->size = message_read_size(msg);
	slot->message_header_size = 0;
	slot->buf = NULL;
	ring_open(&ring, msg->path, slot_step(slot, STEP_OPEN));
}

static void slot_read(struct slot *slot)
{
	slot->reads++;
	ring_read(&ring, slot->fd, slot->buf->data + slot->filled,
		  slot->size - slot->filled, slot->msg->offset + slot->filled,
		  slot_step(slot, STEP_READ));
}

/* Reads an open file. As many buffers as slots: there is one. */
static void slot_fill(struct slot *slot)
{
	if (slot->buf == NULL) {
		slot->buf = unused_buffers[--unused_buffers_count];
		buffer_grow(slot->buf, slot->size);
	}
	if (slot->msg->offset > 0 && slot->message_header_size == 0) {
		slot->reads++;
		ring_read(&ring, slot->fd, slot->header, sizeof(slot->header),
			  0, slot_step(slot, STEP_HEADER));
	}
	slot_read(slot);
	if (!ring.remote)
		ring_close(&ring, slot->fd, STEP_CLOSE);
}

/* A read that reaches beyond the end of the file is tried again by the kernel,
   which costs remote storage a round trip. What is known of the size does not
   cost any, since the file was just opened. */
static size_t file_size(int fd, size_t guess)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE,
		  &stx) < 0 || stx.stx_size == 0)
		return guess;
	return (size_t)stx.stx_size;
}

static void slot_opened(struct slot *slot, int fd)
{
	slot->fd = fd;
	if (ring.remote && slot->msg->offset == 0)
		slot->size = file_size(fd, slot->size);
	slot->next = NULL;
	*opened_tail = slot;
	opened_tail = &slot->next;
}

static void opens_start(void)
{
	struct slot *slot;
	unsigned int i;

	for (i = 0; i < STEP_COUNT && (slot = unused) != NULL &&
	     backlog_next < backlog_count; i++) {
		unused = slot->next;
		slot_start(slot, backlog[backlog_next++]);
	}
}

static void reads_start(void)
{
	struct slot *slot;
	unsigned int i;

	for (i = 0; i < STEP_COUNT && (slot = opened) != NULL; i++) {
		opened = slot->next;
		if (opened == NULL)
			opened_tail = &opened;
		slot_fill(slot);
	}
}

/* Something could be started that has not been. */
static int work_left(void)
{
	return opened != NULL ||
		(unused != NULL && backlog_next < backlog_count);
}

/* All that was asked for is there. */
static void slot_done(struct slot *slot, int end_of_file)
{
	const struct message *msg = slot->msg;

	if (!deliver_record(msg, slot->buf->data, slot->filled,
			    slot->message_header_size)) {
		if (end_of_file)
			errx(1, "%s: a record without an end", msg->path);
		/* It is longer than was thought. */
		if (slot->filled == slot->size)
			slot->size *= 2;
		buffer_grow(slot->buf, slot->size);
		if (ring.remote)
			slot_read(slot);
		else
			ring_open(&ring, msg->path,
				  slot_step(slot, STEP_OPEN));
		return;
	}
	if (ring.remote)
		ring_close(&ring, slot->fd, STEP_CLOSE);
	unused_buffers[unused_buffers_count++] = slot->buf;
	slot->next = unused;
	unused = slot;
}

static void slot_header(struct slot *slot, size_t size)
{
	if (file_header_parse(slot->header, size,
			      &slot->message_header_size) == 0)
		errx(1, "%s: no header", slot->msg->path);
}

static void completion(uintptr_t data, int result)
{
	struct slot *slot = (struct slot *)(data & ~(uintptr_t)STEP_MASK);

	if (result < 0)
		errx(1, "%s: %s", slot == NULL ? "close" : slot->msg->path,
		     strerror(-result));
	switch ((enum step)(data & STEP_MASK)) {
	case STEP_OPEN:
		slot_opened(slot, result);
		return;
	case STEP_HEADER:
		slot_header(slot, (size_t)result);
		break;
	case STEP_READ:
		slot->filled += (size_t)result;
		break;
	case STEP_CLOSE:
		return;
	}
	if (--slot->reads == 0)
		slot_done(slot, result == 0);
}

/* Handles completions; but only opens, up to the first other one, where no
   message may be delivered. Returns how many there were. */
static unsigned int completions(int only_opens)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count = 0;

	io_uring_for_each_cqe(&ring.uring, head, cqe) {
		if (only_opens && (cqe->user_data & STEP_MASK) != STEP_OPEN)
			break;
		completion((uintptr_t)cqe->user_data, cqe->res);
		count++;
	}
	io_uring_cq_advance(&ring.uring, count);
	return count;
}

static void uring_init(const struct peer_setup *setup)
{
	unsigned int i;

	ring_init(&ring, setup);
	for (i = 0; i < DEPTH; i++) {
		slots[i].next = unused;
		unused = &slots[i];
		unused_buffers[i] = &buffers[i];
	}
	unused_buffers_count = DEPTH;
}

static void uring_submit(const struct message *const *messages,
			 unsigned int count)
{
	unsigned int done;

	if (count > backlog_room) {
		backlog_room = count;
		backlog = realloc(backlog, backlog_room * sizeof(*backlog));
		if (backlog == NULL)
			err(1, "realloc");
	}
	memcpy(backlog, messages, count * sizeof(*backlog));
	backlog_next = 0;
	backlog_count = count;
	/* As much as can wait for storage; or the first few, if they are open
	   already: more would only be in the way. */
	do {
		opens_start();
		ring_enter(&ring);
		done = completions(1);
	} while (done == 0 && work_left());
	if (done > 0) {
		reads_start();
		ring_enter(&ring);
	}
}

static void uring_poke(void)
{
	unsigned int done;

	do {
		opens_start();
		reads_start();
		ring_enter(&ring);
		done = completions(0);
	} while (done > 0 || work_left());
}

static void uring_turn(void)
{
	ring_wait(&ring);
	uring_poke();
}

const struct peer peer_uring = {
	"L1", "liburing by hand, message by message", NULL,
	uring_init, uring_submit, uring_poke, uring_turn
};
