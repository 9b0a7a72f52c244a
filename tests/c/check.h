/*
 * check.h: what the contract tests share. Each test is one program and gets
 * the backend as its argument. Exit codes: 0 passed, 1 failed, 77 can't be
 * tested here (the reason is on stdout).
 *
 * Files are written by hand here, so that the tests know the format by
 * themselves.
 */
#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "dbox_aio.h"

#define CHECK_UNUSED __attribute__((unused))

#define FAIL(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			FAIL("%s", #condition); \
	} while (0)
/* Both are shown. */
#define CHECK_INT(value, expected) \
	check_int(__FILE__, __LINE__, #value, (long long)(value), \
		  (long long)(expected))
#define CHECK_STATUS(value, expected) \
	check_status(__FILE__, __LINE__, #value, (value), (expected))
#define CHECK_BYTES(data, size, expected, expected_size) \
	do { \
		CHECK_INT(size, expected_size); \
		CHECK(memcmp(data, expected, expected_size) == 0); \
	} while (0)
#define SKIP(...) check_skip(__VA_ARGS__)

static char check_dir[64];
static pid_t check_pid;
static uint32_t check_backend;

static void CHECK_UNUSED __attribute__((noreturn, format(printf, 3, 4)))
check_fail(const char *file, int line, const char *format, ...)
{
	va_list args;
	char text[512];

	printf("%s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (dbox_aio_last_error(text, sizeof(text)) > 0)
		printf(" (last error: %s)", text);
	printf("\n");
	exit(1);
}

static void CHECK_UNUSED __attribute__((noreturn, format(printf, 1, 2)))
check_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(77);
}

static void CHECK_UNUSED
check_int(const char *file, int line, const char *what, long long value,
	  long long expected)
{
	if (value != expected)
		check_fail(file, line, "%s is %lld, not %lld", what, value,
			   expected);
}

static void CHECK_UNUSED
check_status(const char *file, int line, const char *what, int value,
	     int expected)
{
	if (value != expected)
		check_fail(file, line, "%s is %d (%s), not %d", what, value,
			   value < 0 ? dbox_aio_strerror(value) : "fine",
			   expected);
}

static int check_remove(const char *path,
			const struct stat *st CHECK_UNUSED,
			int type CHECK_UNUSED, struct FTW *ftw CHECK_UNUSED)
{
	return remove(path);
}

static void check_cleanup(void)
{
	fflush(stdout);
	if (check_pid == getpid())
		nftw(check_dir, check_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Reads the arguments, makes the temporary directory. */
static void CHECK_UNUSED check_begin(int argc, char **argv)
{
	const char *seconds, *tmpdir = getenv("TMPDIR");

	if (argc == 2 && strcmp(argv[1], "uring") == 0)
		check_backend = DBOX_AIO_BACKEND_URING;
	else if (argc == 2 && strcmp(argv[1], "threads") == 0)
		check_backend = DBOX_AIO_BACKEND_THREADS;
	else {
		fprintf(stderr, "usage: %s uring|threads\n", argv[0]);
		exit(2);
	}
	if (tmpdir == NULL || strlen(tmpdir) > 40)
		tmpdir = "/tmp";
	snprintf(check_dir, sizeof(check_dir), "%s/dbox-aio-test-XXXXXX",
		 tmpdir);
	if (mkdtemp(check_dir) == NULL) {
		perror(check_dir);
		exit(1);
	}
	check_pid = getpid();
	atexit(check_cleanup);
	/* A hang is a failure, and says in which test: so a wait needs no limit
	   of its own. Tools that make all of it slow say how long it may take. */
	seconds = getenv("CHECK_SECONDS");
	alarm(seconds == NULL ? 60 : (unsigned int)atoi(seconds));
}

/* Path of a file in the temporary directory; good for 8 calls. */
static const char * CHECK_UNUSED check_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", check_dir, name);
	return path;
}

/* Counts descriptors: all, or those of files below a folder. */
static int CHECK_UNUSED fds_count(const char *below)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[PATH_MAX];
	ssize_t length;
	int count = 0;

	while ((entry = readdir(dir)) != NULL) {
		length = readlinkat(dirfd(dir), entry->d_name, target,
				    sizeof(target) - 1);
		if (length < 0 || atoi(entry->d_name) == dirfd(dir))
			continue;
		target[length] = '\0';
		if (below == NULL ||
		    strncmp(target, below, strlen(below)) == 0)
			count++;
	}
	closedir(dir);
	return count;
}

static int CHECK_UNUSED fds_open(void)
{
	return fds_count(NULL);
}

/* Descriptors of the test's own files. */
static int CHECK_UNUSED mail_fds_open(void)
{
	return fds_count(check_dir);
}

static int CHECK_UNUSED fd_readable(int fd, int timeout_ms)
{
	struct pollfd pollfd = { fd, POLLIN, 0 };

	return poll(&pollfd, 1, timeout_ms) == 1;
}

/*
 * Mail files
 */

struct image {
	char *data;
	size_t size;
};

static void CHECK_UNUSED
image_add(struct image *image, const void *data, size_t size)
{
	image->data = realloc(image->data, image->size + size + 1);
	memcpy(image->data + image->size, data, size);
	image->size += size;
}

static void CHECK_UNUSED image_add_text(struct image *image, const char *text)
{
	image_add(image, text, strlen(text));
}

static void CHECK_UNUSED image_begin(struct image *image)
{
	image->data = NULL;
	image->size = 0;
	image_add_text(image, "2 M1e C6b04150d\n");
}
#define IMAGE_CREATE_TIME 0x6b04150d
#define IMAGE_HEADER_SIZE 16

/* Adds a record; returns its offset. metadata is "Rvalue\nVvalue\n". */
static uint64_t CHECK_UNUSED
image_add_record(struct image *image, const void *body, size_t size,
		 const char *metadata)
{
	const uint64_t offset = image->size;
	char header[64];

	snprintf(header, sizeof(header), "\001\002N          %016zX\n", size);
	CHECK_INT(strlen(header), 30);
	image_add(image, header, 30);
	image_add(image, body, size);
	image_add_text(image, "\n\001\003\n");
	image_add_text(image, metadata);
	image_add_text(image, "\n");
	return offset;
}

/* Writes the image to a file and keeps it. */
static void CHECK_UNUSED
image_write(const struct image *image, const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0600);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, image->data, image->size), image->size);
	close(fd);
}

static void CHECK_UNUSED image_end(struct image *image, const char *path)
{
	image_write(image, path);
	free(image->data);
	image->data = NULL;
}

#define METADATA "G0123456789abcdef0123456789abcdef\nR6b041510\nV1f4\n"

/* A sdbox file with this body. */
static void CHECK_UNUSED sdbox_write(const char *path, const char *body)
{
	struct image image;

	image_begin(&image);
	image_add_record(&image, body, strlen(body), METADATA);
	image_end(&image, path);
}

/* The same with size bytes of body. */
static void CHECK_UNUSED sdbox_write_big(const char *path, size_t size)
{
	struct image image;
	char *body = malloc(size);
	size_t i;

	for (i = 0; i < size; i++)
		body[i] = (char)(i % 71 == 70 ? '\n' : 'a' + (i / 71) % 26);
	image_begin(&image);
	image_add_record(&image, body, size, METADATA);
	image_end(&image, path);
	free(body);
}

/*
 * Contexts and requests
 */

static struct dbox_aio * CHECK_UNUSED
context_open(struct dbox_aio_options *options)
{
	struct dbox_aio_options defaults = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	char text[512];
	int ret;

	if (options == NULL)
		options = &defaults;
	options->backend = check_backend;
	ret = dbox_aio_init(&ctx, options);
	if (ret == DBOX_AIO_ENOTSUP &&
	    check_backend == DBOX_AIO_BACKEND_URING) {
		dbox_aio_last_error(text, sizeof(text));
		SKIP("no io_uring here: %s", text);
	}
	CHECK_STATUS(ret, 0);
	CHECK(ctx != NULL);
	return ctx;
}

/* The context comes to have so many files open: what does not lie on a file system
   known to be local is closed by a worker, some time later. */
static void CHECK_UNUSED open_files_become(struct dbox_aio *ctx, uint32_t count)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	while (stats.open_files != count) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
		CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	}
}

/* What became of a request. Its address is the request's context. */
struct outcome {
	int calls, finals;
	struct dbox_aio_result result;          /* of the last call */
	struct dbox_aio_message *message;       /* of the last that had one */
	uint64_t id;
};

static void CHECK_UNUSED
outcome_callback(struct dbox_aio *ctx CHECK_UNUSED,
		 const struct dbox_aio_result *result)
{
	struct outcome *outcome = result->context;

	CHECK_INT(result->struct_size, sizeof(*result));
	outcome->calls++;
	if ((result->flags & DBOX_AIO_MORE) == 0)
		outcome->finals++;
	outcome->result = *result;
	if (result->message != NULL) {
		dbox_aio_message_unref(&outcome->message);
		outcome->message = dbox_aio_message_ref(result->message);
	}
}

static void CHECK_UNUSED outcome_clear(struct outcome *outcome)
{
	dbox_aio_message_unref(&outcome->message);
	memset(outcome, 0, sizeof(*outcome));
}

static struct dbox_aio_request CHECK_UNUSED
request_make(uint32_t op, const char *path, struct outcome *outcome)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	request.op = op;
	request.path = path;
	request.callback = outcome_callback;
	request.context = outcome;
	return request;
}

static void CHECK_UNUSED
request_submit(struct dbox_aio *ctx, const struct dbox_aio_request *request)
{
	struct outcome *outcome = request->context;
	uint64_t id = 0;

	CHECK_STATUS(dbox_aio_submit(ctx, request, 1, &id), 1);
	CHECK(id != 0);
	if (request->callback == outcome_callback)
		outcome->id = id;
}

/* Submits it and waits until it is done. Returns the final status. */
static int CHECK_UNUSED
request_run(struct dbox_aio *ctx, const struct dbox_aio_request *request)
{
	struct outcome *outcome = request->context;

	outcome_clear(outcome);
	request_submit(ctx, request);
	while (outcome->finals == 0)
		CHECK(dbox_aio_wait(ctx, 1, -1) > 0);
	CHECK_INT(outcome->finals, 1);
	CHECK(outcome->result.id == outcome->id);
	return outcome->result.status;
}

static int CHECK_UNUSED
read_run(struct dbox_aio *ctx, const char *path, struct outcome *outcome)
{
	const struct dbox_aio_request request =
		request_make(DBOX_AIO_READ, path, outcome);

	return request_run(ctx, &request);
}

/* Dispatches until no more than so many of the test's files are open: on
   storage that is not local, and where nobody says whether it is, files are
   closed by workers, a moment later. */
static void CHECK_UNUSED mail_fds_settle(struct dbox_aio *ctx, int count)
{
	int i;

	for (i = 0; i < 1000 && mail_fds_open() > count; i++)
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0 &&
		      poll(NULL, 0, 10) == 0);
	CHECK_INT(mail_fds_open(), count);
}

static void CHECK_UNUSED
body_check(const struct dbox_aio_message *message, const char *expected)
{
	size_t size;
	const unsigned char *body = dbox_aio_message_body(message, &size);

	CHECK(body != NULL);
	CHECK_BYTES(body, size, expected, strlen(expected));
}

/*
 * A context whose requests wait for as long as the test likes: its bytes are
 * all in a message that the test holds.
 */
struct blocked {
	struct dbox_aio *ctx;
	struct outcome held;
	const char *path;
};
#define BLOCKED_SIZE (150 * 1024)

static void CHECK_UNUSED
blocked_open(struct blocked *blocked, struct dbox_aio_options *options)
{
	struct dbox_aio_options defaults = DBOX_AIO_OPTIONS_INIT;

	if (options == NULL)
		options = &defaults;
	options->max_bytes = 256 * 1024;
	memset(blocked, 0, sizeof(*blocked));
	blocked->path = check_path("blocked");
	sdbox_write_big(blocked->path, BLOCKED_SIZE);
	blocked->ctx = context_open(options);
	CHECK_STATUS(read_run(blocked->ctx, blocked->path, &blocked->held), 0);
}

/* A request that stays pending until blocked_release(). */
static struct dbox_aio_request CHECK_UNUSED
blocked_request(const struct blocked *blocked, struct outcome *outcome)
{
	return request_make(DBOX_AIO_READ, blocked->path, outcome);
}

static void CHECK_UNUSED blocked_release(struct blocked *blocked)
{
	dbox_aio_message_unref(&blocked->held.message);
}

#endif
