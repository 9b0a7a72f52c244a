/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "ioloop.h"
#include "llist.h"
#include "dbox-aio-ioloop.h"
#include "dbox-aio-mount.h"
#include "dbox-reader.h"
#include "dbox-read-file.h"
#include "dbox-read.h"

#include <dbox_aio.h>
#include <unistd.h>

/* Most requests in one submission */
#define SUBMIT_MAX 64
/* While nothing is known of mails' sizes */
#define DEFAULT_MAIL_SIZE (16 * 1024)
/* Enough for headers as they are usually */
#define HEADER_SIZE (16 * 1024)
/* How often a blocking wait looks whether memory is missing */
#define WAIT_MSECS 250

struct dbox_read {
	/* in the list of its state: queued, submitted, done with a message */
	struct dbox_read *prev, *next;
	enum dbox_read_state state;
	struct dbox_read_settings set;
	char *path, *alt_path;
	/* the library's, while it is submitted */
	uint64_t id;
	/* the submission that it belongs to */
	unsigned int batch;
	/* memory that it is thought to need, or has */
	uoff_t size;

	struct dbox_read_result result;
	struct dbox_read_waiter *waiter;

	/* nobody wants it, it only waits for the library to let go */
	bool abandoned;
};

static struct dbox_read *queue_head, *queue_tail;
static unsigned int queue_count;
static struct dbox_read *submitted_list;
/* done with a message that nobody has taken yet, the newest first */
static struct dbox_read *done_list;
/* waiters whose callbacks are to be run, and the timeout that does it unless
   the ioloop does it before */
static struct dbox_read_waiter *waiters;
static struct timeout *to_waiters;
/* memory: of submitted reads as guessed, of messages as it is */
static uoff_t submitted_bytes, message_bytes;
/* watches over those who wait in the ioloop while memory is short */
static struct timeout *to_memory;
static unsigned int called_back_count, memory_called_back_count;
/* number of the submission that is being made, 0 = none is */
static unsigned int batch_now, last_batch;
static unsigned int kept_fds;
static uoff_t average_size = DEFAULT_MAIL_SIZE;

static uoff_t message_size(const struct dbox_aio_message *message)
{
	size_t size;

	if (dbox_aio_message_raw(message, NULL, &size) == NULL)
		(void)dbox_aio_message_body(message, &size);
	return size;
}

static void waiters_timeout(void *context ATTR_UNUSED)
{
	timeout_remove(&to_waiters);
	dbox_read_run_callbacks();
}

/* Callbacks run when the stack is empty: from the ioloop. */
static void read_wake_waiter(struct dbox_read *read)
{
	struct dbox_read_waiter *waiter = read->waiter;

	if (waiter == NULL)
		return;
	read->waiter = NULL;
	waiter->read = NULL;
	waiter->pending = TRUE;
	DLLIST_PREPEND(&waiters, waiter);
	if (to_waiters == NULL)
		to_waiters = dbox_aio_timeout_add(0, waiters_timeout, NULL);
}

static void read_set_done(struct dbox_read *read)
{
	read->state = DBOX_READ_STATE_DONE;
	if (read->result.message != NULL)
		DLLIST_PREPEND(&done_list, read);
	read_wake_waiter(read);
}

static void read_free(struct dbox_read *read)
{
	if (read->set.file != NULL)
		dbox_read_file_unref(&read->set.file);
	i_free(read->path);
	i_free(read->alt_path);
	i_free(read);
}

static void read_drop_message(struct dbox_read *read)
{
	if (read->result.message == NULL)
		return;
	DLLIST_REMOVE(&done_list, read);
	dbox_read_result_free(&read->result);
}

struct dbox_read *
dbox_read_queue(struct mail_user *user, const struct dbox_read_settings *set)
{
	struct dbox_read *read;

	if (dbox_reader_get(user) == NULL)
		return NULL;
	read = i_new(struct dbox_read, 1);
	read->state = DBOX_READ_STATE_QUEUED;
	read->result.fd = -1;
	read->set = *set;
	if (set->file != NULL)
		dbox_read_file_ref(set->file);
	read->path = i_strdup(set->path);
	read->alt_path = i_strdup(set->alt_path);
	read->size = set->size != 0 ? set->size : average_size;
	if (set->body_limit != 0)
		read->size = I_MIN(read->size, set->body_limit);
	DLLIST2_APPEND(&queue_head, &queue_tail, read);
	queue_count++;
	return read;
}

static void read_dequeue(struct dbox_read *read)
{
	i_assert(read->state == DBOX_READ_STATE_QUEUED);

	DLLIST2_REMOVE(&queue_head, &queue_tail, read);
	queue_count--;
}

void dbox_read_unref(struct dbox_read **_read)
{
	struct dbox_read *read = *_read;
	struct dbox_reader *reader = dbox_reader_find();

	*_read = NULL;
	read_wake_waiter(read);

	switch (read->state) {
	case DBOX_READ_STATE_QUEUED:
		read_dequeue(read);
		break;
	case DBOX_READ_STATE_SUBMITTED:
		read->abandoned = TRUE;
		if (reader != NULL) {
			reader->counters.cancelled++;
			(void)dbox_aio_cancel(reader->ctx, read->id);
		}
		return;
	case DBOX_READ_STATE_DONE:
		read_drop_message(read);
		break;
	}
	read_free(read);
}

/* Only what is without any doubt is of use. */
static bool read_result_is_perfect(const struct dbox_read *read,
				   const struct dbox_aio_result *result)
{
	uint64_t size;

	if (result->status != DBOX_AIO_OK || result->message == NULL)
		return FALSE;
	size = dbox_aio_message_record_size(result->message);
	return read->set.size == 0 || size == 0 || read->set.size == size;
}

static bool file_header_is_broken(const struct dbox_aio_result *result)
{
	switch (result->status) {
	case DBOX_AIO_EVERSION:
		return TRUE;
	case DBOX_AIO_ECORRUPT:
		return result->message_header_size == 0;
	case DBOX_AIO_ETRUNCATED:
		return result->file_size == 0;
	default:
		return FALSE;
	}
}

static void
read_keep_fd(struct dbox_read *read, const struct dbox_aio_result *result)
{
	const struct dbox_reader *reader = dbox_reader_find();

	if ((read->set.flags & DBOX_READ_FLAG_WANT_FD) == 0 || reader == NULL ||
	    kept_fds >= reader->limits.max_kept_fds)
		return;
	read->result.fd = dbox_aio_message_take_fd(result->message);
	if (read->result.fd < 0) {
		read->result.fd = -1;
	} else {
		read->result.fd_kept = TRUE;
		kept_fds++;
	}
}

static void
read_called_back(struct dbox_aio *ctx ATTR_UNUSED,
		 const struct dbox_aio_result *result)
{
	struct dbox_read *read = result->context;
	struct dbox_read_result *r = &read->result;

	called_back_count++;
	DLLIST_REMOVE(&submitted_list, read);
	submitted_bytes -= read->size;
	dbox_aio_mount_read(read->set.mount, read->batch == batch_now);
	if (read->abandoned) {
		read_free(read);
		return;
	}
	if (read_result_is_perfect(read, result)) {
		read_keep_fd(read, result);
		r->message = dbox_aio_message_ref(result->message);
		r->record_offset = result->record_offset;
		r->body_offset = read->set.body_offset;
		r->file_size = result->file_size;
		r->file_version = result->file_version;
		r->file_header_size = result->file_header_size;
		r->msg_header_size = result->message_header_size;
		r->create_time = result->create_time;
		r->from_alt = (result->flags & DBOX_AIO_FROM_ALT) != 0;
		r->have_metadata =
			(result->flags & DBOX_AIO_HAVE_METADATA) != 0;
		r->partial_body =
			(result->flags & DBOX_AIO_PARTIAL_BODY) != 0;
		read->size = message_size(r->message);
		average_size = (average_size * 7 + read->size) / 8;
		message_bytes += read->size;
	} else if (file_header_is_broken(result)) {
		r->broken_header = result->detail != NULL ? result->detail :
			dbox_aio_strerror(result->status);
		r->broken_in_alt = (result->flags & DBOX_AIO_FROM_ALT) != 0;
	}
	read_set_done(read);
}

static void
read_fill_request(const struct dbox_read *read,
		  struct dbox_aio_request *request)
{
	static const struct dbox_aio_request empty = DBOX_AIO_REQUEST_INIT;

	*request = empty;
	request->op = DBOX_AIO_READ;
	if ((read->set.flags & DBOX_READ_FLAG_METADATA_ONLY) != 0)
		request->flags |= DBOX_AIO_NO_BODY;
	else if ((read->set.flags & DBOX_READ_FLAG_HEADER) == 0) {
		request->body_offset = read->set.body_offset;
		request->body_limit = read->set.body_limit;
	}
	else if ((read->set.flags & DBOX_READ_FLAG_NO_METADATA) != 0)
		request->flags |= DBOX_AIO_HEADERS_ONLY;
	else {
		/* Where the metadata is read apart, the body ends with what
		   was asked for, and parsers of headers want to see a bit
		   more than these. */
		request->body_limit = HEADER_SIZE;
	}
	if ((read->set.flags & DBOX_READ_FLAG_NO_METADATA) != 0)
		request->flags |= DBOX_AIO_NO_METADATA;
	if ((read->set.flags & DBOX_READ_FLAG_WANT_FD) != 0)
		request->flags |= DBOX_AIO_WANT_FD;
	request->offset = read->set.offset;
	request->size_hint = read->set.size;
	request->stream = (uintptr_t)read->set.owner;
	if (read->set.file != NULL)
		request->file = dbox_read_file_handle(read->set.file);
	else {
		request->path = read->path;
		request->alt_path = read->alt_path;
	}
	request->callback = read_called_back;
	request->context = (void *)read;
}

static bool memory_allows(const struct dbox_reader *reader, uoff_t size)
{
	return message_bytes + submitted_bytes + size <=
		reader->limits.prefetch_bytes;
}

/* Submit up to SUBMIT_MAX of the queue. Returns FALSE if that was all. */
static bool
read_submit_some(struct dbox_reader *reader, struct dbox_read *urgent)
{
	struct dbox_aio_request requests[SUBMIT_MAX];
	struct dbox_read *reads[SUBMIT_MAX], *read, *next;
	uint64_t ids[SUBMIT_MAX];
	unsigned int i, count = 0;
	uoff_t bytes = 0;
	int ret;

	if (urgent != NULL && urgent->state == DBOX_READ_STATE_QUEUED) {
		bytes += urgent->size;
		reads[count++] = urgent;
	}
	for (read = queue_head; read != NULL && count < SUBMIT_MAX;
	     read = next) {
		next = read->next;
		if (read == urgent)
			continue;
		if (!memory_allows(reader, bytes + read->size))
			break;
		bytes += read->size;
		reads[count++] = read;
	}
	if (count == 0)
		return FALSE;
	for (i = 0; i < count; i++)
		read_fill_request(reads[i], &requests[i]);
	ret = dbox_aio_submit(reader->ctx, requests, count, ids);
	if (ret > 0)
		reader->counters.batches++;
	for (i = 0; i < count && (int)i < ret; i++) {
		read_dequeue(reads[i]);
		reads[i]->state = DBOX_READ_STATE_SUBMITTED;
		reads[i]->id = ids[i];
		reads[i]->batch = batch_now;
		DLLIST_PREPEND(&submitted_list, reads[i]);
		submitted_bytes += reads[i]->size;
		reader->counters.submitted++;
	}
	if (ret < (int)count && urgent != NULL &&
	    urgent->state == DBOX_READ_STATE_QUEUED) {
		/* No room in the library. Somebody needs this mail now. */
		read_dequeue(urgent);
		read_set_done(urgent);
	}
	return ret == SUBMIT_MAX;
}

/* Let the library call back what is ready. */
static void reads_dispatch(struct dbox_reader *reader)
{
	int ret;

	if (submitted_list == NULL)
		return;
	ret = dbox_aio_dispatch(reader->ctx, 0);
	if (ret < 0 && ret != DBOX_AIO_EDEADLK)
		dbox_reader_fail(dbox_aio_strerror(ret));
}

void dbox_read_submit(struct dbox_read *urgent)
{
	struct dbox_reader *reader = dbox_reader_find();

	if (reader == NULL || queue_head == NULL)
		return;
	if (++last_batch == 0)
		last_batch++;
	batch_now = last_batch;
	while (read_submit_some(reader, urgent)) ;
	/* What was in the kernel's cache is ready now. */
	reads_dispatch(reader);
	batch_now = 0;
}

void dbox_read_submit_batch(void)
{
	struct dbox_reader *reader = dbox_reader_find();

	if (reader != NULL && queue_count >= reader->limits.batch)
		dbox_read_submit(NULL);
}

enum dbox_read_state dbox_read_get_state(const struct dbox_read *read)
{
	return read->state;
}

bool dbox_read_is_done(struct dbox_read *read)
{
	struct dbox_reader *reader = dbox_reader_find();

	if (read->state == DBOX_READ_STATE_SUBMITTED && reader != NULL)
		reads_dispatch(reader);
	return read->state == DBOX_READ_STATE_DONE;
}

/* Messages that nobody has begun to use fill the memory: drop some, the newest
   first. Dovecot reads these mails by itself then. Returns FALSE if nothing
   could be dropped. */
static bool reads_reclaim(struct dbox_reader *reader)
{
	struct dbox_read *read;
	bool ret = FALSE;

	while (done_list != NULL &&
	       message_bytes > reader->limits.prefetch_bytes / 4) {
		read = done_list;
		read_drop_message(read);
		reader->counters.dropped++;
		ret = TRUE;
	}
	return ret;
}

/* Not what the messages have, but what is held for them: several can share a
   block. */
static bool memory_is_short(const struct dbox_reader *reader)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	return message_bytes > reader->limits.prefetch_bytes / 2 &&
		dbox_aio_get_stats(reader->ctx, &stats) == 0 &&
		stats.bytes_held > reader->limits.prefetch_bytes;
}

/* Somebody waits in the ioloop, and the library may be waiting for memory that
   others have: see that it goes on. */
static void memory_timeout(void *context ATTR_UNUSED)
{
	struct dbox_reader *reader = dbox_reader_find();
	struct dbox_read *read;

	if (reader == NULL || submitted_list == NULL ||
	    !memory_is_short(reader)) {
		timeout_remove(&to_memory);
		return;
	}
	if (called_back_count != memory_called_back_count) {
		memory_called_back_count = called_back_count;
		return;
	}
	if (reads_reclaim(reader))
		return;
	/* All is in use. Whoever waits has to read by himself. */
	for (read = submitted_list; read != NULL; read = read->next) {
		if (read->waiter != NULL)
			(void)dbox_aio_cancel(reader->ctx, read->id);
	}
}

static void memory_watch(const struct dbox_reader *reader)
{
	if (to_memory != NULL || !memory_is_short(reader))
		return;
	memory_called_back_count = called_back_count;
	to_memory = dbox_aio_timeout_add(WAIT_MSECS, memory_timeout, NULL);
}

void dbox_read_wait(struct dbox_read *read)
{
	struct dbox_reader *reader = dbox_reader_find();
	int ret;

	if (read->state == DBOX_READ_STATE_QUEUED)
		dbox_read_submit(read);
	if (dbox_read_is_done(read))
		return;
	reader->counters.blocking_waits++;
	while (read->state != DBOX_READ_STATE_DONE) {
		ret = dbox_aio_wait_request(reader->ctx, read->id, WAIT_MSECS);
		if (read->state == DBOX_READ_STATE_DONE)
			break;
		if (ret != DBOX_AIO_ETIMEDOUT) {
			dbox_reader_fail(dbox_aio_strerror(ret));
			break;
		}
		if (memory_is_short(reader) && !reads_reclaim(reader)) {
			/* All memory is in use by others, who may wait for
			   their clients. */
			(void)dbox_aio_cancel(reader->ctx, read->id);
		}
	}
}

void dbox_read_take_result(struct dbox_read *read,
			   struct dbox_read_result *result_r)
{
	struct dbox_reader *reader = dbox_reader_find();

	i_assert(read->state == DBOX_READ_STATE_DONE);

	*result_r = read->result;
	if (read->result.message != NULL) {
		DLLIST_REMOVE(&done_list, read);
		read->result.message = NULL;
		if (reader != NULL)
			reader->counters.used++;
		read->result.fd = -1;
		read->result.fd_kept = FALSE;
	} else if (reader != NULL) {
		reader->counters.refused++;
	}
}

void dbox_read_result_free(struct dbox_read_result *result)
{
	struct dbox_reader *reader = dbox_reader_find();

	if (result->fd != -1) {
		if (result->fd_kept)
			kept_fds--;
		result->fd_kept = FALSE;
		/* close() can wait for storage, the library's doesn't */
		if (reader == NULL ||
		    dbox_aio_close_fd(reader->ctx, result->fd) < 0)
			i_close_fd(&result->fd);
		result->fd = -1;
	}
	if (result->message != NULL) {
		message_bytes -= message_size(result->message);
		dbox_aio_message_unref(&result->message);
	}
}

#undef dbox_read_waiter_start
void dbox_read_waiter_start(struct dbox_read_waiter *waiter,
			    struct dbox_read *read,
			    dbox_read_callback_t *callback, void *context)
{
	struct dbox_reader *reader = dbox_reader_find();

	i_assert(waiter->read == NULL && !waiter->pending);
	i_assert(read->waiter == NULL);

	waiter->read = read;
	waiter->callback = callback;
	waiter->context = context;
	read->waiter = waiter;
	if (reader != NULL) {
		reader->counters.ioloop_waits++;
		memory_watch(reader);
	}
	if (read->state == DBOX_READ_STATE_DONE)
		read_wake_waiter(read);
}

void dbox_read_waiter_stop(struct dbox_read_waiter *waiter)
{
	if (waiter->pending) {
		DLLIST_REMOVE(&waiters, waiter);
		waiter->pending = FALSE;
	} else if (waiter->read != NULL) {
		waiter->read->waiter = NULL;
		waiter->read = NULL;
	}
}

void dbox_read_run_callbacks(void)
{
	struct dbox_read_waiter *waiter;

	/* Each callback may stop or start any waiter. Those that start anew
	   have their turn the next time. */
	while ((waiter = waiters) != NULL) {
		dbox_read_waiter_stop(waiter);
		waiter->callback(waiter->context);
	}
	timeout_remove(&to_waiters);
}

void dbox_read_deinit(void)
{
	struct dbox_read *read;

	while ((read = queue_head) != NULL) {
		read_dequeue(read);
		read_set_done(read);
	}
	/* A context that failed may not have called back all. */
	while ((read = submitted_list) != NULL) {
		DLLIST_REMOVE(&submitted_list, read);
		submitted_bytes -= read->size;
		if (read->abandoned)
			read_free(read);
		else
			read_set_done(read);
	}
	if (waiters == NULL)
		timeout_remove(&to_waiters);
	timeout_remove(&to_memory);
}
