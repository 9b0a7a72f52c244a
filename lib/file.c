/*
 * file.c: file handles.
 */
#include "front.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int dbox_aio_file_open(struct dbox_aio *ctx, const char *path,
		       const char *alt_path, struct dbox_aio_file **file_r)
{
	struct dbox_aio_file *file;
	sigset_t old;
	int ret;

	if (file_r != NULL)
		*file_r = NULL;
	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (file_r == NULL)
		return error_set(DBOX_AIO_EINVAL, "file_r is NULL");
	if (path == NULL || path[0] == '\0')
		return error_set(DBOX_AIO_EINVAL, "path is NULL or empty");
	if (alt_path != NULL && alt_path[0] == '\0')
		return error_set(DBOX_AIO_EINVAL, "alt_path is empty");

	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return error_set(DBOX_AIO_ENOMEM, "no memory for a file");
	core_enter(&old);
	ret = core.file_open(ctx->handle,
		path, (uint32_t)strnlen(path, PATH_MAX), alt_path,
		alt_path == NULL ? 0 : (uint32_t)strnlen(alt_path, PATH_MAX),
		file, &file->core);
	core_leave(&old);
	if (ret < 0) {
		free(file);
		return core_failed(ret);
	}
	file->ctx = ctx;
	file->next = ctx->files;
	if (file->next != NULL)
		file->next->prev = file;
	ctx->files = file;
	*file_r = file;
	return 0;
}

static void file_free(struct dbox_aio_file *file)
{
	if (file->next != NULL)
		file->next->prev = file->prev;
	if (file->prev != NULL)
		file->prev->next = file->next;
	else
		file->ctx->files = file->next;
	free(file);
}

void file_unref_request(struct dbox_aio_file *file)
{
	file->in_flight--;
	if (file->closed && file->in_flight == 0)
		file_free(file);
}

int dbox_aio_file_close(struct dbox_aio *ctx, struct dbox_aio_file **file)
{
	struct dbox_aio_file *old;
	sigset_t mask;
	int ret;

	if ((ret = context_check(ctx)) < 0)
		return ret;
	if (file == NULL)
		return error_set(DBOX_AIO_EINVAL, "file is NULL");
	old = *file;
	if (old == NULL)
		return 0;
	if (old->ctx != ctx || old->closed)
		return error_set(DBOX_AIO_EINVAL,
			"file belongs to another context, or was closed");
	*file = NULL;
	core_enter(&mask);
	ret = core.file_close(ctx->handle, old->core);
	core_leave(&mask);
	/* The core gives the pointer back with each request in flight. */
	old->closed = 1;
	if (old->in_flight == 0)
		file_free(old);
	return ret < 0 ? core_failed(ret) : 0;
}
