/* clients.c: the load. Each connection asks for a batch of neighbouring
   messages, checks every byte it gets, and asks for the next batch. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "demo.h"

struct connection {
	int fd;
	unsigned int first, missing;	/* the batch: its messages */
	uint64_t asked_at;
	unsigned char got[DEMO_MAX_BATCH];
	unsigned char *buf;		/* received, and not looked at */
	size_t start, end, capacity;
};

struct load {
	const struct demo_store *store;
	const struct load_options *options;
	struct load_result *result;
	unsigned int *batches, batches_count, next_batch;
	uint64_t stop_at;
	uint64_t *times;		/* of the replies */
	size_t times_count, times_capacity;
	unsigned int open;		/* connections with a batch */
	int epoll_fd;
};

/* All batches of the store in an order that is mixed, but always the same. */
static void batches_init(struct load *load)
{
	unsigned int i, j, swap;
	uint64_t random = 1;

	load->batches_count = (unsigned int)
		((load->store->count + load->options->batch - 1) /
		 load->options->batch);
	load->batches = calloc(load->batches_count, sizeof(*load->batches));
	if (load->batches == NULL)
		err(1, "calloc");
	for (i = 0; i < load->batches_count; i++)
		load->batches[i] = i * load->options->batch;
	for (i = load->batches_count - 1; i > 0; i--) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		j = (unsigned int)((random >> 33) % (i + 1));
		swap = load->batches[i];
		load->batches[i] = load->batches[j];
		load->batches[j] = swap;
	}
}

static void connection_close(struct load *load, struct connection *conn)
{
	close(conn->fd);
	conn->fd = -1;
	free(conn->buf);
	conn->buf = NULL;
	load->open--;
}

/* Asks for the next batch, or closes the connection if there is none. */
static void connection_ask(struct load *load, struct connection *conn)
{
	char line[DEMO_MAX_BATCH * 11 + 8];
	unsigned int i, count = load->options->batch;
	size_t pos;

	if ((load->options->once && load->next_batch == load->batches_count) ||
	    demo_now() >= load->stop_at) {
		connection_close(load, conn);
		return;
	}
	conn->first = load->batches[load->next_batch++ % load->batches_count];
	if (count > load->store->count - conn->first)
		count = (unsigned int)(load->store->count - conn->first);
	pos = (size_t)sprintf(line, "READ");
	for (i = 0; i < count; i++)
		pos += (size_t)sprintf(line + pos, " %u", conn->first + i);
	line[pos++] = '\n';
	conn->missing = count;
	memset(conn->got, 0, sizeof(conn->got));
	conn->asked_at = demo_now();
	/* the last batch is answered: the socket has room for a line */
	if (write(conn->fd, line, pos) != (ssize_t)pos)
		err(1, "the daemon does not take a request");
}

static void batch_done(struct load *load, struct connection *conn)
{
	if (load->times_count == load->times_capacity) {
		load->times_capacity = load->times_capacity * 2 + 1024;
		load->times = realloc(load->times, load->times_capacity *
				      sizeof(*load->times));
		if (load->times == NULL)
			err(1, "realloc");
	}
	load->times[load->times_count++] = demo_now() - conn->asked_at;
	connection_ask(load, conn);
}

/* Which of the batch's messages it is; each comes once. */
static void check_number(const struct load *load, struct connection *conn,
			 unsigned long number)
{
	if (number < conn->first ||
	    number >= conn->first + load->options->batch ||
	    conn->got[number - conn->first]++ != 0)
		errx(1, "the daemon sent message %lu, not asked for", number);
	conn->missing--;
}

/* Takes one reply from the buffer. Returns 0 if it is not there yet. */
static int connection_take(struct load *load, struct connection *conn)
{
	const unsigned char *data = conn->buf + conn->start;
	size_t size = conn->end - conn->start, line_size, body_size = 0;
	const struct demo_message *msg;
	const unsigned char *lf;
	unsigned long number;
	char *end;

	lf = size == 0 ? NULL : memchr(data, '\n', size);
	if (lf == NULL)
		return 0;
	line_size = (size_t)(lf + 1 - data);
	number = strtoul((const char *)data + 1, &end, 10);
	if (data[0] == '+') {
		body_size = strtoul(end, NULL, 10);
		if (size - line_size < body_size)
			return 0;
	}
	check_number(load, conn, number);
	msg = &load->store->messages[number];
	if (data[0] != '+') {
		if (load->result->refused++ == 0)
			fprintf(stderr, "%s at %llu: %.*s\n", msg->path,
				(unsigned long long)msg->offset,
				(int)(lf - data), (const char *)data);
	} else if (body_size != msg->body_size ||
		   demo_checksum(lf + 1, body_size) != msg->checksum) {
		if (load->result->wrong++ == 0)
			fprintf(stderr, "%s at %llu: wrong bytes\n", msg->path,
				(unsigned long long)msg->offset);
	} else {
		load->result->messages++;
		load->result->bytes += body_size;
	}
	conn->start += line_size + body_size;
	return 1;
}

static void connection_room(struct connection *conn)
{
	if (conn->start > 0) {
		conn->end -= conn->start;
		memmove(conn->buf, conn->buf + conn->start, conn->end);
		conn->start = 0;
	}
	if (conn->end < conn->capacity)
		return;
	conn->capacity = conn->capacity * 2 + 65536;
	conn->buf = realloc(conn->buf, conn->capacity);
	if (conn->buf == NULL)
		err(1, "realloc");
}

static void connection_input(struct load *load, struct connection *conn)
{
	ssize_t ret;

	if (conn->end == conn->capacity)
		connection_room(conn);
	ret = read(conn->fd, conn->buf + conn->end,
		   conn->capacity - conn->end);
	if (ret < 0 && errno == EAGAIN)
		return;
	if (ret <= 0)
		errx(1, "the daemon closed a connection");
	conn->end += (size_t)ret;
	while (connection_take(load, conn) > 0) {
		if (conn->missing == 0) {
			conn->start = conn->end = 0;
			batch_done(load, conn);
			return;
		}
	}
}

static void connection_open(struct load *load, struct connection *conn,
			    const char *path)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = conn };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 ||
	    connect(conn->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    fcntl(conn->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &ev) < 0)
		err(1, "connect(%s)", path);
	load->open++;
}

static int time_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void load_run(const struct demo_store *store, const char *socket_path,
	      const struct load_options *options,
	      struct load_result *result_r)
{
	struct load load = {
		.store = store, .options = options, .result = result_r,
	};
	struct connection *conns;
	struct epoll_event events[64];
	uint64_t started;
	unsigned int i;
	int j, count;

	memset(result_r, 0, sizeof(*result_r));
	batches_init(&load);
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc(options->clients, sizeof(*conns));
	if (load.epoll_fd < 0 || conns == NULL)
		err(1, "load_run");
	for (i = 0; i < options->clients; i++)
		connection_open(&load, &conns[i], socket_path);

	started = demo_now();
	load.stop_at = started + (uint64_t)options->seconds * 1000000000;
	for (i = 0; i < options->clients; i++)
		connection_ask(&load, &conns[i]);
	while (load.open > 0) {
		count = epoll_wait(load.epoll_fd, events, 64, -1);
		for (j = 0; j < count; j++)
			connection_input(&load, events[j].data.ptr);
	}
	result_r->elapsed = demo_now() - started;

	if (load.times_count > 0) {
		qsort(load.times, load.times_count, sizeof(*load.times),
		      time_cmp);
		result_r->median = load.times[load.times_count / 2];
		result_r->slowest = load.times[load.times_count - 1];
	}
	free(load.times);
	free(load.batches);
	free(conns);
	close(load.epoll_fd);
}
