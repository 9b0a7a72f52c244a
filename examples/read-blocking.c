/* read-blocking.c: the old way. Each message is opened, looked at, read and
   closed before the next; the loop waits for the storage meanwhile. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "demo.h"

/* Returns the bytes read at offset, or -1. */
static ssize_t read_all(int fd, unsigned char *buf, size_t size,
			uint64_t offset)
{
	size_t pos = 0;
	ssize_t ret;

	while (pos < size) {
		ret = pread(fd, buf + pos, size - pos, (off_t)(offset + pos));
		if (ret < 0)
			return -1;
		if (ret == 0)
			break;
		pos += (size_t)ret;
	}
	return (ssize_t)pos;
}

/* Reads the record as one piece, the file header with it if it is the first.
   Returns NULL with errno set. */
static unsigned char *read_record(const struct demo_message *msg,
				  size_t *size_r)
{
	unsigned char *buf = NULL;
	struct stat st;
	ssize_t ret = -1;
	size_t size;
	int fd;

	fd = open(msg->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		size = msg->record_size != 0 ? msg->record_size :
			(size_t)st.st_size;
		buf = malloc(size);
		if (buf != NULL)
			ret = read_all(fd, buf, size, msg->offset);
	}
	close(fd);
	if (ret < 0) {
		free(buf);
		return NULL;
	}
	*size_r = (size_t)ret;
	return buf;
}

static void read_message(struct client *client, unsigned int number)
{
	const struct demo_message *msg =
		&server_store(client_server(client))->messages[number];
	unsigned int header_size = msg->header_size;
	const unsigned char *body;
	unsigned char *buf;
	uint64_t body_size;
	size_t size, start = 0;

	buf = read_record(msg, &size);
	if (buf == NULL) {
		server_refuse(client, number, strerror(errno));
		return;
	}
	if (msg->offset == 0)
		start = file_header(buf, size, &header_size);
	if (record_body(buf + start, size - start, header_size,
			&body, &body_size) < 0) {
		free(buf);
		server_refuse(client, number, "broken record");
		return;
	}
	server_reply(client, number, body, body_size, free, buf);
}

static void blocking_init(struct server *server, const char *backend)
{
	(void)server; (void)backend;
}

static void blocking_read(struct client *client, const unsigned int *numbers,
			  unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		read_message(client, numbers[i]);
}

static void blocking_forget(struct client *client)
{
	(void)client;
}

static void blocking_nothing(struct server *server)
{
	(void)server;
}

static void blocking_describe(struct server *server, char *buf, size_t size)
{
	(void)server;
	snprintf(buf, size, "open, fstat, read, close");
}

const struct reader reader_blocking = {
	"blocking calls", blocking_init, blocking_read, blocking_nothing,
	blocking_forget, blocking_nothing, blocking_describe, blocking_nothing
};
