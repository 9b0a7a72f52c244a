/*
 * step3.c: the server of step2.c with batches, slow clients, timeouts and an
 * orderly end. Explained in docs/tutorial.md.
 * Usage: step3 SOCKET DIRECTORY; the directory has sdbox files, u.1 and so on.
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
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <dbox_aio/epoll.h>

/* Requests and replies of one client: no more of its lines are read then. */
#define CLIENT_MAX 16
#define CLIENTS_MAX 1024
#define BATCH_MAX 256
#define PATH_SIZE 512
#define TIMEOUT_MS 30000

/* What waits to be sent: a line, and of a mail its body, where it was read. */
struct reply {
	struct reply *next;
	char line[128];
	size_t line_size, body_size, sent;
	const unsigned char *body;
	struct dbox_aio_message *message;
};

struct client {
	int fd;			/* -1: closed */
	uint32_t events;	/* that epoll watches for */
	uint64_t stream;
	unsigned int pending;	/* requests that will call back */
	unsigned int replies;
	struct reply *head, **tail;
	char line[128];		/* what came of it */
	size_t size;
	int eof;		/* it asks for nothing more */
	struct client *prev, *next;	/* of all clients; next: of gone */
};

/* What a callback needs to know. */
struct job {
	struct client *client;
	unsigned int number;
};

static int epoll_fd, listen_fd, signal_fd, stopping;
static const char *directory;
static uint64_t last_stream;
static struct dbox_aio *aio;
static struct dbox_aio_epoll *adapter;
static struct client *clients, *gone;
static unsigned int client_count;	/* those in gone included */

/* Collected in this round of the loop. */
static struct dbox_aio_request batch[BATCH_MAX];
static char batch_paths[BATCH_MAX][PATH_SIZE];
static unsigned int batch_size;

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result);

static void aio_fail(const char *what)
{
	char why[256];

	dbox_aio_last_error(why, sizeof(why));
	errx(1, "%s: %s", what, why);
}

static void watch(int op, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	if (epoll_ctl(epoll_fd, op, fd, &event) < 0)
		err(1, "epoll_ctl");
}

/*
 * Replies
 */

static struct reply *reply_add(struct client *client)
{
	struct reply *reply = calloc(1, sizeof(*reply));

	if (reply == NULL)
		err(1, "calloc");
	*client->tail = reply;
	client->tail = &reply->next;
	client->replies++;
	return reply;
}

static void reply_remove(struct client *client)
{
	struct reply *reply = client->head;

	client->head = reply->next;
	if (client->head == NULL)
		client->tail = &client->head;
	client->replies--;
	/* The memory is the library's again, for other requests. */
	dbox_aio_message_unref(&reply->message);
	free(reply);
}

static void client_refuse(struct client *client, unsigned int number,
			  const char *reason)
{
	struct reply *reply = reply_add(client);

	/* 100 leaves room for the rest of the line */
	reply->line_size = (size_t)snprintf(reply->line, sizeof(reply->line),
					    "-%u %.100s\n", number, reason);
}

static void client_send(struct client *client, unsigned int number,
			struct dbox_aio_message *message)
{
	struct reply *reply = reply_add(client);

	reply->message = dbox_aio_message_ref(message);
	reply->body = dbox_aio_message_body(message, &reply->body_size);
	reply->line_size = (size_t)snprintf(reply->line, sizeof(reply->line),
					    "+%u %zu\n", number,
					    reply->body_size);
}

/* Sends what the socket takes. Returns -1 if the client is to be closed. */
static int client_flush(struct client *client)
{
	struct reply *reply;
	const void *data;
	size_t size;
	ssize_t ret;

	while ((reply = client->head) != NULL) {
		if (reply->sent < reply->line_size) {
			data = reply->line + reply->sent;
			size = reply->line_size - reply->sent;
		} else {
			data = reply->body + (reply->sent - reply->line_size);
			size = reply->line_size + reply->body_size -
				reply->sent;
		}
		ret = size == 0 ? 0 : send(client->fd, data, size,
					   MSG_NOSIGNAL);
		if (ret < 0)
			return errno == EAGAIN ? 0 : -1;
		reply->sent += (size_t)ret;
		if (reply->sent == reply->line_size + reply->body_size)
			reply_remove(client);
	}
	return 0;
}

/*
 * Clients
 */

/* Frees the client when the round is over, if nothing needs it any more. */
static void client_release(struct client *client)
{
	if (client->fd >= 0 || client->pending > 0)
		return;
	client->next = gone;
	gone = client;
}

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	while (client->head != NULL)
		reply_remove(client);
	/* Nobody wants the rest. Each request still calls back. */
	dbox_aio_cancel_stream(aio, client->stream);
	client_release(client);
}

static int client_is_full(const struct client *client)
{
	return client->pending + client->replies >= CLIENT_MAX;
}

/* All that the clients asked for in a round goes to the library at once. There
   is room for it: CLIENTS_MAX sees to that. */
static void batch_submit(void)
{
	if (dbox_aio_submit(aio, batch, batch_size, NULL) != (int)batch_size)
		aio_fail("dbox_aio_submit");
	batch_size = 0;
}

static void client_read(struct client *client, unsigned int number)
{
	static const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_request *request;
	struct job *job = malloc(sizeof(*job));

	if (job == NULL)
		err(1, "malloc");
	job->client = client;
	job->number = number;
	client->pending++;
	if (batch_size == BATCH_MAX)
		batch_submit();
	snprintf(batch_paths[batch_size], PATH_SIZE, "%s/u.%u", directory,
		 number);
	request = &batch[batch_size];
	*request = init;
	request->op = DBOX_AIO_READ;
	request->path = batch_paths[batch_size++];
	request->stream = client->stream;
	request->timeout_ms = TIMEOUT_MS;
	request->callback = mail_was_read;
	request->context = job;
}

/* Answers what is complete. Returns -1 if the client is to be closed. */
static int client_lines(struct client *client)
{
	size_t length;
	char *end;

	while (!client_is_full(client) &&
	       (end = memchr(client->line, '\n', client->size)) != NULL) {
		*end = '\0';
		client_read(client,
			    (unsigned int)strtoul(client->line, NULL, 10));
		length = (size_t)(end + 1 - client->line);
		client->size -= length;
		memmove(client->line, end + 1, client->size);
	}
	return client->size == sizeof(client->line) &&
		!client_is_full(client) ? -1 : 0;
}

/* To be called when anything about the client has changed: sends, goes on with
   its lines, watches for what can happen next. */
static void client_update(struct client *client)
{
	uint32_t events = 0;

	if (client_flush(client) < 0 || client_lines(client) < 0 ||
	    (client->eof && client->pending + client->replies == 0)) {
		client_close(client);
		return;
	}
	if (!client_is_full(client) && !client->eof)
		events |= EPOLLIN;
	if (client->head != NULL)
		events |= EPOLLOUT;
	if (events != client->events)
		watch(EPOLL_CTL_MOD, client->fd, events, client);
	client->events = events;
}

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	struct job *job = result->context;
	struct client *client = job->client;
	unsigned int number = job->number;

	(void)ctx;
	free(job);
	client->pending--;
	if (client->fd < 0) {
		client_release(client);
		return;
	}
	if (result->status == DBOX_AIO_OK)
		client_send(client, number, result->message);
	else
		client_refuse(client, number, result->detail != NULL ?
			result->detail : dbox_aio_strerror(result->status));
	client_update(client);
}

/* What epoll_wait() says of it. */
static void client_ready(struct client *client, uint32_t events)
{
	ssize_t ret = 0;

	/* Closed by a callback since epoll_wait() returned. */
	if (client->fd < 0)
		return;
	if ((events & EPOLLIN) != 0 && !client_is_full(client) &&
	    !client->eof) {
		ret = read(client->fd, client->line + client->size,
			   sizeof(client->line) - client->size);
		if (ret < 0 && errno != EAGAIN) {
			client_close(client);
			return;
		}
		if (ret > 0)
			client->size += (size_t)ret;
		else if (ret == 0)
			client->eof = 1;
	} else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		client_close(client);
		return;
	}
	client_update(client);
}

/*
 * The server
 */

static void server_accept(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	if (fd < 0)
		return;
	if (client_count == CLIENTS_MAX) {
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		err(1, "calloc");
	client_count++;
	client->fd = fd;
	client->stream = ++last_stream;
	client->tail = &client->head;
	client->next = clients;
	if (clients != NULL)
		clients->prev = client;
	clients = client;
	client->events = EPOLLIN;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, client);
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
	watch(EPOLL_CTL_ADD, listen_fd, EPOLLIN, &listen_fd);
}

static void server_handle_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signal_fd < 0)
		err(1, "signalfd");
	watch(EPOLL_CTL_ADD, signal_fd, EPOLLIN, &signal_fd);
}

static void server_read_mail(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	epoll_data_t data = { .ptr = &adapter };

	options.max_pending = CLIENTS_MAX * CLIENT_MAX;
	if (dbox_aio_init(&aio, &options) < 0)
		aio_fail("dbox_aio_init");
	if (dbox_aio_epoll_attach(&adapter, aio, epoll_fd, data) < 0)
		err(1, "epoll");
}

static void server_free_gone(void)
{
	struct client *client;

	while ((client = gone) != NULL) {
		gone = client->next;
		client_count--;
		free(client);
	}
}

static void server_round(void)
{
	struct epoll_event events[64];
	int i, count = epoll_wait(epoll_fd, events, 64, -1);
	void *data;

	for (i = 0; i < count; i++) {
		data = events[i].data.ptr;
		if (data == &listen_fd)
			server_accept();
		else if (data == &signal_fd)
			stopping = 1;
		else if (data != &adapter)
			client_ready(data, events[i].events);
		else if (dbox_aio_epoll_dispatch(adapter) < 0)
			aio_fail("dbox_aio_epoll_dispatch");
	}
	if (batch_size > 0)
		batch_submit();
	server_free_gone();
}

static void server_stop(const char *path)
{
	unlink(path);
	close(listen_fd);
	while (clients != NULL)
		client_close(clients);
	dbox_aio_epoll_detach(&adapter);
	/* Runs the callbacks that are left. */
	dbox_aio_deinit(&aio);
	server_free_gone();
	close(signal_fd);
	close(epoll_fd);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: %s SOCKET DIRECTORY", argv[0]);
	directory = argv[2];
	if (strlen(directory) > PATH_SIZE - 32)
		errx(2, "%s: too long", directory);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	server_handle_signals();
	server_read_mail();
	server_listen(argv[1]);
	while (!stopping)
		server_round();
	server_stop(argv[1]);
	return 0;
}
