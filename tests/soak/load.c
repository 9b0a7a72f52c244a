#include "soak.h"

#include <sys/stat.h>

#define ROUND 400               /* requests of one context before it ends */
#define IN_FLIGHT 100
#define SHELF 24

__thread int load_is_ours;

/* Messages that some thread will drop. */
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dbox_aio_message *shelf[SHELF];

static pthread_t threads[16];
static unsigned int threads_count;

enum file_kind {
	KIND_LOCAL, KIND_HANDLE, KIND_SLOW, KIND_MANY, KIND_BROKEN, KIND_CUT,
	KIND_NONE, KIND_DIRECTORY, KIND_FIFO, KIND_COUNT
};

/* One request; what it points to stays until its final callback. */
struct slot {
	struct load *load;
	struct dbox_aio_request request;
	enum file_kind kind;
	uint64_t id;
	unsigned int finals, records;
};

struct load {
	struct dbox_aio *ctx;
	struct dbox_aio_file *handle;
	unsigned int seed;
	unsigned int used, final;
	int closing;
	struct slot slots[ROUND];
};

static unsigned int pick(struct load *load, unsigned int n)
{
	return (unsigned int)rand_r(&load->seed) % n;
}

static void shelf_exchange(unsigned int place, struct dbox_aio_message *message)
{
	struct dbox_aio_message *old;

	pthread_mutex_lock(&shelf_lock);
	old = shelf[place % SHELF];
	shelf[place % SHELF] = message;
	pthread_mutex_unlock(&shelf_lock);
	dbox_aio_message_unref(&old);
}

/*
 * Results
 */

/* The status that the kind of file must have, if nothing else came first. */
static int status_expected(const struct slot *slot)
{
	switch (slot->kind) {
	case KIND_BROKEN:
		return DBOX_AIO_ECORRUPT;
	case KIND_CUT:
		return DBOX_AIO_ETRUNCATED;
	case KIND_NONE:
		return DBOX_AIO_ENOENT;
	case KIND_DIRECTORY:
	case KIND_FIFO:
		return DBOX_AIO_ENOTFILE;
	default:
		return DBOX_AIO_OK;
	}
}

static void count_status(const struct slot *slot, int status)
{
	const int slow = slot->kind == KIND_SLOW;

	if (slot->request.op == DBOX_AIO_STAT && status == DBOX_AIO_OK)
		;
	else if (status == DBOX_AIO_ECANCELED)
		SOAK_ADD(cancelled, 1);
	else if (status == DBOX_AIO_ETIMEDOUT &&
		 slot->request.timeout_ms != 0)
		SOAK_ADD(timed_out, 1);
	else if (status == DBOX_AIO_ESHUTDOWN && slot->load->closing)
		SOAK_ADD(shut_down, 1);
	else if (status == DBOX_AIO_EIO && slow)
		SOAK_ADD(io_errors, 1);
	else {
		/* The one right status. */
		CHECK_EQ(status, status_expected(slot));
		if (status == DBOX_AIO_OK)
			SOAK_ADD(good, 1);
		else
			SOAK_ADD(other, 1);
	}
}

static void request_done(struct dbox_aio *ctx,
			 const struct dbox_aio_result *result)
{
	struct slot *slot = result->context;
	struct load *load = slot->load;
	const struct dbox_aio_request *request = &slot->request;

	CHECK(load_is_ours);
	CHECK(ctx == load->ctx || load->closing);
	CHECK_EQ(slot->finals, 0);
	SOAK_ADD(callbacks, 1);
	if (result->message != NULL) {
		if ((request->flags & (DBOX_AIO_NO_BODY |
				       DBOX_AIO_HEADERS_ONLY |
				       DBOX_AIO_NO_METADATA)) == 0 &&
		    request->body_limit == 0)
			CHECK(host_message_is_right(result->message));
		if (pick(load, 4) == 0)
			shelf_exchange(pick(load, SHELF),
				       dbox_aio_message_ref(result->message));
	}
	if ((result->flags & DBOX_AIO_MORE) != 0) {
		slot->records++;
		return;
	}
	slot->finals++;
	load->final++;
	SOAK_ADD(finals, 1);
	count_status(slot, result->status);
	if (request->op == DBOX_AIO_SCAN && slot->kind == KIND_MANY &&
	    result->status == DBOX_AIO_OK)
		CHECK_EQ(slot->records, MANY_RECORDS);
}

/*
 * Requests
 */

static void request_file(struct load *load, struct slot *slot)
{
	struct dbox_aio_request *request = &slot->request;
	const struct soak_files *files = &soak_files;

	switch (slot->kind) {
	case KIND_HANDLE:
		request->file = load->handle;
		break;
	case KIND_SLOW:
		request->path = files->slow[pick(load, SLOW_MAILS)];
		break;
	case KIND_MANY:
		request->path = files->many;
		break;
	case KIND_BROKEN:
		request->path = files->broken;
		break;
	case KIND_CUT:
		request->path = files->cut;
		break;
	case KIND_NONE:
		request->path = files->none;
		request->alt_path = files->none;
		break;
	case KIND_DIRECTORY:
		request->path = files->directory;
		break;
	case KIND_FIFO:
		request->path = files->fifo;
		break;
	default:
		request->path = files->local[pick(load, LOCAL_MAILS)];
		break;
	}
}

static void request_make(struct load *load, struct slot *slot)
{
	static const uint32_t flags[] = {
		0, 0, 0, DBOX_AIO_NO_BODY, DBOX_AIO_HEADERS_ONLY,
		DBOX_AIO_WANT_FD, DBOX_AIO_NO_METADATA
	};
	const struct dbox_aio_request init = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_request *request = &slot->request;
	unsigned int kind = pick(load, 20);

	memset(slot, 0, sizeof(*slot));
	slot->load = load;
	slot->kind = kind < KIND_COUNT ? (enum file_kind)kind :
		kind % 2 == 0 ? KIND_LOCAL : KIND_SLOW;
	*request = init;
	request->op = slot->kind == KIND_MANY ? DBOX_AIO_SCAN : DBOX_AIO_READ;
	if (slot->kind == KIND_LOCAL && pick(load, 10) == 0)
		request->op = DBOX_AIO_STAT;
	request->flags = flags[pick(load, sizeof(flags) / sizeof(flags[0]))];
	request->priority = pick(load, 5) == 0;
	request->stream = pick(load, 8);
	request->timeout_ms = pick(load, 6) == 0 ? 1 + pick(load, 100) : 0;
	if (request->flags == 0 && pick(load, 5) == 0) {
		request->body_offset = pick(load, 3000);
		request->body_limit = 1 + pick(load, 3000);
	}
	request->callback = request_done;
	request->context = slot;
	request_file(load, slot);
}

static void submit_some(struct load *load)
{
	struct dbox_aio_request requests[IN_FLIGHT];
	uint64_t ids[IN_FLIGHT];
	unsigned int i, count = 1 + pick(load, IN_FLIGHT);
	int ret;

	if (count > ROUND - load->used)
		count = ROUND - load->used;
	for (i = 0; i < count; i++) {
		request_make(load, &load->slots[load->used + i]);
		requests[i] = load->slots[load->used + i].request;
	}
	ret = dbox_aio_submit(load->ctx, requests, count, ids);
	if (ret == DBOX_AIO_EBUSY)
		return;
	CHECK(ret > 0);
	for (i = 0; i < (unsigned int)ret; i++)
		load->slots[load->used + i].id = ids[i];
	load->used += (unsigned int)ret;
	SOAK_ADD(submitted, (uint64_t)ret);
}

static void cancel_some(struct load *load)
{
	uint64_t id = load->slots[pick(load, load->used)].id;
	int ret;

	switch (pick(load, 12)) {
	case 0:
		ret = dbox_aio_cancel(load->ctx, id);
		CHECK(ret == 0 || ret == DBOX_AIO_EALREADY ||
		      ret == DBOX_AIO_ENOENT);
		break;
	case 1:
		CHECK(dbox_aio_cancel_stream(load->ctx, pick(load, 8)) >= 0);
		break;
	case 2:
		ret = dbox_aio_wait_request(load->ctx, id,
					    (int)pick(load, 20));
		CHECK(ret == 0 || ret == DBOX_AIO_ENOENT ||
		      ret == DBOX_AIO_ETIMEDOUT);
		break;
	default:
		break;
	}
}

/* A context's life. It may end with requests that are pending. */
static void load_round(struct load *load)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct pollfd pollfd = { -1, POLLIN, 0 };
	unsigned int i, stop;

	options.backend = soak_backend;
	options.max_pending = 300;
	options.max_bytes = pick(load, 2) == 0 ? 1024 * 1024 : 0;
	options.max_workers = 8;
	load->used = load->final = 0;
	load->closing = 0;
	stop = pick(load, 3) == 0 ? pick(load, ROUND) : ROUND;
	CHECK_EQ(dbox_aio_init(&load->ctx, &options), 0);
	SOAK_ADD(contexts, 1);
	CHECK_EQ(dbox_aio_file_open(load->ctx, soak_files.local[0], NULL,
				    &load->handle), 0);
	pollfd.fd = dbox_aio_fd(load->ctx);
	while (load->final < stop && !soak_over) {
		if (load->used < ROUND && load->used - load->final < IN_FLIGHT)
			submit_some(load);
		if (load->used > 0)
			cancel_some(load);
		if (load->final < load->used && load->final < stop) {
			/* Nothing is slower than that: a wake-up was lost. */
			if (poll(&pollfd, 1, 20000) == 0)
				CHECK_EQ(dbox_aio_pending(load->ctx), -1);
			CHECK(dbox_aio_dispatch(load->ctx, pick(load, 40)) >=
			      0);
		}
	}
	if (pick(load, 2) == 0)
		CHECK_EQ(dbox_aio_file_close(load->ctx, &load->handle), 0);
	load->closing = 1;
	CHECK_EQ(dbox_aio_deinit(&load->ctx), 0);
	for (i = 0; i < load->used; i++)
		CHECK_EQ(load->slots[i].finals, 1);
}

static void *load_thread(void *arg)
{
	struct load *load = calloc(1, sizeof(*load));
	sigset_t ticks;

	CHECK(load != NULL);
	load_is_ours = 1;
	sigemptyset(&ticks);
	sigaddset(&ticks, SIGALRM);
	CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &ticks, NULL), 0);
	load->seed = *(unsigned int *)arg;
	while (!soak_over)
		load_round(load);
	free(load);
	return NULL;
}

void load_start(unsigned int count)
{
	static unsigned int seeds[16];
	sigset_t ticks, old;

	/* Until it has said whose it is, a thread gets no signal. */
	sigemptyset(&ticks);
	sigaddset(&ticks, SIGALRM);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &ticks, &old), 0);
	for (threads_count = 0; threads_count < count; threads_count++) {
		seeds[threads_count] = threads_count + 1;
		CHECK_EQ(pthread_create(&threads[threads_count], NULL,
					load_thread, &seeds[threads_count]),
			 0);
	}
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
}

void load_end(void)
{
	unsigned int i;

	for (i = 0; i < threads_count; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	for (i = 0; i < SHELF; i++)
		shelf_exchange(i, NULL);
}
