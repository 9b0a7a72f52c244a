/*
 * A host that is not linked to the library opens it by dlopen(), uses it,
 * closes it, and opens it again: it stays mapped, as its threads and the core
 * do.
 *
 *	test_host_dlclose BACKEND LIBRARY
 */
#include "host.h"
#include <dlfcn.h>

/* Only host.c's calls would link it; this host does all by itself. */
static int (*init)(struct dbox_aio **, const struct dbox_aio_options *);
static int (*deinit)(struct dbox_aio **);
static int (*submit)(struct dbox_aio *, const struct dbox_aio_request *,
		     size_t, uint64_t *);
static int (*wait_for)(struct dbox_aio *, unsigned int, int);
static struct dbox_aio_message *(*ref)(struct dbox_aio_message *);
static void (*unref)(struct dbox_aio_message **);

static char path[256];
static struct dbox_aio_message *kept;

#define NEED(condition) \
	do { \
		if (!(condition)) { \
			const char *error = dlerror(); \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, \
				__LINE__, #condition, \
				error == NULL ? "" : error); \
			unlink(path); \
			exit(1); \
		} \
	} while (0)

static void was_read(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	(void)ctx;
	NEED(result->status == 0 && result->message != NULL);
	*(int *)result->context += 1;
	if (kept == NULL)
		kept = ref(result->message);
}

static void *open_library(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	NEED(library != NULL);
	/* POSIX wants a void * to hold a function; ISO C has no cast for it */
	NEED((*(void **)&init = dlsym(library, "dbox_aio_init")) != NULL);
	NEED((*(void **)&deinit = dlsym(library, "dbox_aio_deinit")) != NULL);
	NEED((*(void **)&submit = dlsym(library, "dbox_aio_submit")) != NULL);
	NEED((*(void **)&wait_for = dlsym(library, "dbox_aio_wait")) != NULL);
	NEED((*(void **)&ref =
	      dlsym(library, "dbox_aio_message_ref")) != NULL);
	NEED((*(void **)&unref =
	      dlsym(library, "dbox_aio_message_unref")) != NULL);
	return library;
}

/* Returns 77 if there is no such backend. */
static int use_library(uint32_t backend)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx;
	int i, ret, done = 0;

	options.backend = backend;
	ret = init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		return 77;
	NEED(ret == 0);
	request.op = DBOX_AIO_READ;
	request.path = path;
	request.callback = was_read;
	request.context = &done;
	for (i = 0; i < 100; i++)
		NEED(submit(ctx, &request, 1, NULL) == 1);
	while (done < 100)
		NEED(wait_for(ctx, 1, 10000) >= 0);
	NEED(deinit(&ctx) == 0);
	return 0;
}

int main(int argc, char *argv[])
{
	uint32_t backend;
	void *library;
	int i, fd;

	if (argc != 3) {
		fputs("usage: test_host_dlclose BACKEND LIBRARY\n", stderr);
		return 2;
	}
	backend = strcmp(argv[1], "uring") == 0 ? DBOX_AIO_BACKEND_URING :
		DBOX_AIO_BACKEND_THREADS;
	snprintf(path, sizeof(path), "%s/dbox_aio_dlclose.XXXXXX",
		 getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
	fd = mkstemp(path);
	NEED(fd >= 0);
	NEED(dprintf(fd, "2 M1e C5f000000\n\001\002N          %016X\n"
		     "A: b\n\n\n\001\003\nR5f000000\nV8\nGx\n\n", 6) > 0);
	close(fd);

	/* not used at all */
	library = open_library(argv[2]);
	NEED(dlclose(library) == 0);
	for (i = 0; i < 5; i++) {
		library = open_library(argv[2]);
		if (use_library(backend) == 77) {
			puts("this backend can't be had here");
			unlink(path);
			return 77;
		}
		NEED(dlclose(library) == 0);
		/* time for a thread to run into what was unmapped */
		usleep(100000);
	}
	/* a message outlives its context, and the library */
	unref(&kept);
	NEED(kept == NULL);
	unlink(path);
	return 0;
}
