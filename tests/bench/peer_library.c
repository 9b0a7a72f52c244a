/* peer_library.c: libdbox_aio, with io_uring and with threads. */
#define _GNU_SOURCE
#include <dbox_aio.h>
#include <err.h>
#include <stdlib.h>
#include "bench.h"
#include "library.h"

static struct dbox_aio *ctx;
static struct dbox_aio_request *requests;
static unsigned int requests_room;

void library_fail(const char *what)
{
	char why[256];

	dbox_aio_last_error(why, sizeof(why));
	errx(1, "%s: %s", what, why);
}

struct dbox_aio *library_init(uint32_t backend, int remote)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *aio;

	options.backend = backend;
	/* one mount gets at most half of them */
	if (remote)
		options.max_workers = 2 * BENCH_WORKERS;
	if (dbox_aio_init(&aio, &options) < 0)
		library_fail("dbox_aio_init");
	return aio;
}

void library_request(struct dbox_aio_request *request_r,
		     const struct message *msg, dbox_aio_callback_t *callback)
{
	static const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;

	*request_r = init;
	request_r->op = DBOX_AIO_READ;
	request_r->path = msg->path;
	request_r->offset = msg->offset;
	request_r->size_hint = msg->record_size;
	request_r->callback = callback;
	request_r->context = (void *)msg;
}

void library_delivered(struct dbox_aio *aio,
		       const struct dbox_aio_result *result)
{
	const struct message *msg = result->context;
	const unsigned char *body;
	size_t size;

	(void)aio;
	if (result->status != DBOX_AIO_OK)
		errx(1, "%s: %s%s%s", msg->path,
		     dbox_aio_strerror(result->status),
		     result->detail != NULL ? ": " : "",
		     result->detail != NULL ? result->detail : "");
	if ((result->flags & DBOX_AIO_HAVE_METADATA) == 0)
		errx(1, "%s: no metadata", msg->path);
	body = dbox_aio_message_body(result->message, &size);
	deliver(msg, body, size);
}

static void uring_init(const struct peer_setup *setup)
{
	ctx = library_init(DBOX_AIO_BACKEND_URING, setup->remote);
	loop_init(dbox_aio_fd(ctx), 0);
}

static void threads_init(const struct peer_setup *setup)
{
	ctx = library_init(DBOX_AIO_BACKEND_THREADS, setup->remote);
	loop_init(dbox_aio_fd(ctx), 0);
}

static void library_submit(const struct message *const *messages,
			   unsigned int count)
{
	unsigned int i;
	int ret;

	if (count > requests_room) {
		requests_room = count;
		requests = realloc(requests, count * sizeof(*requests));
		if (requests == NULL)
			err(1, "realloc");
	}
	for (i = 0; i < count; i++)
		library_request(&requests[i], messages[i], library_delivered);
	ret = dbox_aio_submit(ctx, requests, count, NULL);
	if (ret != (int)count)
		library_fail("dbox_aio_submit");
}

static void library_poke(void)
{
	if (dbox_aio_dispatch(ctx, 0) < 0)
		library_fail("dbox_aio_dispatch");
}

static void library_turn(void)
{
	loop_wait();
	library_poke();
}

const struct peer peer_library = {
	"library", "libdbox_aio, io_uring", NULL,
	uring_init, library_submit, library_poke, library_turn
};

const struct peer peer_library_threads = {
	"threads", "libdbox_aio, threads", NULL,
	threads_init, library_submit, library_poke, library_turn
};
