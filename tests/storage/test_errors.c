/*
 * Opens and reads fail: the request gets the one right status, with the
 * system's errno, and the others of its batch do not notice.
 */
#include "slow.h"

#define MAILS 20
/* more than one read can be */
#define LARGE 1000000

static const struct {
	const char *name;
	int number, status;
} errors[] = {
	{ "EIO", EIO, DBOX_AIO_EIO },
	{ "ENOSPC", ENOSPC, DBOX_AIO_EIO },
	{ "ESTALE", ESTALE, DBOX_AIO_EIO },
	{ "EMFILE", EMFILE, DBOX_AIO_EMFILE },
	{ "ENFILE", ENFILE, DBOX_AIO_EMFILE },
	{ "EACCES", EACCES, DBOX_AIO_EACCES },
	{ "EPERM", EPERM, DBOX_AIO_EACCES },
};

static unsigned int scanned;

static void count_records(struct dbox_aio *ctx,
			  const struct dbox_aio_result *result)
{
	(void)ctx;
	if ((result->flags & DBOX_AIO_MORE) != 0) {
		CHECK_EQ(result->status, 0);
		CHECK(host_message_is_right(result->message));
		scanned++;
	} else {
		*(int *)result->context = result->status;
	}
}

/* One of a batch fails. */
static void fails(struct dbox_aio *ctx, struct slow *slow, const char **paths,
		  const char *what, unsigned int i)
{
	struct host_results results;

	slow_tell(slow, "match u.7\n");
	slow_tell(slow, "fail %s %s 1\n", what, errors[i].name);
	memset(&results, 0, sizeof(results));
	host_submit(ctx, paths, MAILS, &results);
	host_loop(ctx, &results, MAILS);
	CHECK_EQ(results.good, MAILS - 1);
	CHECK_EQ(results.status, errors[i].status);
	CHECK_EQ(results.sys_errno, errors[i].number);
	slow_tell(slow, "fail %s off\n", what);
	slow_tell(slow, "match\n");
	host_read_all(ctx, paths, MAILS);
}

/* Goes wrong once, in a way that is no failure. */
static void passes(struct dbox_aio *ctx, struct slow *slow, const char **paths,
		   const char *op, const char *what)
{
	slow_tell(slow, "fail %s %s 2 3\n", op, what);
	host_read_all(ctx, paths, MAILS);
	slow_tell(slow, "fail %s off\n", op);
}

static void in_the_middle(struct dbox_aio *ctx, struct slow *slow)
{
	const struct dbox_aio_result *result;
	const char *path;

	host_mail("store/u.100", LARGE);
	path = slow_path(slow, "u.100");
	slow_tell(slow, "fail read EIO 4\n");
	result = slow_op(ctx, DBOX_AIO_READ, path, 0);
	CHECK_EQ(result->status, DBOX_AIO_EIO);
	CHECK_EQ(result->sys_errno, EIO);
	CHECK(result->message == NULL);
	slow_tell(slow, "fail read off\n");
	CHECK_EQ(host_read(ctx, path), 0);
}

/* Records of 200 KB, one after another in one file. */
static void scan_in_the_middle(struct dbox_aio *ctx, struct slow *slow)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	char command[1200];
	unsigned int i;
	int status;

	host_mail("store/u.200", 200000);
	snprintf(command, sizeof(command), "cp %s/u.200 %s/m.1",
		 slow->source, slow->source);
	CHECK(system(command) == 0);
	for (i = 0; i < 9; i++) {
		snprintf(command, sizeof(command),
			 "tail -c +17 %s/u.200 >>%s/m.1", slow->source,
			 slow->source);
		CHECK(system(command) == 0);
	}
	request.op = DBOX_AIO_SCAN;
	request.path = slow_path(slow, "m.1");
	request.callback = count_records;
	request.context = &status;
	for (i = 1; i <= 12; i += 4) {
		scanned = 0;
		slow_tell(slow, "fail read EIO %u\n", i);
		CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
		while (dbox_aio_pending(ctx) > 0)
			CHECK(dbox_aio_wait(ctx, 1, 20000) >= 0);
		CHECK_EQ(status, DBOX_AIO_EIO);
		CHECK(scanned < 10);
		slow_tell(slow, "fail read off\n");
	}
	scanned = 0;
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 1, 20000) >= 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(scanned, 10);
}

int main(int argc, char *argv[])
{
	struct slow *slow = slow_start("store", "-direct", NULL);
	const char **paths = slow_mails(slow, MAILS, 20000);
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fails(ctx, slow, paths, "open", i);
		if (errors[i].status == DBOX_AIO_EIO)
			fails(ctx, slow, paths, "read", i);
	}
	in_the_middle(ctx, slow);
	scan_in_the_middle(ctx, slow);
	passes(ctx, slow, paths, "read", "EINTR");
	passes(ctx, slow, paths, "read", "EAGAIN");
	passes(ctx, slow, paths, "open", "EINTR");
	host_deinit(&ctx);
	slow_tell(slow, "wait-released\n");
	return 0;
}
