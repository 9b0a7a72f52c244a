/* library.h: what the measurements share that call the library. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <dbox_aio.h>
#include "bench.h"

/* Requests that slow storage is asked for at the same time, of the library as
   of the other peers. */
#define BENCH_WORKERS 64

void library_fail(const char *what) __attribute__((noreturn));
struct dbox_aio *library_init(uint32_t backend, int remote);
/* A request to read the message; its context is the message. */
void library_request(struct dbox_aio_request *request_r,
		     const struct message *msg, dbox_aio_callback_t *callback);
/* The callback that delivers it. */
void library_delivered(struct dbox_aio *aio,
		       const struct dbox_aio_result *result);

#endif
