/*
 * readrecord uring|threads: reads records for another program, through the
 * library. Each line on stdin, "OFFSET PATH", is answered on stdout by
 *
 *	STATUS RECEIVED VIRTUAL GUID-SIZE BODY-SIZE DETAIL
 *
 * and, if the status is 0, by the GUID and the body. RECEIVED and VIRTUAL are
 * "-" where there is no such metadata, or none that is a number.
 */
#define _GNU_SOURCE
#include "dbox_aio.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct dbox_aio_message *message = result->message;
	char received_text[32] = "-", virtual_text[32] = "-";
	const unsigned char *body;
	size_t guid_size = 0, size;
	const char *guid;
	int64_t received;
	uint64_t virtual_size;

	(void)ctx;
	body = dbox_aio_message_body(message, &size);
	guid = dbox_aio_message_metadata(message, 'G', &guid_size);
	if (dbox_aio_message_received_time(message, &received) == 0)
		snprintf(received_text, sizeof(received_text), "%lld",
			 (long long)received);
	if (dbox_aio_message_virtual_size(message, &virtual_size) == 0)
		snprintf(virtual_text, sizeof(virtual_text), "%llu",
			 (unsigned long long)virtual_size);
	printf("%d %s %s %zu %zu %s\n", result->status, received_text,
	       virtual_text, guid_size, size,
	       result->detail == NULL ? "" : result->detail);
	if (guid_size > 0)
		fwrite(guid, 1, guid_size, stdout);
	if (size > 0)
		fwrite(body, 1, size, stdout);
	fflush(stdout);
}

int main(int argc, char *argv[])
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx;
	char line[PATH_MAX + 32], *path;
	int ret;

	options.backend = argc == 2 && strcmp(argv[1], "uring") == 0 ?
		DBOX_AIO_BACKEND_URING : DBOX_AIO_BACKEND_THREADS;
	ret = dbox_aio_init(&ctx, &options);
	if (ret < 0) {
		fprintf(stderr, "%s\n", dbox_aio_strerror(ret));
		return ret == DBOX_AIO_ENOTSUP ? 77 : 1;
	}
	request.op = DBOX_AIO_READ;
	request.callback = answer;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		request.offset = strtoull(line, &path, 10);
		request.path = path + 1;
		if (dbox_aio_submit(ctx, &request, 1, NULL) != 1 ||
		    dbox_aio_wait(ctx, 1, -1) != 1)
			return 1;
	}
	return dbox_aio_deinit(&ctx) < 0;
}
