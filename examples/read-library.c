/*
 * read-library.c: what clients ask for goes to libdbox_aio in one batch; the
 * loop goes on, and each message is sent when its callback comes. The body is
 * written to the socket from where the kernel read it to: no copy is made.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dbox_aio.h>
#include "demo.h"

#define MAX_REQUESTS 1024

/* What a callback needs to know. */
struct job {
	struct client *client;
	unsigned int number;
};

struct library {
	struct dbox_aio *aio;
	/* collected in this round of the loop */
	struct dbox_aio_request requests[MAX_REQUESTS];
	unsigned int count;
};

static void fail(const char *what)
{
	char why[256];

	dbox_aio_last_error(why, sizeof(why));
	errx(1, "%s: %s", what, why);
}

static struct library *client_library(const struct client *client)
{
	return server_reader_data(client_server(client));
}

static void message_release(void *owner)
{
	struct dbox_aio_message *message = owner;

	dbox_aio_message_unref(&message);
}

static void message_read(struct dbox_aio *ctx,
			 const struct dbox_aio_result *result)
{
	struct job *job = result->context;
	struct client *client = job->client;
	unsigned int number = job->number;
	const unsigned char *body;
	size_t size;

	(void)ctx;
	free(job);
	if (result->status != DBOX_AIO_OK) {
		server_refuse(client, number, result->detail != NULL ?
			      result->detail :
			      dbox_aio_strerror(result->status));
		return;
	}
	body = dbox_aio_message_body(result->message, &size);
	server_reply(client, number, body, size, message_release,
		     dbox_aio_message_ref(result->message));
}

static void library_init(struct server *server, const char *backend)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct library *library = calloc(1, sizeof(*library));

	if (library == NULL)
		err(1, "calloc");
	if (strcmp(backend, "uring") == 0)
		options.backend = DBOX_AIO_BACKEND_URING;
	else if (strcmp(backend, "threads") == 0)
		options.backend = DBOX_AIO_BACKEND_THREADS;
	else if (strcmp(backend, "auto") != 0)
		errx(2, "no such backend: %s", backend);
	if (dbox_aio_init(&library->aio, &options) < 0)
		fail("dbox_aio_init");
	server_set_reader_data(server, library);
	server_watch(server, dbox_aio_fd(library->aio));
}

/* All that the clients asked for in a round goes to the library at once. */
static void library_submit(struct library *library)
{
	int accepted;
	unsigned int i;
	struct job *job;

	if (library->count == 0)
		return;
	accepted = dbox_aio_submit(library->aio, library->requests,
				   library->count, NULL);
	if (accepted < 0 && accepted != DBOX_AIO_EBUSY)
		fail("dbox_aio_submit");
	/* more than max_pending: the client may ask again */
	for (i = accepted < 0 ? 0 : (unsigned int)accepted;
	     i < library->count; i++) {
		job = library->requests[i].context;
		server_refuse(job->client, job->number, "busy");
		free(job);
	}
	library->count = 0;
}

static void library_read(struct client *client, const unsigned int *numbers,
			 unsigned int count)
{
	static const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	const struct demo_store *store = server_store(client_server(client));
	struct library *library = client_library(client);
	const struct demo_message *msg;
	struct dbox_aio_request *request;
	struct job *job;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (library->count == MAX_REQUESTS)
			library_submit(library);
		job = malloc(sizeof(*job));
		if (job == NULL)
			err(1, "malloc");
		job->client = client;
		job->number = numbers[i];

		msg = &store->messages[numbers[i]];
		request = &library->requests[library->count++];
		*request = init;
		request->op = DBOX_AIO_READ;
		request->path = msg->path;
		request->offset = msg->offset;
		request->size_hint = msg->record_size;
		request->stream = client_id(client);
		request->callback = message_read;
		request->context = job;
	}
}

static void library_flush(struct server *server)
{
	library_submit(server_reader_data(server));
}


static void library_forget(struct client *client)
{
	dbox_aio_cancel_stream(client_library(client)->aio, client_id(client));
}

static void library_ready(struct server *server)
{
	struct library *library = server_reader_data(server);

	if (dbox_aio_dispatch(library->aio, 0) < 0)
		fail("dbox_aio_dispatch");
}

static void library_describe(struct server *server, char *buf, size_t size)
{
	struct dbox_aio *aio =
		((struct library *)server_reader_data(server))->aio;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	const char *why = dbox_aio_fallback_reason(aio);

	if (dbox_aio_get_stats(aio, &stats) < 0)
		fail("dbox_aio_get_stats");
	snprintf(buf, size, "libdbox_aio by %s%s%s%s",
		 stats.backend == DBOX_AIO_BACKEND_URING ? "io_uring" :
		 "threads", *why == '\0' ? "" : " (", why,
		 *why == '\0' ? "" : ")");
}

static void library_deinit(struct server *server)
{
	struct library *library = server_reader_data(server);

	dbox_aio_deinit(&library->aio);
	free(library);
}

const struct reader reader_library = {
	"libdbox_aio", library_init, library_read, library_flush,
	library_forget, library_ready, library_describe, library_deinit
};
