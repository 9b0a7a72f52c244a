/*
 * step2.c: the server of step1.c reads mail. Explained in docs/tutorial.md.
 * Usage: step2 SOCKET DIRECTORY; the directory has sdbox files, u.1 and so on.
 *
 * Clients send numbers, one a line, and get for each "+NUMBER SIZE" and a mail,
 * or "-NUMBER REASON", in any order.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <dbox_aio/epoll.h>

struct client {
	int fd;			/* -1: closed */
	uint64_t stream;
	unsigned int pending;	/* requests that will call back */
	char line[128];		/* what came of it */
	size_t size;
	struct client *next_gone;
};

/* What a callback needs to know. */
struct job {
	struct client *client;
	unsigned int number;
};

static int epoll_fd, listen_fd;
static const char *directory;
static uint64_t last_stream;
static struct dbox_aio *aio;
static struct dbox_aio_epoll *adapter;
static struct client *gone;	/* to be freed when the round is over */

static void aio_fail(const char *what)
{
	char why[256];

	dbox_aio_last_error(why, sizeof(why));
	errx(1, "%s: %s", what, why);
}

static void watch(int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

/* Frees the client when the round is over, if nothing needs it any more. */
static void client_release(struct client *client)
{
	if (client->fd >= 0 || client->pending > 0)
		return;
	client->next_gone = gone;
	gone = client;
}

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	/* Nobody wants the rest. Each request still calls back. */
	dbox_aio_cancel_stream(aio, client->stream);
	client_release(client);
}

static int client_refuse(struct client *client, unsigned int number,
			 const char *reason)
{
	return dprintf(client->fd, "-%u %s\n", number, reason);
}

/* A client that does not take all of it at once is closed: step 3 is better. */
static int client_send(struct client *client, unsigned int number,
		       const struct dbox_aio_message *message)
{
	const unsigned char *body;
	size_t size;

	body = dbox_aio_message_body(message, &size);
	if (dprintf(client->fd, "+%u %zu\n", number, size) < 0)
		return -1;
	return send(client->fd, body, size, 0) == (ssize_t)size ? 0 : -1;
}

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	struct job *job = result->context;
	struct client *client = job->client;
	unsigned int number = job->number;
	int ret;

	(void)ctx;
	free(job);
	client->pending--;
	if (client->fd < 0) {
		client_release(client);
		return;
	}
	if (result->status == DBOX_AIO_OK)
		ret = client_send(client, number, result->message);
	else
		ret = client_refuse(client, number, result->detail != NULL ?
			result->detail : dbox_aio_strerror(result->status));
	if (ret < 0)
		client_close(client);
}

static int client_read(struct client *client, unsigned int number)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct job *job = malloc(sizeof(*job));
	char path[PATH_MAX];
	int ret;

	if (job == NULL)
		err(1, "malloc");
	job->client = client;
	job->number = number;
	snprintf(path, sizeof(path), "%s/u.%u", directory, number);
	request.op = DBOX_AIO_READ;
	request.path = path;
	request.stream = client->stream;
	request.callback = mail_was_read;
	request.context = job;
	ret = dbox_aio_submit(aio, &request, 1, NULL);
	if (ret == 1) {
		client->pending++;
		return 0;
	}
	free(job);
	if (ret != DBOX_AIO_EBUSY)
		aio_fail("dbox_aio_submit");
	return client_refuse(client, number, "busy");
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
		if (client_read(client, number) < 0)
			return -1;
		length = (size_t)(end + 1 - client->line);
		client->size -= length;
		memmove(client->line, end + 1, client->size);
	}
	return client->size == sizeof(client->line) ? -1 : 0;
}

static void client_input(struct client *client)
{
	ssize_t ret;

	/* Closed by a callback since epoll_wait() returned. */
	if (client->fd < 0)
		return;
	ret = read(client->fd, client->line + client->size,
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
	client->stream = ++last_stream;
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

static void server_read_mail(void)
{
	epoll_data_t data = { .ptr = &adapter };

	if (dbox_aio_init(&aio, NULL) < 0)
		aio_fail("dbox_aio_init");
	if (dbox_aio_epoll_attach(&adapter, aio, epoll_fd, data) < 0)
		err(1, "epoll");
}

static void server_round(void)
{
	struct epoll_event events[64];
	struct client *client;
	int i, count = epoll_wait(epoll_fd, events, 64, -1);

	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == &listen_fd)
			server_accept();
		else if (events[i].data.ptr != &adapter)
			client_input(events[i].data.ptr);
		else if (dbox_aio_epoll_dispatch(adapter) < 0)
			aio_fail("dbox_aio_epoll_dispatch");
	}
	while ((client = gone) != NULL) {
		gone = client->next_gone;
		free(client);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: %s SOCKET DIRECTORY", argv[0]);
	directory = argv[2];
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	server_read_mail();
	server_listen(argv[1]);
	for (;;)
		server_round();
}
