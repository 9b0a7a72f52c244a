/* Messages live until their last reference goes, on any thread, and outlive
   their context. */
#include "check.h"

#include <pthread.h>

#define COUNT 200

static void *unref_all(void *arg)
{
	struct dbox_aio_message **messages = arg;
	int i;

	for (i = 0; i < COUNT; i++)
		dbox_aio_message_unref(&messages[i]);
	return NULL;
}

static void test_threads(const char *path, int deinit_first)
{
	static struct dbox_aio_message *messages[2][COUNT];
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	pthread_t threads[2];
	int i;

	for (i = 0; i < COUNT; i++) {
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
		messages[0][i] = dbox_aio_message_ref(outcome.message);
		messages[1][i] = dbox_aio_message_ref(outcome.message);
		CHECK(messages[0][i] == outcome.message);
		outcome_clear(&outcome);
	}
	if (deinit_first)
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	for (i = 0; i < COUNT; i++)
		body_check(messages[1][i], "hello");
	for (i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, unref_all,
					 messages[i]), 0);
	/* deinit beside the unrefs */
	if (!deinit_first)
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < COUNT; i++)
		CHECK(messages[0][i] == NULL);
}

static void test_one_left(const char *path)
{
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	const char *value;
	uint64_t offset;
	size_t size;

	CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	body_check(outcome.message, "hello");
	value = dbox_aio_message_metadata(outcome.message, 'V', &size);
	CHECK_BYTES(value, size, "1f4", 3);
	CHECK(dbox_aio_message_raw(outcome.message, &offset, &size) != NULL);
	outcome_clear(&outcome);
}

static void test_null(void)
{
	struct dbox_aio_message *message = NULL;
	uint64_t number = 7;
	int64_t seconds;
	size_t size = 7;
	char key = 'x';

	dbox_aio_message_unref(NULL);
	dbox_aio_message_unref(&message);
	CHECK(dbox_aio_message_ref(NULL) == NULL);
	CHECK(dbox_aio_message_body(NULL, &size) == NULL);
	CHECK_INT(size, 0);
	CHECK(dbox_aio_message_body(NULL, NULL) == NULL);
	CHECK_INT(dbox_aio_message_body_size(NULL), 0);
	CHECK_INT(dbox_aio_message_record_size(NULL), 0);
	CHECK(dbox_aio_message_raw(NULL, &number, &size) == NULL);
	CHECK(dbox_aio_message_raw(NULL, NULL, NULL) == NULL);
	CHECK(dbox_aio_message_metadata(NULL, 'R', &size) == NULL);
	CHECK_INT(dbox_aio_message_metadata_count(NULL), 0);
	CHECK(dbox_aio_message_metadata_at(NULL, 0, &key, &size) == NULL);
	CHECK(dbox_aio_message_metadata_at(NULL, 0, NULL, NULL) == NULL);
	CHECK_STATUS(dbox_aio_message_received_time(NULL, &seconds),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_message_virtual_size(NULL, &number),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_message_plaintext_size(NULL, &number),
		     DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_message_take_fd(NULL), DBOX_AIO_EINVAL);
}

/* The callback's own reference ends with it: nothing is kept. */
static void test_not_kept(const char *path)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct outcome outcome = { 0 };
	struct dbox_aio *ctx = context_open(NULL);
	int i;

	for (i = 0; i < 20; i++)
		CHECK_STATUS(read_run(ctx, path, &outcome), 0);
	outcome_clear(&outcome);
	CHECK_STATUS(read_run(ctx, check_path("none"), &outcome),
		     DBOX_AIO_ENOENT);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK_INT(stats.bytes_held, 0);
	dbox_aio_deinit(&ctx);
}

int main(int argc, char **argv)
{
	const char *path;
	int i;

	check_begin(argc, argv);
	path = check_path("u.1");
	sdbox_write(path, "hello");
	test_null();
	for (i = 0; i < 5; i++) {
		test_threads(path, 0);
		test_threads(path, 1);
	}
	test_one_left(path);
	test_not_kept(path);
	return 0;
}
