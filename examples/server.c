/*
 * server.c: the daemon. One thread, one epoll loop, any number of clients on
 * a unix socket. How messages are read is the reader's affair.
 *
 * A heartbeat in the same loop, every millisecond, measures how long the loop
 * was kept from its work.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include "demo.h"

#define HEARTBEAT_NS 1000000
#define INPUT_SIZE 1024

/* What waits to be taken by a client. */
struct reply {
	struct reply *next;
	char line[64];
	size_t line_size, body_size, sent;
	const unsigned char *body;
	void (*release)(void *owner);
	void *owner;
};

struct client {
	struct server *server;
	uint64_t id;
	int fd;			/* -1: it is gone */
	int writing;		/* EPOLLOUT is set */
	unsigned int pending;	/* numbers given to the reader */
	char input[INPUT_SIZE];
	size_t input_size;
	struct reply *head, **tail;
	struct client *next_gone;
};

struct server {
	const struct reader *reader;
	void *reader_data;
	const struct demo_store *store;
	int epoll_fd, listen_fd, timer_fd, reader_fd;
	unsigned int clients;
	uint64_t last_id, last_beat, longest_stall;
	struct client *gone;	/* to be freed at the end of the round */
};

const struct demo_store *server_store(const struct server *server)
{
	return server->store;
}

void server_set_reader_data(struct server *server, void *data)
{
	server->reader_data = data;
}

void *server_reader_data(const struct server *server)
{
	return server->reader_data;
}

struct server *client_server(const struct client *client)
{
	return client->server;
}

uint64_t client_id(const struct client *client)
{
	return client->id;
}

static void watch(struct server *server, int op, int fd, uint32_t events,
		  void *data)
{
	struct epoll_event ev = { .events = events, .data.ptr = data };

	if (epoll_ctl(server->epoll_fd, op, fd, &ev) < 0)
		err(1, "epoll_ctl");
}

void server_watch(struct server *server, int fd)
{
	server->reader_fd = fd;
	watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, &server->reader_fd);
}

/*
 * Clients
 */

static void reply_free(struct reply *reply)
{
	if (reply->release != NULL)
		reply->release(reply->owner);
	free(reply);
}

/* Frees the client as soon as nothing refers to it any more. */
static void client_release(struct client *client)
{
	if (client->fd >= 0 || client->pending > 0)
		return;
	client->next_gone = client->server->gone;
	client->server->gone = client;
}

static void client_drop(struct client *client)
{
	struct reply *reply;

	close(client->fd);
	client->fd = -1;
	client->server->clients--;
	while ((reply = client->head) != NULL) {
		client->head = reply->next;
		reply_free(reply);
	}
	client->tail = &client->head;
	if (client->pending > 0)
		client->server->reader->forget(client);
	else
		client_release(client);
}

/* Writes what the socket takes. Returns -1 if the client is gone. */
static int client_flush(struct client *client)
{
	struct reply *reply;
	struct iovec iov[2];
	int count, more;
	ssize_t ret;

	while ((reply = client->head) != NULL) {
		count = 0;
		if (reply->sent < reply->line_size) {
			iov[count].iov_base = reply->line + reply->sent;
			iov[count++].iov_len = reply->line_size - reply->sent;
			iov[count].iov_base = (void *)reply->body;
			iov[count].iov_len = reply->body_size;
		} else {
			size_t pos = reply->sent - reply->line_size;

			iov[count].iov_base = (void *)(reply->body + pos);
			iov[count].iov_len = reply->body_size - pos;
		}
		if (iov[count].iov_len > 0)
			count++;
		ret = writev(client->fd, iov, count);
		if (ret < 0) {
			if (errno != EAGAIN)
				return -1;
			break;
		}
		reply->sent += (size_t)ret;
		if (reply->sent < reply->line_size + reply->body_size)
			continue;
		client->head = reply->next;
		if (client->head == NULL)
			client->tail = &client->head;
		reply_free(reply);
	}
	more = client->head != NULL;
	if (more != client->writing) {
		watch(client->server, EPOLL_CTL_MOD, client->fd,
		      EPOLLIN | (more ? EPOLLOUT : 0U), client);
		client->writing = more;
	}
	return 0;
}

static void client_send(struct client *client, struct reply *reply)
{
	client->pending--;
	if (client->fd < 0) {
		reply_free(reply);
		client_release(client);
		return;
	}
	*client->tail = reply;
	client->tail = &reply->next;
	if (!client->writing && client_flush(client) < 0)
		client_drop(client);
}

static struct reply *reply_new(void)
{
	struct reply *reply = calloc(1, sizeof(*reply));

	if (reply == NULL)
		err(1, "calloc");
	return reply;
}

void server_reply(struct client *client, unsigned int number,
		  const unsigned char *body, size_t size,
		  void (*release)(void *owner), void *owner)
{
	struct reply *reply = reply_new();

	reply->line_size = (size_t)snprintf(reply->line, sizeof(reply->line),
					    "+%u %zu\n", number, size);
	reply->body = body;
	reply->body_size = size;
	reply->release = release;
	reply->owner = owner;
	client_send(client, reply);
}

void server_refuse(struct client *client, unsigned int number,
		   const char *reason)
{
	struct reply *reply = reply_new();

	/* a longer reason loses its end, but not the LF */
	snprintf(reply->line, sizeof(reply->line) - 1, "-%u %s",
		 number, reason);
	strcat(reply->line, "\n");
	reply->line_size = strlen(reply->line);
	client_send(client, reply);
}

/* "READ n n n": returns -1 if it is anything else. */
static int client_command(struct client *client, char *line)
{
	unsigned int numbers[DEMO_MAX_BATCH], count = 0;
	unsigned long number;
	char *end;

	if (strncmp(line, "READ ", 5) != 0)
		return -1;
	for (line += 4; *line != '\0'; line = end) {
		number = strtoul(line, &end, 10);
		if (end == line || number >= client->server->store->count ||
		    count == DEMO_MAX_BATCH)
			return -1;
		numbers[count++] = (unsigned int)number;
	}
	client->pending += count;
	client->server->reader->read(client, numbers, count);
	return 0;
}

static void client_input(struct client *client)
{
	char *lf;
	ssize_t ret;
	size_t size;

	ret = read(client->fd, client->input + client->input_size,
		   sizeof(client->input) - client->input_size);
	if (ret < 0 && errno == EAGAIN)
		return;
	if (ret <= 0) {
		client_drop(client);
		return;
	}
	client->input_size += (size_t)ret;
	while (client->fd >= 0 &&
	       (lf = memchr(client->input, '\n', client->input_size)) != NULL) {
		*lf = '\0';
		size = (size_t)(lf + 1 - client->input);
		if (client_command(client, client->input) < 0) {
			client_drop(client);
			return;
		}
		client->input_size -= size;
		memmove(client->input, lf + 1, client->input_size);
	}
	if (client->fd >= 0 && client->input_size == sizeof(client->input))
		client_drop(client);	/* no line is that long */
}

static void server_accept(struct server *server)
{
	struct client *client;
	int fd;

	fd = accept4(server->listen_fd, NULL, NULL,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		err(1, "calloc");
	client->server = server;
	client->id = ++server->last_id;
	client->fd = fd;
	client->tail = &client->head;
	server->clients++;
	watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, client);
}

/*
 * The loop
 */

static void heartbeat(struct server *server)
{
	uint64_t now = demo_now(), late, beats;

	if (read(server->timer_fd, &beats, sizeof(beats)) < 0)
		return;
	late = now - server->last_beat;
	late = late < HEARTBEAT_NS ? 0 : late - HEARTBEAT_NS;
	if (server->last_beat != 0 && late > server->longest_stall)
		server->longest_stall = late;
	server->last_beat = now;
}

static void heartbeat_start(struct server *server)
{
	struct itimerspec beat = {
		.it_interval.tv_nsec = HEARTBEAT_NS,
		.it_value.tv_nsec = HEARTBEAT_NS,
	};

	server->timer_fd = timerfd_create(CLOCK_MONOTONIC,
					  TFD_NONBLOCK | TFD_CLOEXEC);
	if (server->timer_fd < 0 ||
	    timerfd_settime(server->timer_fd, 0, &beat, NULL) < 0)
		err(1, "timerfd");
	watch(server, EPOLL_CTL_ADD, server->timer_fd, EPOLLIN,
	      &server->timer_fd);
}

static void free_gone(struct server *server)
{
	struct client *client;

	while ((client = server->gone) != NULL) {
		server->gone = client->next_gone;
		free(client);
	}
}

static void server_round(struct server *server)
{
	struct epoll_event events[64];
	struct client *client;
	int i, count;
	void *data;

	count = epoll_wait(server->epoll_fd, events, 64, -1);
	for (i = 0; i < count; i++) {
		data = events[i].data.ptr;
		if (data == &server->timer_fd)
			heartbeat(server);
		else if (data == &server->listen_fd)
			server_accept(server);
		else if (data == &server->reader_fd)
			server->reader->ready(server);
		else {
			client = data;
			if (client->fd >= 0 &&
			    (events[i].events & EPOLLOUT) != 0 &&
			    client_flush(client) < 0)
				client_drop(client);
			if (client->fd >= 0 &&
			    (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
				client_input(client);
		}
	}
	server->reader->flush(server);
	free_gone(server);
}

static void own_status(struct server_result *result)
{
	unsigned long long value;
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "VmHWM: %llu kB", &value) == 1)
			result->memory = value * 1024;
		else if (sscanf(line, "Threads: %llu", &value) == 1)
			result->threads = (unsigned int)value;
	}
	fclose(file);
}

void server_run(const struct reader *reader, const char *backend,
		const struct demo_store *store, int listen_fd,
		struct server_result *result_r)
{
	struct server server = {
		.reader = reader, .store = store, .listen_fd = listen_fd,
		.reader_fd = -1,
	};

	memset(result_r, 0, sizeof(*result_r));
	server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll_fd < 0)
		err(1, "epoll_create1");
	reader->init(&server, backend);
	watch(&server, EPOLL_CTL_ADD, listen_fd, EPOLLIN, &server.listen_fd);
	heartbeat_start(&server);
	do {
		server_round(&server);
	} while (server.clients > 0 || server.last_id == 0);

	own_status(result_r);
	result_r->longest_stall = server.longest_stall;
	reader->describe(&server, result_r->how, sizeof(result_r->how));
	reader->deinit(&server);
	free_gone(&server);
	close(server.timer_fd);
	close(server.epoll_fd);
}
