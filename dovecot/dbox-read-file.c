/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "ioloop.h"
#include "llist.h"
#include "dbox-aio-ioloop.h"
#include "dbox-reader.h"
#include "dbox-read-file.h"

#include <dbox_aio.h>

/* As long as Dovecot keeps them: MDBOX_CLOSE_UNUSED_FILES_TIMEOUT_SECS */
#define FILE_CLOSE_SECS 30

struct dbox_read_file {
	struct dbox_read_file *prev, *next;
	int refcount;

	struct dbox_read_file_key key;
	struct dbox_aio_file *handle;
	time_t last_used;
	/* isn't found any more */
	bool forgotten;
};

/* The one that was used last is the first. */
static struct dbox_read_file *files_head, *files_tail;
static unsigned int files_count;
static struct timeout *to_close;

static void read_file_free(struct dbox_aio *ctx, struct dbox_read_file *file)
{
	i_assert(file->refcount == 0);

	DLLIST2_REMOVE(&files_head, &files_tail, file);
	files_count--;
	if (ctx != NULL && file->handle != NULL)
		(void)dbox_aio_file_close(ctx, &file->handle);
	i_free(file);
}

static struct dbox_aio *reader_ctx(void)
{
	struct dbox_reader *reader = dbox_reader_find();

	return reader == NULL ? NULL : reader->ctx;
}

/* Close unused files, the oldest first, until there are at most max, none of
   which is older than a time. */
static void read_files_close(unsigned int max, time_t oldest)
{
	struct dbox_read_file *file, *prev;

	for (file = files_tail; file != NULL; file = prev) {
		prev = file->prev;
		if (files_count <= max && file->last_used >= oldest)
			break;
		if (file->refcount == 0)
			read_file_free(reader_ctx(), file);
	}
}

static void read_files_timeout(void *context ATTR_UNUSED)
{
	read_files_close(UINT_MAX, ioloop_time - FILE_CLOSE_SECS);
	if (files_head == NULL)
		timeout_remove(&to_close);
}

static bool
read_file_key_equals(const struct dbox_read_file_key *key1,
		     const struct dbox_read_file_key *key2)
{
	return key1->storage == key2->storage &&
		key1->file_id == key2->file_id &&
		key1->generation == key2->generation;
}

static struct dbox_read_file *
read_file_find(const struct dbox_read_file_key *key)
{
	struct dbox_read_file *file;

	for (file = files_head; file != NULL; file = file->next) {
		if (!file->forgotten && read_file_key_equals(&file->key, key))
			return file;
	}
	return NULL;
}

struct dbox_read_file *
dbox_read_file_get(struct dbox_reader *reader,
		   const struct dbox_read_file_key *key,
		   const char *path, const char *alt_path)
{
	struct dbox_read_file *file;
	struct dbox_aio_file *handle;

	file = read_file_find(key);
	if (file != NULL) {
		DLLIST2_REMOVE(&files_head, &files_tail, file);
		DLLIST2_PREPEND(&files_head, &files_tail, file);
		file->refcount++;
		return file;
	}

	if (files_count >= reader->limits.max_files) {
		if (reader->limits.max_files == 0)
			return NULL;
		read_files_close(reader->limits.max_files - 1, 0);
		if (files_count >= reader->limits.max_files)
			return NULL;
	}
	if (dbox_aio_file_open(reader->ctx, path, alt_path, &handle) < 0)
		return NULL;
	file = i_new(struct dbox_read_file, 1);
	file->refcount = 1;
	file->key = *key;
	file->handle = handle;
	DLLIST2_PREPEND(&files_head, &files_tail, file);
	files_count++;
	if (to_close == NULL) {
		to_close = dbox_aio_timeout_add(FILE_CLOSE_SECS * 1000 / 2,
						read_files_timeout, NULL);
	}
	return file;
}

void dbox_read_file_ref(struct dbox_read_file *file)
{
	i_assert(file->refcount > 0);
	file->refcount++;
}

void dbox_read_file_unref(struct dbox_read_file **_file)
{
	struct dbox_read_file *file = *_file;

	*_file = NULL;
	i_assert(file->refcount > 0);
	file->last_used = ioloop_time;
	if (--file->refcount == 0 && file->forgotten)
		read_file_free(reader_ctx(), file);
}

struct dbox_aio_file *dbox_read_file_handle(const struct dbox_read_file *file)
{
	return file->handle;
}

void dbox_read_files_forget(const void *storage)
{
	struct dbox_read_file *file, *next;

	for (file = files_head; file != NULL; file = next) {
		next = file->next;
		if (file->key.storage != storage)
			continue;
		file->forgotten = TRUE;
		if (file->refcount == 0)
			read_file_free(reader_ctx(), file);
	}
}

void dbox_read_files_deinit(struct dbox_aio *ctx)
{
	struct dbox_read_file *file, *next;

	for (file = files_head; file != NULL; file = next) {
		next = file->next;
		file->forgotten = TRUE;
		if (file->refcount == 0)
			read_file_free(ctx, file);
		else
			(void)dbox_aio_file_close(ctx, &file->handle);
	}
	timeout_remove(&to_close);
}
