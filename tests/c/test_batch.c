/*
 * A batch of cached files is opened and read together: with few descriptors it
 * still works, and the descriptors that go to the host begin at 0.
 */
#include "check.h"

#include <sys/resource.h>

#define COUNT 64
#define ROUNDS 10

static struct outcome outcomes[COUNT];
static struct dbox_aio_request requests[COUNT];
static char paths[COUNT][128];

static void mails_write(size_t size)
{
	char name[20];
	int i;

	for (i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "u.%d", i + 1);
		snprintf(paths[i], sizeof(paths[i]), "%s", check_path(name));
		sdbox_write_big(paths[i], size);
	}
}

static void batch_read(struct dbox_aio *ctx, uint32_t flags,
		       uint64_t size_hint)
{
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	for (i = 0; i < COUNT; i++) {
		requests[i] = request_make(DBOX_AIO_READ, paths[i],
					   &outcomes[i]);
		requests[i].flags = flags;
		requests[i].size_hint = size_hint;
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, COUNT, NULL), COUNT);
	while (dbox_aio_pending(ctx) > 0) {
		CHECK(fd_readable(dbox_aio_fd(ctx), -1));
		CHECK(dbox_aio_dispatch(ctx, 0) >= 0);
	}
	for (i = 0; i < COUNT; i++) {
		CHECK_INT(outcomes[i].finals, 1);
		CHECK_STATUS(outcomes[i].result.status, DBOX_AIO_OK);
	}
}

static void batch_clear(void)
{
	int i;

	for (i = 0; i < COUNT; i++)
		outcome_clear(&outcomes[i]);
}

/* Each file is closed before the last ones are opened: some are enough. */
static void test_few_descriptors(struct dbox_aio *ctx)
{
	const struct rlimit limit = { 256, 256 };
	int fds[256], count = 0, left, round;

	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fds[count] = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	for (left = 0; left < 4; left++)
		close(fds[--count]);
	for (; left < 10; left++) {
		for (round = 0; round < ROUNDS; round++) {
			batch_read(ctx, 0, 0);
			batch_clear();
		}
		close(fds[--count]);
	}
	while (count > 0)
		close(fds[--count]);
}

/* Also where a file had to be asked more than once. */
static void test_offset(struct dbox_aio *ctx, uint64_t size_hint)
{
	char byte;
	int i, fd;

	batch_read(ctx, DBOX_AIO_WANT_FD, size_hint);
	for (i = 0; i < COUNT; i++) {
		fd = dbox_aio_message_take_fd(outcomes[i].message);
		CHECK(fd >= 0);
		CHECK_INT(lseek(fd, 0, SEEK_CUR), 0);
		CHECK_INT(read(fd, &byte, 1), 1);
		CHECK_INT(byte, '2');
		CHECK_INT(dbox_aio_close_fd(ctx, fd), 0);
	}
	batch_clear();
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	mails_write(3000);
	batch_read(ctx, 0, 0);
	batch_clear();
	test_offset(ctx, 0);
	test_offset(ctx, 500);
	test_few_descriptors(ctx);
	mails_write(1500000);
	test_offset(ctx, 0);
	dbox_aio_deinit(&ctx);
	return 0;
}
