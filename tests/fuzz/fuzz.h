/*
 * fuzz.h: what the files of the fuzz target share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "dbox_aio.h"
#include "oracle.h"

#define MUST(condition) \
	do { \
		if (!(condition)) \
			must_failed(__FILE__, __LINE__, #condition); \
	} while (0)
/* Says what, with the request that is being checked, and aborts. */
void must_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));

/* Of a result with DBOX_AIO_OK and a message. */
void message_check(const struct oracle_file *file,
		   const struct oracle_record *record,
		   const struct dbox_aio_request *request,
		   const struct dbox_aio_result *result);

/* Read each file in all contexts, not in one of them. */
extern int fuzz_all_contexts;

/* Reads a file with these bytes in all ways, and aborts if a result is not what
   the bytes say. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
