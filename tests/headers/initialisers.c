/*
 * initialisers.c: the _INIT macros set struct_size and nothing else. A
 * program, in C89 and in C++.
 */
#include "dbox_aio.h"

#include <string.h>

static char zeros[4096];

/* 1 if all behind struct_size is zero. */
static int all_zero(const void *data, size_t size)
{
	char bytes[sizeof(zeros)];

	memcpy(bytes, data, size);
	return memcmp(bytes + sizeof(uint32_t), zeros,
		      size - sizeof(uint32_t)) == 0;
}

static struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
static struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

int main(void)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;

	if (options.struct_size != sizeof(options) ||
	    !all_zero(&options, sizeof(options)))
		return 1;
	if (request.struct_size != sizeof(request) ||
	    !all_zero(&request, sizeof(request)))
		return 2;
	if (stats.struct_size != sizeof(stats) ||
	    !all_zero(&stats, sizeof(stats)))
		return 3;
	return 0;
}
