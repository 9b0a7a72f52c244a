/*
 * submit.c: checks requests and hands them to the core.
 */
#include "front.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_SIZE sizeof(struct dbox_aio_request)
#define REQUEST_ALIGNMENT offsetof(struct { char c; \
					    struct dbox_aio_request request; \
					  }, request)
#define REQUEST_FLAGS \
	(DBOX_AIO_NO_BODY | DBOX_AIO_NO_METADATA | DBOX_AIO_HEADERS_ONLY | \
	 DBOX_AIO_WANT_FD | DBOX_AIO_RESYNC)

/* Requests of the host, which may know fewer or more fields. */
struct request_array {
	const char *data;
	size_t stride, count;
};

static const struct dbox_aio_request *
request_at(const struct request_array *array, size_t i)
{
	return (const void *)(array->data + i * array->stride);
}

/* Returns what is wrong with a request, or NULL. */
static const char *
request_fault(const struct dbox_aio *ctx,
	      const struct dbox_aio_request *request)
{
	const struct dbox_aio_file *file = request->file;

	if (!struct_tail_is_zero(request, request->struct_size, REQUEST_SIZE))
		return "it has a field set that this version of the library "
			"does not know";
	if (request->op < DBOX_AIO_OPEN || request->op > DBOX_AIO_STAT)
		return "unknown op";
	if ((request->flags & ~(uint32_t)REQUEST_FLAGS) != 0)
		return "unknown flags";
	if (request->priority > 1)
		return "priority is neither 0 nor 1";
	if (request->reserved != 0)
		return "reserved is not 0";
	if (request->callback == NULL)
		return "callback is NULL";
	if (file == NULL && request->path == NULL)
		return "neither file nor path is set";
	if (file != NULL && request->path != NULL)
		return "file and path are both set";
	if (file != NULL && request->alt_path != NULL)
		return "alt_path is set together with file";
	if (file != NULL && file->ctx != ctx)
		return "file belongs to another context";
	if (file != NULL && file->closed)
		return "file was closed";
	if (request->path != NULL && request->path[0] == '\0')
		return "path is empty";
	if (request->alt_path != NULL && request->alt_path[0] == '\0')
		return "alt_path is empty";
	if ((request->flags & DBOX_AIO_HEADERS_ONLY) != 0 &&
	    (request->body_offset != 0 || request->body_limit != 0))
		return "DBOX_AIO_HEADERS_ONLY is set together with body_offset "
			"or body_limit";
	return NULL;
}

static int request_invalid(size_t i, const char *fault)
{
	return error_format(DBOX_AIO_EINVAL, "request %zu: %s", i, fault);
}

static int requests_check(const struct dbox_aio *ctx,
			  const struct request_array *array)
{
	const struct dbox_aio_request *request;
	const char *fault;
	size_t i;

	for (i = 0; i < array->count; i++) {
		request = request_at(array, i);
		if (request->struct_size != array->stride)
			return request_invalid(i,
				"its struct_size is not that of the first one");
		if ((fault = request_fault(ctx, request)) != NULL)
			return request_invalid(i, fault);
	}
	return 0;
}

static int requests_read(const struct dbox_aio_request *requests,
			 size_t count, struct request_array *array_r)
{
	size_t stride;
	int ret;

	if (requests == NULL)
		return error_set(DBOX_AIO_EINVAL, "requests is NULL");
	if ((uintptr_t)requests % REQUEST_ALIGNMENT != 0)
		return error_set(DBOX_AIO_EINVAL, "requests is not aligned");
	stride = requests->struct_size;
	ret = struct_size_check("requests[0]", stride, REQUEST_SIZE);
	if (ret < 0)
		return ret;
	if (stride % REQUEST_ALIGNMENT != 0 || count > PTRDIFF_MAX / stride)
		return error_format(DBOX_AIO_EINVAL,
			"no array has %zu requests of %zu bytes",
			count, stride);
	array_r->data = (const void *)requests;
	array_r->stride = stride;
	array_r->count = count;
	return 0;
}

static uint32_t path_length(const char *path)
{
	return path == NULL ? 0 : (uint32_t)strnlen(path, PATH_MAX);
}

static void request_convert(const struct dbox_aio_request *request,
			    struct dbox_core_request *core_r)
{
	core_r->op = request->op;
	core_r->flags = request->flags;
	core_r->priority = request->priority;
	core_r->timeout_ms = request->timeout_ms;
	core_r->offset = request->offset;
	core_r->size_hint = request->size_hint;
	core_r->body_offset = request->body_offset;
	core_r->body_limit = request->body_limit;
	core_r->stream = request->stream;
	core_r->file = request->file == NULL ? 0 : request->file->core;
	core_r->path = request->path;
	core_r->alt_path = request->alt_path;
	core_r->path_length = path_length(request->path);
	core_r->alt_length = path_length(request->alt_path);
	core_r->callback = (uintptr_t)request->callback;
	core_r->context = (uintptr_t)request->context;
}

static int batch_grow(struct dbox_aio *ctx, size_t count)
{
	struct dbox_core_request *batch;

	if (count <= ctx->batch_size)
		return 0;
	batch = realloc(ctx->batch, count * sizeof(*batch));
	if (batch == NULL)
		return error_set(DBOX_AIO_ENOMEM, "no memory for a batch");
	ctx->batch = batch;
	ctx->batch_size = count;
	return 0;
}

/* Gives the first requests of the array to the core. */
static int requests_submit(struct dbox_aio *ctx,
			   const struct request_array *array, size_t count,
			   uint64_t *ids_r)
{
	struct dbox_aio_file *file;
	size_t i, n, done;
	/* What is ready at once saves its dispatch a call into the core. */
	const int hold = ctx->depth == 0 && ctx->out_next == ctx->out_count;
	uint32_t more = 0;
	sigset_t old;
	int ret;

	ret = batch_grow(ctx, count < SUBMIT_BATCH ? count : SUBMIT_BATCH);
	if (ret < 0)
		return ret;
	for (done = 0; done < count; done += n) {
		n = count - done < SUBMIT_BATCH ? count - done : SUBMIT_BATCH;
		for (i = 0; i < n; i++)
			request_convert(request_at(array, done + i),
					&ctx->batch[i]);
		core_enter(&old);
		ret = core.submit(ctx->handle, ctx->batch, n,
				  done + n == count,
				  ids_r == NULL ? NULL : ids_r + done,
				  ctx->out, hold ? DISPATCH_BATCH : 0, &more);
		core_leave(&old);
		if (ret < 0) {
			ret = core_failed(ret);
			if (done == 0)
				return ret;
			/* Those before were only queued: move them on. */
			event_signal(ctx->event_fd);
			break;
		}
		if (hold) {
			ctx->out_next = 0;
			ctx->out_count = (unsigned int)ret;
			ctx->out_more = more;
		}
		ctx->pending += (uint32_t)n;
		for (i = 0; i < n; i++) {
			file = request_at(array, done + i)->file;
			if (file != NULL)
				file->in_flight++;
		}
	}
	return (int)done;
}

int dbox_aio_submit(struct dbox_aio *ctx,
		    const struct dbox_aio_request *requests, size_t count,
		    uint64_t *ids_r)
{
	struct request_array array = { NULL, 0, 0 };
	uint64_t begin;
	size_t room;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (count == 0)
		return 0;
	begin = clock_ns();
	if ((ret = requests_read(requests, count, &array)) < 0 ||
	    (ret = requests_check(ctx, &array)) < 0)
		return ret;

	room = ctx->max_pending - ctx->pending;
	if (count > room) {
		ctx->short_submit = 1;
		count = room;
	}
	if (count == 0)
		return error_format(DBOX_AIO_EBUSY,
			"%u requests are pending, which is the option "
			"max_pending: submit again when the descriptor is "
			"readable", ctx->pending);
	ret = requests_submit(ctx, &array, count, ids_r);
	call_time_add(&ctx->submits, clock_ns() - begin);
	return ret;
}
