/*
 * readstore: reads every message of a mail store through the library, in more
 * than one way, and writes down what it got.
 *
 *	readstore uring|threads OUTPUT-DIR MAIL-DIR [ALT-DIR]
 *
 * Below MAIL-DIR (and ALT-DIR, if the store has an alternative storage) all
 * sdbox files (u.N) and mdbox files (m.N) are scanned. The body of each message
 * goes to OUTPUT-DIR/<guid>, and one line to stdout:
 *
 *	<guid> <received> <virtual size> <plaintext size> <- or external>
 *
 * Then every record is read by READ at the offset that the scan found, with
 * hints that are right, missing, too small and too large, by path and by
 * handle, and must be what the scan gave. The bytes are also compared with
 * those of a plain pread().
 *
 * Exit code: 0, 1 after any difference, 77 if the backend can't be had.
 */
#define _GNU_SOURCE
#include "dbox_aio.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBMIT_MAX 512

struct record {
	uint64_t offset, size;
	uint64_t body_hash, body_size, metadata_hash;
};

struct store_file {
	char *path, *alt_path;
	struct dbox_aio_file *handle;
	struct record *records;
	size_t records_count;
};

struct read_context {
	struct store_file *file;
	struct record *record;
	const char *how;
};

static struct store_file *files;
static size_t files_count;
static const char *walk_root, *walk_other;
static int walk_alt;
static int output_dir;
static int failures;

static void __attribute__((format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("readstore: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	failures++;
}

static void __attribute__((noreturn))
die(const char *what)
{
	char text[512];

	if (dbox_aio_last_error(text, sizeof(text)) == 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	fprintf(stderr, "readstore: %s: %s\n", what, text);
	exit(1);
}

static void *xrealloc(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (memory == NULL)
		die("realloc()");
	return memory;
}

static char *xstrdup(const char *str)
{
	size_t size = strlen(str) + 1;

	return memcpy(xrealloc(NULL, size), str, size);
}

/* FNV-1a: enough to notice a difference that nobody arranged. */
static uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size-- > 0)
		hash = (hash ^ *p++) * 1099511628211ULL;
	return hash;
}

static uint64_t hash_metadata(const struct dbox_aio_message *message)
{
	uint64_t hash = 14695981039346656037ULL;
	size_t i, size, count = dbox_aio_message_metadata_count(message);
	const char *value;
	char key;

	for (i = 0; i < count; i++) {
		value = dbox_aio_message_metadata_at(message, i, &key, &size);
		hash = hash_add(hash, &key, 1);
		hash = hash_add(hash, value, size + 1);
	}
	return hash;
}

/*
 * Finding the files
 */

static int is_mail_file(const char *name)
{
	return (name[0] == 'u' || name[0] == 'm') && name[1] == '.' &&
		name[2] != '\0' && name[2 + strspn(name + 2, "0123456789")] == '\0';
}

static int walk_visit(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	struct store_file *file;
	char other[PATH_MAX];

	if (type != FTW_F || st->st_size == 0 ||
	    !is_mail_file(path + ftw->base))
		return 0;
	files = xrealloc(files, (files_count + 1) * sizeof(*files));
	file = &files[files_count++];
	memset(file, 0, sizeof(*file));
	if (walk_other == NULL) {
		file->path = xstrdup(path);
		return 0;
	}
	snprintf(other, sizeof(other), "%s%s", walk_other,
		 path + strlen(walk_root));
	file->path = xstrdup(walk_alt ? other : path);
	file->alt_path = xstrdup(walk_alt ? path : other);
	return 0;
}

static void walk(const char *root, const char *other, int alt)
{
	walk_root = root;
	walk_other = other;
	walk_alt = alt;
	if (nftw(root, walk_visit, 20, FTW_PHYS) < 0)
		die(root);
}

/*
 * Scanning
 */

/* The same bytes must be there for everybody. */
static void compare_with_pread(const struct store_file *file,
			       const struct dbox_aio_result *result,
			       const unsigned char *body, size_t size)
{
	unsigned char *raw = xrealloc(NULL, size + 1);
	const char *path = file->path;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 && file->alt_path != NULL) {
		path = file->alt_path;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd == -1)
		die(path);
	if ((path == file->alt_path) !=
	    ((result->flags & DBOX_AIO_FROM_ALT) != 0))
		fail("%s: FROM_ALT is wrong", path);
	if (pread(fd, raw, size, result->record_offset +
		  result->message_header_size) != (ssize_t)size ||
	    memcmp(raw, body, size) != 0) {
		fail("%s: body at %llu is not what is in the file", path,
		     (unsigned long long)result->record_offset);
	}
	close(fd);
	free(raw);
}

static void write_body(const char *guid, const unsigned char *body,
		       size_t size)
{
	int fd;

	fd = openat(output_dir, guid, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd == -1) {
		fail("%s: %s (is there a second such message?)", guid,
		     strerror(errno));
		return;
	}
	if (write(fd, body, size) != (ssize_t)size)
		die(guid);
	close(fd);
}

static void print_line(const struct dbox_aio_result *result, const char *guid)
{
	const struct dbox_aio_message *message = result->message;
	int64_t received;
	uint64_t virtual_size, plaintext_size;
	int external = dbox_aio_message_metadata(message, 'X', NULL) != NULL;

	if (dbox_aio_message_received_time(message, &received) < 0 ||
	    dbox_aio_message_virtual_size(message, &virtual_size) < 0 ||
	    dbox_aio_message_plaintext_size(message, &plaintext_size) < 0) {
		fail("%s: a getter of the metadata failed", guid);
		return;
	}
	if (((result->flags & DBOX_AIO_EXTERNAL) != 0) != external)
		fail("%s: EXTERNAL is wrong", guid);
	printf("%s %lld %llu %llu %s\n", guid, (long long)received,
	       (unsigned long long)virtual_size,
	       (unsigned long long)plaintext_size,
	       external ? "external" : "-");
}

static void scanned(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct store_file *file = result->context;
	const unsigned char *body;
	struct record *record;
	const char *guid;
	size_t size;

	(void)ctx;
	if (result->status != 0) {
		fail("%s: SCAN: %s (%s) at %llu", file->path,
		     dbox_aio_strerror(result->status),
		     result->detail == NULL ? "" : result->detail,
		     (unsigned long long)result->error_offset);
		return;
	}
	if ((result->flags & DBOX_AIO_MORE) == 0)
		return;
	if ((result->flags & DBOX_AIO_HAVE_METADATA) == 0 ||
	    result->message == NULL) {
		fail("%s: SCAN: a record without metadata", file->path);
		return;
	}
	body = dbox_aio_message_body(result->message, &size);
	if (dbox_aio_message_body_size(result->message) != size)
		fail("%s: SCAN: body is cut", file->path);
	compare_with_pread(file, result, body, size);

	file->records = xrealloc(file->records, (file->records_count + 1) *
				 sizeof(*file->records));
	record = &file->records[file->records_count++];
	record->offset = result->record_offset;
	record->size = dbox_aio_message_record_size(result->message);
	record->body_size = size;
	record->body_hash = hash_add(0, body, size);
	record->metadata_hash = hash_metadata(result->message);

	guid = dbox_aio_message_metadata(result->message, 'G', NULL);
	if (guid == NULL || *guid == '\0' || strchr(guid, '/') != NULL) {
		fail("%s: no guid that can be a file's name", file->path);
		return;
	}
	write_body(guid, body, size);
	print_line(result, guid);
}

static void wait_for_all(struct dbox_aio *ctx)
{
	while (dbox_aio_pending(ctx) > 0) {
		if (dbox_aio_wait(ctx, 1, 30000) < 0)
			die("dbox_aio_wait()");
	}
}

static void submit(struct dbox_aio *ctx, const struct dbox_aio_request *request)
{
	if (dbox_aio_submit(ctx, request, 1, NULL) != 1)
		die("dbox_aio_submit()");
	if (dbox_aio_pending(ctx) >= SUBMIT_MAX)
		wait_for_all(ctx);
}

static void scan_all(struct dbox_aio *ctx)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	size_t i;

	request.op = DBOX_AIO_SCAN;
	request.callback = scanned;
	for (i = 0; i < files_count; i++) {
		request.path = files[i].path;
		request.alt_path = files[i].alt_path;
		request.stream = i;
		request.context = &files[i];
		submit(ctx, &request);
	}
	wait_for_all(ctx);
}

/*
 * Reading
 */

static void was_read(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct read_context *read = result->context;
	const struct record *record = read->record;
	const unsigned char *body;
	size_t size;

	(void)ctx;
	body = dbox_aio_message_body(result->message, &size);
	if (result->status != 0) {
		fail("%s: READ at %llu, %s: %s (%s)", read->file->path,
		     (unsigned long long)record->offset, read->how,
		     dbox_aio_strerror(result->status),
		     result->detail == NULL ? "" : result->detail);
	} else if (result->record_offset != record->offset ||
		   dbox_aio_message_record_size(result->message) !=
		   record->size) {
		fail("%s: READ at %llu, %s: another place or size",
		     read->file->path, (unsigned long long)record->offset,
		     read->how);
	} else if (size != record->body_size ||
		   hash_add(0, body, size) != record->body_hash ||
		   hash_metadata(result->message) != record->metadata_hash) {
		fail("%s: READ at %llu, %s: not what SCAN gave",
		     read->file->path, (unsigned long long)record->offset,
		     read->how);
	}
	free(read);
}

static void read_one(struct dbox_aio *ctx, struct store_file *file,
		     struct record *record, const char *how, int by_handle,
		     uint64_t offset, uint64_t size_hint)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct read_context *read = xrealloc(NULL, sizeof(*read));

	read->file = file;
	read->record = record;
	read->how = how;
	request.op = DBOX_AIO_READ;
	request.offset = offset;
	request.size_hint = size_hint;
	request.stream = file - files;
	request.callback = was_read;
	request.context = read;
	if (by_handle)
		request.file = file->handle;
	else {
		request.path = file->path;
		request.alt_path = file->alt_path;
	}
	submit(ctx, &request);
}

static void read_file(struct dbox_aio *ctx, struct store_file *file)
{
	struct record *record;
	size_t i;

	if (dbox_aio_file_open(ctx, file->path, file->alt_path,
			       &file->handle) < 0)
		die("dbox_aio_file_open()");
	for (i = 0; i < file->records_count; i++) {
		record = &file->records[i];
		if (i == 0) {
			read_one(ctx, file, record, "offset 0", 0, 0, 0);
			read_one(ctx, file, record, "offset 0, right hint", 1,
				 0, record->size);
		}
		read_one(ctx, file, record, "handle, right hint", 1,
			 record->offset, record->size);
		read_one(ctx, file, record, "right hint", 0,
			 record->offset, record->size);
		read_one(ctx, file, record, "no hint", 0, record->offset, 0);
		read_one(ctx, file, record, "hint 1", 0, record->offset, 1);
		read_one(ctx, file, record, "hint too small", 0,
			 record->offset, record->size / 2);
		read_one(ctx, file, record, "hint too large", 0,
			 record->offset, record->size * 4 + 100000);
	}
	wait_for_all(ctx);
	if (dbox_aio_file_close(ctx, &file->handle) < 0)
		die("dbox_aio_file_close()");
}

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	size_t i;
	int ret;

	if (argc < 4 || argc > 5) {
		fputs("usage: readstore uring|threads OUTPUT-DIR MAIL-DIR "
		      "[ALT-DIR]\n", stderr);
		return 2;
	}
	output_dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (output_dir == -1)
		die(argv[2]);
	walk(argv[3], argc > 4 ? argv[4] : NULL, 0);
	if (argc > 4)
		walk(argv[4], argv[3], 1);

	options.backend = strcmp(argv[1], "uring") == 0 ?
		DBOX_AIO_BACKEND_URING : DBOX_AIO_BACKEND_THREADS;
	ret = dbox_aio_init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		return 77;
	if (ret < 0)
		die("dbox_aio_init()");
	scan_all(ctx);
	for (i = 0; i < files_count; i++)
		read_file(ctx, &files[i]);
	if (dbox_aio_deinit(&ctx) < 0)
		die("dbox_aio_deinit()");
	return failures == 0 ? 0 : 1;
}
