/* hello.c: prints the message in an sdbox file, or the first one in an mdbox
   file. build/hello build/store/sdbox/mailboxes/INBOX/dbox-Mails/u.1 */
#include <poll.h>
#include <stdio.h>
#include <dbox_aio.h>

static void mail_was_read(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	size_t size;
	const unsigned char *body;

	(void)ctx;
	body = dbox_aio_message_body(result->message, &size);
	if (result->status != DBOX_AIO_OK)
		fprintf(stderr, "%s\n", dbox_aio_strerror(result->status));
	else
		fwrite(body, 1, size, stdout);
}

int main(int argc, char **argv)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct pollfd loop = { -1, POLLIN, 0 };
	struct dbox_aio *ctx;

	if (argc != 2 || dbox_aio_init(&ctx, NULL) < 0)
		return 1;
	request.op = DBOX_AIO_READ;
	request.path = argv[1];
	request.callback = mail_was_read;
	dbox_aio_submit(ctx, &request, 1, NULL);

	loop.fd = dbox_aio_fd(ctx);		/* goes into your loop */
	while (dbox_aio_pending(ctx) > 0) {
		poll(&loop, 1, -1);
		dbox_aio_dispatch(ctx, 0);	/* runs mail_was_read() */
	}
	return dbox_aio_deinit(&ctx) < 0;
}
