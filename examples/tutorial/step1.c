/*
 * step1.c: a server with an epoll loop, before it reads any mail. Explained in
 * docs/tutorial.md. Usage: step1 SOCKET
 *
 * Clients send numbers, one a line, and get for each "+NUMBER SIZE" and a mail,
 * or "-NUMBER REASON", in any order.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	char line[128];		/* what came of it */
	size_t size;
};

static int epoll_fd, listen_fd;

static void watch(int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void client_close(struct client *client)
{
	close(client->fd);
	free(client);
}

static int client_refuse(struct client *client, unsigned int number,
			 const char *reason)
{
	return dprintf(client->fd, "-%u %s\n", number, reason);
}

/* Answers what is complete. Returns -1 if the client is to be closed. */
static int client_lines(struct client *client)
{
	unsigned int number;
	size_t length;
	char *end;

	while ((end = memchr(client->line, '\n', client->size)) != NULL) {
		*end = '\0';
		number = (unsigned int)strtoul(client->line, NULL, 10);
		if (client_refuse(client, number, "no mail yet") < 0)
			return -1;
		length = (size_t)(end + 1 - client->line);
		client->size -= length;
		memmove(client->line, end + 1, client->size);
	}
	return client->size == sizeof(client->line) ? -1 : 0;
}

static void client_input(struct client *client)
{
	ssize_t ret = read(client->fd, client->line + client->size,
			   sizeof(client->line) - client->size);

	if (ret < 0 && errno == EAGAIN)
		return;
	if (ret > 0)
		client->size += (size_t)ret;
	if (ret <= 0 || client_lines(client) < 0)
		client_close(client);
}

static void server_accept(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		err(1, "calloc");
	client->fd = fd;
	watch(fd, client);
}

static void server_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		errx(1, "%s: too long", path);
	strcpy(addr.sun_path, path);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			   0);
	if (listen_fd < 0 ||
	    bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listen_fd, 64) < 0)
		err(1, "%s", path);
	watch(listen_fd, &listen_fd);
}

static void server_round(void)
{
	struct epoll_event events[64];
	int i, count = epoll_wait(epoll_fd, events, 64, -1);

	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == &listen_fd)
			server_accept();
		else
			client_input(events[i].data.ptr);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: %s SOCKET", argv[0]);
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	server_listen(argv[1]);
	for (;;)
		server_round();
}
