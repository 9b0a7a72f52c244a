/*
 * peer_merge.c: liburing by hand, for files of many messages. The messages of a
 * batch are sorted; a file is opened once, and what lies side by side in it is
 * read at once.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "ring.h"

/* A gap that is read with its neighbours, and the longest read. */
#define MAX_GAP (16 << 10)
#define MAX_READ (256 << 10)
/* Reads at the same time. */
#define DEPTH 64

enum step { STEP_OPEN, STEP_HEADER, STEP_READ, STEP_CLOSE };
#define STEP_MASK 7

/* Neighbours: messages first to last of the batch, sorted. */
struct extent {
	struct extent *next;
	struct file *file;
	unsigned int first, last;
	uint64_t offset;
	size_t size, filled;
	struct buffer *buf;
};

struct file {
	/* open, and waits for buffers */
	struct file *next;
	const char *path;
	int fd;
	unsigned int message_header_size;
	/* reads that are to come, and its extents: not started; read, but
	   the file header is not */
	unsigned int unread;
	struct extent *todo, **todo_tail, *held;
	unsigned char header[FILE_HEADER_MAX];
};

static const enum layout layouts[] = {
	LAYOUT_MDBOX, LAYOUT_SHUFFLED, LAYOUT_COUNT
};
static struct ring ring;
static struct buffer buffers[DEPTH], *unused[DEPTH];
static unsigned int unused_count;

/* The batch, and what it is made up of. */
static const struct message **batch;
static struct extent *extents;
static struct file *files;
static unsigned int room, files_count;
static struct file *waiting, **waiting_tail = &waiting;

static int message_cmp(const void *a, const void *b)
{
	const struct message *x = *(const struct message *const *)a;
	const struct message *y = *(const struct message *const *)b;
	int ret;

	/* the paths of one file are one string */
	if (x->path != y->path) {
		ret = strcmp(x->path, y->path);
		if (ret != 0)
			return ret;
	}
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static void batch_grow(unsigned int count)
{
	if (count <= room)
		return;
	room = count;
	batch = realloc(batch, room * sizeof(*batch));
	extents = realloc(extents, room * sizeof(*extents));
	files = realloc(files, room * sizeof(*files));
	if (batch == NULL || extents == NULL || files == NULL)
		err(1, "realloc");
}

static uint64_t message_end(const struct message *msg)
{
	return msg->offset + msg->record_size;
}

static struct file *file_add(const struct message *msg)
{
	struct file *file = &files[files_count++];

	file->path = msg->path;
	file->fd = -1;
	file->message_header_size = 0;
	file->unread = 1;	/* the header */
	file->todo = NULL;
	file->todo_tail = &file->todo;
	file->held = NULL;
	return file;
}

static void extent_add(struct extent *extent, struct file *file,
		       unsigned int i)
{
	extent->next = NULL;
	extent->file = file;
	extent->first = extent->last = i;
	extent->offset = batch[i]->offset;
	extent->size = batch[i]->record_size;
	extent->filled = 0;
	file->unread++;
	*file->todo_tail = extent;
	file->todo_tail = &extent->next;
}

/* Adds the next message to an extent, if it is a neighbour. */
static int extent_extend(struct extent *extent, unsigned int i)
{
	const struct message *msg = batch[i];
	const uint64_t end = extent->offset + extent->size;

	if (msg->offset > end + MAX_GAP ||
	    message_end(msg) > extent->offset + MAX_READ)
		return 0;
	extent->last = i;
	if (message_end(msg) > end)
		extent->size = (size_t)(message_end(msg) - extent->offset);
	return 1;
}

static void batch_plan(unsigned int count)
{
	struct file *file = NULL;
	struct extent *extent = NULL;
	unsigned int i, n = 0;

	for (i = 1; i < count; i++) {
		if (message_cmp(&batch[i - 1], &batch[i]) > 0) {
			qsort(batch, count, sizeof(*batch), message_cmp);
			break;
		}
	}
	files_count = 0;
	for (i = 0; i < count; i++) {
		if (file == NULL || (file->path != batch[i]->path &&
		    strcmp(file->path, batch[i]->path) != 0)) {
			file = file_add(batch[i]);
			extent = NULL;
		}
		if (extent == NULL || !extent_extend(extent, i)) {
			extent = &extents[n++];
			extent_add(extent, file, i);
		}
	}
}

static void extent_read(struct extent *extent)
{
	ring_read(&ring, extent->file->fd,
		  extent->buf->data + extent->filled,
		  extent->size - extent->filled,
		  extent->offset + extent->filled,
		  (uintptr_t)extent | STEP_READ);
}

/* Starts reads as long as there are buffers. */
static void file_read(struct file *file)
{
	struct extent *extent;

	while ((extent = file->todo) != NULL && unused_count > 0) {
		file->todo = extent->next;
		extent->buf = unused[--unused_count];
		buffer_grow(extent->buf, extent->size);
		extent_read(extent);
	}
	if (file->todo == NULL && !ring.remote) {
		ring_close(&ring, file->fd, STEP_CLOSE);
		file->fd = -1;
	}
}

static void reads_start(void)
{
	struct file *file;

	while ((file = waiting) != NULL && unused_count > 0) {
		file_read(file);
		if (file->todo != NULL)
			return;
		waiting = file->next;
		if (waiting == NULL)
			waiting_tail = &waiting;
	}
}

static void file_opened(struct file *file, int fd)
{
	file->fd = fd;
	ring_read(&ring, fd, file->header, sizeof(file->header), 0,
		  (uintptr_t)file | STEP_HEADER);
	file->next = NULL;
	*waiting_tail = file;
	waiting_tail = &file->next;
	reads_start();
}

static void read_ended(struct file *file)
{
	if (--file->unread == 0 && ring.remote)
		ring_close(&ring, file->fd, STEP_CLOSE);
}

static void extent_deliver(struct extent *extent)
{
	const struct message *msg;
	unsigned int i;

	for (i = extent->first; i <= extent->last; i++) {
		msg = batch[i];
		if (!deliver_record(msg, extent->buf->data +
				    (msg->offset - extent->offset),
				    msg->record_size,
				    extent->file->message_header_size))
			errx(1, "%s: a record without an end", msg->path);
	}
	unused[unused_count++] = extent->buf;
	reads_start();
}

static void extent_done(struct extent *extent, size_t size)
{
	struct file *file = extent->file;

	extent->filled += size;
	if (extent->filled < extent->size) {
		/* A short read. The file can be closed already. */
		if (size == 0 || file->fd == -1)
			errx(1, "%s: too short", file->path);
		extent_read(extent);
		return;
	}
	read_ended(file);
	if (file->message_header_size == 0) {
		extent->next = file->held;
		file->held = extent;
		return;
	}
	extent_deliver(extent);
}

static void header_done(struct file *file, size_t size)
{
	struct extent *extent;

	if (file_header_parse(file->header, size,
			      &file->message_header_size) == 0)
		errx(1, "%s: no header", file->path);
	while ((extent = file->held) != NULL) {
		file->held = extent->next;
		extent_deliver(extent);
	}
	read_ended(file);
}

static void completion(uintptr_t data, int result)
{
	void *owner = (void *)(data & ~(uintptr_t)STEP_MASK);

	if (result < 0)
		errx(1, "%s", strerror(-result));
	switch ((enum step)(data & STEP_MASK)) {
	case STEP_OPEN:
		file_opened(owner, result);
		break;
	case STEP_HEADER:
		header_done(owner, (size_t)result);
		break;
	case STEP_READ:
		extent_done(owner, (size_t)result);
		break;
	case STEP_CLOSE:
		break;
	}
}

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

static void merge_init(const struct peer_setup *setup)
{
	unsigned int i;

	ring_init(&ring, setup);
	for (i = 0; i < DEPTH; i++)
		unused[i] = &buffers[i];
	unused_count = DEPTH;
}

static void merge_submit(const struct message *const *messages,
			 unsigned int count)
{
	unsigned int i;

	batch_grow(count);
	memcpy(batch, messages, count * sizeof(*batch));
	batch_plan(count);
	for (i = 0; i < files_count; i++)
		ring_open(&ring, files[i].path,
			  (uintptr_t)&files[i] | STEP_OPEN);
	ring_enter(&ring);
	if (completions(1) > 0)
		ring_enter(&ring);
}

static void merge_poke(void)
{
	do {
		ring_enter(&ring);
	} while (completions(0) > 0);
}

static void merge_turn(void)
{
	ring_wait(&ring);
	merge_poke();
}

const struct peer peer_merge = {
	"L2", "liburing by hand, neighbours merged", layouts,
	merge_init, merge_submit, merge_poke, merge_turn
};
