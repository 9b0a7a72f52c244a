/*
 * Files move between the path and the alternative path, also while the library
 * looks for them.
 */
#include "slow.h"

static struct slow *primary, *alternative;

static const struct dbox_aio_result *
read_both(struct dbox_aio *ctx, const char *name)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;

	request.op = DBOX_AIO_READ;
	request.path = slow_path(primary, name);
	request.alt_path = slow_path(alternative, name);
	return slow_request(ctx, &request);
}

static void move(const char *name, const struct slow *from,
		 const struct slow *to)
{
	char old_path[600], new_path[600];

	snprintf(old_path, sizeof(old_path), "%s/%s", from->source, name);
	snprintf(new_path, sizeof(new_path), "%s/%s", to->source, name);
	CHECK(rename(old_path, new_path) == 0);
}

/* While the library's look at a mount hangs, the file is moved. */
static void moved_meanwhile(struct dbox_aio *ctx, const char *name,
			    struct slow *looking_at, struct slow *from,
			    struct slow *to)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct host_results results;

	memset(&results, 0, sizeof(results));
	request.op = DBOX_AIO_READ;
	request.path = slow_path(primary, name);
	request.alt_path = slow_path(alternative, name);
	request.callback = host_count_result;
	request.context = &results;
	/* nothing else but the file itself */
	slow_tell(looking_at, "match %s\n", name);
	slow_tell(looking_at, "hang lookup\n");
	CHECK_EQ(dbox_aio_submit(ctx, &request, 1, NULL), 1);
	while (slow_counter(looking_at, "held") == 0)
		CHECK(dbox_aio_wait(ctx, 1, 10) >= 0);
	move(name, from, to);
	slow_tell(looking_at, "resume\n");
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.status, 0);
	CHECK_EQ(results.good, 1);
	slow_tell(looking_at, "match\n");
}

int main(int argc, char *argv[])
{
	const struct dbox_aio_result *result;
	struct dbox_aio_file *file;
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio *ctx;

	primary = slow_start("primary", NULL);
	alternative = slow_start("alternative", NULL);
	host_mail("primary/u.1", 5000);
	host_mail("alternative/u.2", 5000);
	host_mail("alternative/u.3", 5000);
	host_mail("primary/u.4", 5000);
	ctx = host_init(host_backend(argc, argv));

	result = read_both(ctx, "u.1");
	CHECK_EQ(result->status, 0);
	CHECK_EQ(result->flags & DBOX_AIO_FROM_ALT, 0);
	result = read_both(ctx, "u.2");
	CHECK_EQ(result->status, 0);
	CHECK_EQ(result->flags & DBOX_AIO_FROM_ALT, DBOX_AIO_FROM_ALT);
	CHECK_EQ(read_both(ctx, "u.9")->status, DBOX_AIO_ENOENT);

	/* only ENOENT is a reason to look elsewhere */
	host_mail("alternative/u.1", 6000);
	slow_tell(primary, "fail open EIO 1\n");
	CHECK_EQ(read_both(ctx, "u.1")->status, DBOX_AIO_EIO);
	slow_tell(primary, "fail open off\n");

	/* what a handle has open it keeps */
	CHECK_EQ(dbox_aio_file_open(ctx, slow_path(primary, "u.4"),
				    slow_path(alternative, "u.4"), &file), 0);
	request.op = DBOX_AIO_READ;
	request.file = file;
	CHECK_EQ(slow_request(ctx, &request)->status, 0);
	move("u.4", primary, alternative);
	CHECK_EQ(slow_request(ctx, &request)->status, 0);
	CHECK_EQ(read_both(ctx, "u.4")->flags & DBOX_AIO_FROM_ALT,
		 DBOX_AIO_FROM_ALT);
	CHECK_EQ(dbox_aio_file_close(ctx, &file), 0);
	move("u.4", alternative, primary);

	/* altmove, before the look at the path */
	moved_meanwhile(ctx, "u.4", primary, primary, alternative);
	/* altmove -r, between the two looks: found at the third */
	moved_meanwhile(ctx, "u.3", alternative, alternative, primary);

	host_deinit(&ctx);
	slow_tell(primary, "wait-released\n");
	slow_tell(alternative, "wait-released\n");
	return 0;
}
