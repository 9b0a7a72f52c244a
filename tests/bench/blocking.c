/* blocking.c: reads a message by blocking calls. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "bench.h"

/* Most messages are smaller; a larger one costs one read more. */
#define FIRST_READ (96 << 10)

void buffer_grow(struct buffer *buf, size_t size)
{
	if (size <= buf->size)
		return;
	buf->data = realloc(buf->data, size);
	if (buf->data == NULL)
		err(1, "realloc");
	buf->size = size;
}

size_t message_read_size(const struct message *msg)
{
	return msg->offset > 0 ? msg->record_size : FIRST_READ;
}

static size_t read_at(int fd, const struct message *msg, unsigned char *data,
		      size_t size, uint64_t offset)
{
	ssize_t ret;

	do {
		ret = pread(fd, data, size, (off_t)offset);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		err(1, "%s", msg->path);
	return (size_t)ret;
}

int message_open(const struct message *msg,
		 unsigned int *message_header_size_r)
{
	unsigned char header[FILE_HEADER_MAX];
	size_t got;
	int fd;

	fd = open(msg->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", msg->path);
	*message_header_size_r = MESSAGE_HEADER_SIZE;
	if (msg->offset > 0) {
		got = read_at(fd, msg, header, sizeof(header), 0);
		if (file_header_parse(header, got, message_header_size_r) == 0)
			errx(1, "%s: no header", msg->path);
	}
	return fd;
}

size_t message_read(int fd, const struct message *msg, size_t size,
		    struct buffer *buf)
{
	const int unknown = size == 0;
	size_t got, filled = 0;

	if (unknown)
		size = message_read_size(msg);
	for (;;) {
		buffer_grow(buf, size);
		got = read_at(fd, msg, buf->data + filled, size - filled,
			      msg->offset + filled);
		filled += got;
		if (got == 0 || (filled == size && !unknown))
			return filled;
		/* a short read is taken for the end of the file */
		if (unknown && filled < size)
			return filled;
		if (filled == size)
			size *= 2;
	}
}
