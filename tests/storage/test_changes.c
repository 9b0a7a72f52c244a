/*
 * Files change while they are read: they shrink, grow, are replaced, unlinked.
 * What a handle has open stays what it is.
 *
 *	test_changes BACKEND cached|direct
 *
 * With direct the kernel neither caches the file nor looks at its size again.
 */
#include "slow.h"

static const char *dir;	/* where the files are made */
static int direct;

static const char *made(const char *name, size_t size)
{
	char full[400];

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	return host_mail(full, size);
}

static int read_handle(struct dbox_aio *ctx, struct dbox_aio_file *file,
		       uint64_t offset)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	const struct dbox_aio_result *result;

	request.op = DBOX_AIO_READ;
	request.file = file;
	request.offset = offset;
	result = slow_request(ctx, &request);
	if (result->status == 0)
		CHECK(host_message_is_right(result->message));
	return result->status;
}

static struct dbox_aio_file *opened(struct dbox_aio *ctx, const char *path)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct dbox_aio_file *file;

	CHECK_EQ(dbox_aio_file_open(ctx, path, NULL, &file), 0);
	CHECK_EQ(read_handle(ctx, file, 0), 0);
	/* again: by now it is open */
	request.op = DBOX_AIO_STAT;
	request.file = file;
	CHECK_EQ(slow_request(ctx, &request)->status, 0);
	return file;
}

static void closed(struct dbox_aio *ctx, struct dbox_aio_file *file)
{
	CHECK_EQ(dbox_aio_file_close(ctx, &file), 0);
	CHECK(file == NULL);
}

/* path names the same file as source, which is changed. */
static void shrinks(struct dbox_aio *ctx, const char *path, const char *source)
{
	struct dbox_aio_file *file = opened(ctx, path);
	static const off_t sizes[] = { 30000, 100, 20, 3, 0 };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		CHECK(truncate(source, sizes[i]) == 0);
		CHECK_EQ(read_handle(ctx, file, 0), DBOX_AIO_ETRUNCATED);
		CHECK_EQ(host_read(ctx, path), DBOX_AIO_ETRUNCATED);
	}
	closed(ctx, file);
}

/* A second record arrives in pieces: the file is an mdbox now. */
static void grows(struct dbox_aio *ctx, const char *path, const char *source)
{
	struct dbox_aio_file *file = opened(ctx, path);
	static char data[100000];
	size_t size, done, piece;
	FILE *f = fopen(source, "rbe");
	uint64_t offset;

	CHECK(f != NULL);
	size = fread(data, 1, sizeof(data), f);
	CHECK(size > 16 && size < sizeof(data));
	fclose(f);
	offset = size;

	CHECK_EQ(read_handle(ctx, file, offset), DBOX_AIO_ETRUNCATED);
	for (done = 16; done < size; done += piece) {
		piece = size - done < 9000 ? size - done : 9000;
		/* never a whole record before the last byte */
		if (piece > 1 && done + piece == size)
			piece--;
		f = fopen(source, "abe");
		CHECK(f != NULL);
		CHECK(fwrite(data + done, 1, piece, f) == piece);
		CHECK(fclose(f) == 0);
		CHECK_EQ(read_handle(ctx, file, offset),
			 done + piece < size ? DBOX_AIO_ETRUNCATED : 0);
		CHECK_EQ(read_handle(ctx, file, 0), 0);
	}
	CHECK_EQ(slow_op(ctx, DBOX_AIO_READ, path, offset)->status, 0);
	closed(ctx, file);
}

static void is_replaced(struct dbox_aio *ctx, const char *path,
			const char *source)
{
	struct dbox_aio_file *file = opened(ctx, path);
	const char *other = made("new", 700);
	const struct dbox_aio_result *result;

	CHECK(rename(other, source) == 0);
	CHECK_EQ(read_handle(ctx, file, 0), 0);
	result = slow_op(ctx, DBOX_AIO_READ, path, 0);
	CHECK_EQ(result->status, 0);
	CHECK_EQ(dbox_aio_message_body_size(result->message), 700);
	closed(ctx, file);
	file = opened(ctx, path);
	closed(ctx, file);
}

static void is_unlinked(struct dbox_aio *ctx, const char *path,
			const char *source)
{
	struct dbox_aio_file *file = opened(ctx, path);

	CHECK(unlink(source) == 0);
	CHECK_EQ(read_handle(ctx, file, 0), 0);
	CHECK_EQ(host_read(ctx, path), DBOX_AIO_ENOENT);
	/* another file of that name is another file */
	made(strrchr(source, '/') + 1, 600);
	CHECK_EQ(read_handle(ctx, file, 0), 0);
	CHECK_EQ(host_read(ctx, path), 0);
	closed(ctx, file);
}

/* While the read itself is on its way. */
static void in_flight(struct dbox_aio *ctx, struct slow *slow)
{
	const char *source = made("u.50", 50000);
	const char *path = slow_path(slow, "u.50");
	struct host_results results;
	char command[800];

	memset(&results, 0, sizeof(results));
	slow_tell(slow, "hang read\n");
	host_submit(ctx, &path, 1, &results);
	while (slow_counter(slow, "held") == 0)
		CHECK(dbox_aio_wait(ctx, 1, 10) >= 0);
	snprintf(command, sizeof(command), "tail -c +17 %s/u.1 >>%s",
		 slow->source, source);
	CHECK(system(command) == 0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.good, 1);

	memset(&results, 0, sizeof(results));
	slow_tell(slow, "hang read\n");
	host_submit(ctx, &path, 1, &results);
	while (slow_counter(slow, "held") == 0)
		CHECK(dbox_aio_wait(ctx, 1, 10) >= 0);
	CHECK(truncate(source, 20000) == 0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &results, 1);
	/* the page cache fills up with zero bytes what the file has lost */
	if (direct || results.status != DBOX_AIO_ECORRUPT)
		CHECK_EQ(results.status, DBOX_AIO_ETRUNCATED);

	/* unlinked after its open */
	source = made("u.51", 50000);
	path = slow_path(slow, "u.51");
	memset(&results, 0, sizeof(results));
	slow_tell(slow, "hang read\n");
	host_submit(ctx, &path, 1, &results);
	while (slow_counter(slow, "held") == 0)
		CHECK(dbox_aio_wait(ctx, 1, 10) >= 0);
	CHECK(unlink(source) == 0);
	slow_tell(slow, "resume\n");
	host_loop(ctx, &results, 1);
	CHECK_EQ(results.good, 1);
}

int main(int argc, char *argv[])
{
	static void (*const changes[])(struct dbox_aio *, const char *,
				       const char *) = {
		shrinks, grows, is_replaced, is_unlinked,
	};
	struct slow *slow;
	struct dbox_aio *ctx = host_init(host_backend(argc, argv));
	const char *source;
	unsigned int i;
	char name[32];

	direct = argc > 2 && strcmp(argv[2], "direct") == 0;
	slow = slow_start("store", direct ? "-direct" : NULL, NULL);
	for (i = 0; i < 4; i++) {
		/* the library knows this file system as a local one */
		dir = ".";
		snprintf(name, sizeof(name), "u.%u", i + 1);
		source = made(name, 50000);
		changes[i](ctx, source, source);
		/* and this one not at all */
		dir = "store";
		source = made(name, 50000);
		changes[i](ctx, slow_path(slow, name), source);
	}
	host_mail("store/u.1", 50000);
	in_flight(ctx, slow);
	host_deinit(&ctx);
	slow_tell(slow, "wait-released\n");
	return 0;
}
