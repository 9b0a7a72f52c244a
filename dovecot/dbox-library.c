/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

/* The library is loaded when it is used for the first time, instead of being
   linked to: a module whose library is missing, because it is just being
   upgraded for example, would keep Dovecot from starting any mail process.

   For the rest of the plugin nothing is different: the functions that it uses
   are defined here, and hidden from everybody else. */

#include "lib.h"

#include <dbox_aio.h>
#include <dlfcn.h>

#define STRINGIFY2(x) #x
#define STRINGIFY(x) STRINGIFY2(x)
#define LIBRARY_NAME "libdbox_aio.so."STRINGIFY(DBOX_AIO_VERSION_MAJOR)

/* F(type, name, parameters, arguments, result without the library) */
#define LIBRARY_FUNCTIONS(F) \
	F(int, dbox_aio_fd, (const struct dbox_aio *ctx), \
	  (ctx), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_submit, (struct dbox_aio *ctx, \
	  const struct dbox_aio_request *requests, size_t count, \
	  uint64_t *ids_r), (ctx, requests, count, ids_r), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_dispatch, (struct dbox_aio *ctx, unsigned int max), \
	  (ctx, max), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_wait_request, (struct dbox_aio *ctx, uint64_t id, \
	  int timeout_ms), (ctx, id, timeout_ms), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_cancel, (struct dbox_aio *ctx, uint64_t id), \
	  (ctx, id), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_deinit, (struct dbox_aio **ctx), \
	  (ctx), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_file_open, (struct dbox_aio *ctx, const char *path, \
	  const char *alt_path, struct dbox_aio_file **file_r), \
	  (ctx, path, alt_path, file_r), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_file_close, (struct dbox_aio *ctx, \
	  struct dbox_aio_file **file), (ctx, file), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_close_fd, (struct dbox_aio *ctx, int fd), \
	  (ctx, fd), DBOX_AIO_ENOCORE) \
	F(int, dbox_aio_get_stats, (const struct dbox_aio *ctx, \
	  struct dbox_aio_stats *stats_r), (ctx, stats_r), DBOX_AIO_ENOCORE) \
	F(const char *, dbox_aio_fallback_reason, \
	  (const struct dbox_aio *ctx), (ctx), "") \
	F(struct dbox_aio_message *, dbox_aio_message_ref, \
	  (struct dbox_aio_message *message), (message), NULL) \
	F(const unsigned char *, dbox_aio_message_body, \
	  (const struct dbox_aio_message *message, size_t *size_r), \
	  (message, size_r), NULL) \
	F(uint64_t, dbox_aio_message_body_size, \
	  (const struct dbox_aio_message *message), (message), 0) \
	F(uint64_t, dbox_aio_message_record_size, \
	  (const struct dbox_aio_message *message), (message), 0) \
	F(const unsigned char *, dbox_aio_message_raw, \
	  (const struct dbox_aio_message *message, uint64_t *offset_r, \
	   size_t *size_r), (message, offset_r, size_r), NULL) \
	F(const char *, dbox_aio_message_metadata_at, \
	  (const struct dbox_aio_message *message, size_t i, char *key_r, \
	   size_t *size_r), (message, i, key_r, size_r), NULL) \
	F(int, dbox_aio_message_take_fd, \
	  (struct dbox_aio_message *message), (message), DBOX_AIO_ENOCORE)

#define HIDDEN __attribute__((visibility("hidden")))

#define FUNCTION_POINTER(type, name, parameters, arguments, fallback) \
	typeof(name) *name;
static struct {
	LIBRARY_FUNCTIONS(FUNCTION_POINTER)
	/* those with something special about them */
	typeof(dbox_aio_init) *dbox_aio_init;
	typeof(dbox_aio_last_error) *dbox_aio_last_error;
	typeof(dbox_aio_strerror) *dbox_aio_strerror;
	typeof(dbox_aio_message_unref) *dbox_aio_message_unref;
} library;
static bool library_loaded;
static char library_error[512];

#define FUNCTION(type, name, parameters, arguments, fallback) \
	HIDDEN type name parameters \
	{ return library_loaded ? library.name arguments : fallback; }
LIBRARY_FUNCTIONS(FUNCTION)

static bool library_lookup(void *handle)
{
#define LOOKUP_NAME(name) \
	if ((library.name = (typeof(library.name)) \
	     dlsym(handle, #name)) == NULL) \
		return FALSE;
#define LOOKUP(type, name, parameters, arguments, fallback) LOOKUP_NAME(name)
	LIBRARY_FUNCTIONS(LOOKUP)
	LOOKUP_NAME(dbox_aio_init)
	LOOKUP_NAME(dbox_aio_last_error)
	LOOKUP_NAME(dbox_aio_strerror)
	LOOKUP_NAME(dbox_aio_message_unref)
	return TRUE;
}

static bool library_load(void)
{
	void *handle;
	const char *error;

	if (library_loaded)
		return TRUE;
	/* It can't be unloaded: its threads are there to stay. */
	handle = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (handle != NULL && library_lookup(handle)) {
		library_loaded = TRUE;
		return TRUE;
	}
	error = dlerror();
	i_snprintf(library_error, sizeof(library_error),
		   "%s: install libdbox_aio, or fix its installation",
		   error != NULL ? error : LIBRARY_NAME);
	return FALSE;
}

HIDDEN int dbox_aio_init(struct dbox_aio **ctx_r,
			 const struct dbox_aio_options *options)
{
	if (library_load())
		return library.dbox_aio_init(ctx_r, options);
	*ctx_r = NULL;
	return DBOX_AIO_ENOCORE;
}

HIDDEN int dbox_aio_last_error(char *buf, size_t size)
{
	if (library_loaded)
		return library.dbox_aio_last_error(buf, size);
	if (size > 0)
		i_strocpy(buf, library_error, size);
	return strlen(library_error);
}

HIDDEN const char *dbox_aio_strerror(int status)
{
	return library_loaded ? library.dbox_aio_strerror(status) :
		"The library could not be loaded";
}

HIDDEN void dbox_aio_message_unref(struct dbox_aio_message **message)
{
	if (library_loaded)
		library.dbox_aio_message_unref(message);
}
