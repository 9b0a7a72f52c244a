/* peer_sequential.c: open, fstat, read and close of one message after another,
   and the same after posix_fadvise has been called for the whole batch. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench.h"

/* A file, which stays open while the next message is in it as well. */
static struct {
	const char *path;
	int fd;
	unsigned int message_header_size;
} open_file = { NULL, -1, 0 };
static struct buffer buffer;

static void file_close(void)
{
	if (open_file.fd != -1)
		close(open_file.fd);
	open_file.fd = -1;
}

static int file_open(const struct message *msg)
{
	if (open_file.fd != -1 && msg->offset > 0 &&
	    strcmp(open_file.path, msg->path) == 0)
		return open_file.fd;
	file_close();
	open_file.fd = message_open(msg, &open_file.message_header_size);
	open_file.path = msg->path;
	return open_file.fd;
}

static void read_one(const struct message *msg, int fd,
		     unsigned int message_header_size)
{
	struct stat st;
	size_t size;

	if (fstat(fd, &st) < 0)
		err(1, "%s", msg->path);
	size = message_read(fd, msg, msg->offset > 0 ?
			    msg->record_size : (size_t)st.st_size, &buffer);
	if (!deliver_record(msg, buffer.data, size, message_header_size))
		errx(1, "%s: a record without an end", msg->path);
}

static void sequential_init(const struct peer_setup *setup)
{
	(void)setup;
}

static void sequential_submit(const struct message *const *messages,
			      unsigned int count)
{
	unsigned int i;
	int fd;

	for (i = 0; i < count; i++) {
		/* here a loop could have its turn */
		loop_sleeps();
		loop_wakes();
		fd = file_open(messages[i]);
		read_one(messages[i], fd, open_file.message_header_size);
		if (messages[i]->offset == 0)
			file_close();
	}
	file_close();
}

static void fadvise_submit(const struct message *const *messages,
			   unsigned int count)
{
	static int *fds;
	static unsigned int *sizes, room;
	unsigned int i;

	if (count > room) {
		room = count;
		fds = realloc(fds, room * sizeof(*fds));
		sizes = realloc(sizes, room * sizeof(*sizes));
		if (fds == NULL || sizes == NULL)
			err(1, "realloc");
	}
	for (i = 0; i < count; i++) {
		loop_sleeps();
		loop_wakes();
		fds[i] = message_open(messages[i], &sizes[i]);
		posix_fadvise(fds[i], (off_t)messages[i]->offset,
			      (off_t)messages[i]->record_size,
			      POSIX_FADV_WILLNEED);
	}
	for (i = 0; i < count; i++) {
		loop_sleeps();
		loop_wakes();
		read_one(messages[i], fds[i], sizes[i]);
		close(fds[i]);
	}
}

static void no_turn(void)
{
	errx(1, "a blocking peer has not delivered all");
}

const struct peer peer_sequential = {
	"S", "open, fstat, read, close", NULL,
	sequential_init, sequential_submit, NULL, no_turn
};

const struct peer peer_fadvise = {
	"F", "the same with posix_fadvise ahead", NULL,
	sequential_init, fadvise_submit, NULL, no_turn
};
