/*
 * A host that is not linked to the library opens it by a relative path and goes
 * to another directory before it makes a context: the core is found where the
 * library is.
 *
 *	test_host_relative_path BACKEND DIRECTORY
 *
 * The library is lib/libdbox_aio.so.1 in that directory.
 */
#include "host.h"
#include <dlfcn.h>

/* host.c's calls would link the library. */
#define NEED(condition) \
	do { \
		if (!(condition)) { \
			const char *error = dlerror(); \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, \
				__LINE__, #condition, \
				error == NULL ? text : error); \
			exit(1); \
		} \
	} while (0)

static char text[512];

int main(int argc, char *argv[])
{
	int (*init)(struct dbox_aio **, const struct dbox_aio_options *);
	int (*deinit)(struct dbox_aio **);
	int (*last_error)(char *, size_t);
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx = NULL;
	void *library;
	int ret;

	if (argc != 3) {
		fputs("usage: test_host_relative_path BACKEND DIRECTORY\n",
		      stderr);
		return 2;
	}
	NEED(chdir(argv[2]) == 0);
	library = dlopen("lib/libdbox_aio.so.1", RTLD_NOW | RTLD_LOCAL);
	NEED(library != NULL);
	/* POSIX wants a void * to hold a function; ISO C has no cast for it */
	NEED((*(void **)&init = dlsym(library, "dbox_aio_init")) != NULL);
	NEED((*(void **)&deinit = dlsym(library, "dbox_aio_deinit")) != NULL);
	NEED((*(void **)&last_error =
	      dlsym(library, "dbox_aio_last_error")) != NULL);

	NEED(chdir("/") == 0);
	options.backend = strcmp(argv[1], "uring") == 0 ?
		DBOX_AIO_BACKEND_URING : DBOX_AIO_BACKEND_THREADS;
	ret = init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP) {
		puts("this backend can't be had here");
		return 77;
	}
	last_error(text, sizeof(text));
	NEED(ret == 0);
	NEED(ctx != NULL);
	NEED(deinit(&ctx) == 0);
	return 0;
}
