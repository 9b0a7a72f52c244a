/* Structs of older and newer programs. */
#include "check.h"

static void test_options(void)
{
	struct {
		struct dbox_aio_options options;
		uint64_t more[2];
	} newer;
	struct dbox_aio_options init = DBOX_AIO_OPTIONS_INIT;
	const uint32_t wrong[] = { 0, 1, sizeof(init) - 1, 4097, UINT32_MAX };
	struct dbox_aio *ctx;
	size_t i;

	memset(&newer, 0, sizeof(newer));
	newer.options.struct_size = sizeof(newer);
	ctx = context_open(&newer.options);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
	((char *)&newer)[sizeof(newer) - 1] = 1;
	CHECK_STATUS(dbox_aio_init(&ctx, &newer.options), DBOX_AIO_EINVAL);
	CHECK(ctx == NULL);
	/* Behind struct_size nobody looks. */
	newer.options.struct_size = sizeof(newer) - 8;
	ctx = context_open(&newer.options);
	CHECK_STATUS(dbox_aio_deinit(&ctx), 0);

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		init.struct_size = wrong[i];
		CHECK_STATUS(dbox_aio_init(&ctx, &init), DBOX_AIO_EINVAL);
	}
}

static void option_check(size_t offset, uint32_t value, int expected)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	int ret;

	options.backend = check_backend;
	memcpy((char *)&options + offset, &value, sizeof(value));
	ret = dbox_aio_init(&ctx, &options);
	CHECK_STATUS(ret, expected);
	if (ret == 0)
		CHECK_STATUS(dbox_aio_deinit(&ctx), 0);
}

static void test_option_limits(void)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	char text[256];

#define LIMITS(field, min, max) \
	option_check(offsetof(struct dbox_aio_options, field), 0, 0); \
	option_check(offsetof(struct dbox_aio_options, field), min, 0); \
	option_check(offsetof(struct dbox_aio_options, field), max, 0); \
	option_check(offsetof(struct dbox_aio_options, field), (max) + 1, \
		     DBOX_AIO_EINVAL); \
	option_check(offsetof(struct dbox_aio_options, field), UINT32_MAX, \
		     DBOX_AIO_EINVAL)
	LIMITS(queue_depth, 1, 4096);
	LIMITS(max_pending, 1, 16777215);
	LIMITS(max_workers, 1, 1024);
	LIMITS(stall_us, 50, 10000000);
	option_check(offsetof(struct dbox_aio_options, stall_us), 49,
		     DBOX_AIO_EINVAL);
	option_check(offsetof(struct dbox_aio_options, backend), 3,
		     DBOX_AIO_EINVAL);
	options.max_bytes = 65535;
	CHECK_STATUS(dbox_aio_init(&ctx, &options), DBOX_AIO_EINVAL);
	options.max_bytes = UINT64_MAX;
	CHECK_STATUS(dbox_aio_init(&ctx, &options), DBOX_AIO_EINVAL);
	CHECK(dbox_aio_last_error(text, sizeof(text)) > 0);
	CHECK(strstr(text, "max_bytes") != NULL);
	CHECK_STATUS(dbox_aio_init(NULL, NULL), DBOX_AIO_EINVAL);
}

static void test_requests(struct dbox_aio *ctx)
{
	struct {
		struct dbox_aio_request request;
		uint64_t more;
	} newer[3];
	struct outcome outcomes[3];
	const char *path = check_path("u.1");
	uint64_t ids[3];
	int i;

	memset(newer, 0, sizeof(newer));
	memset(outcomes, 0, sizeof(outcomes));
	sdbox_write(path, "hello");
	for (i = 0; i < 3; i++) {
		newer[i].request = request_make(DBOX_AIO_READ, path,
						&outcomes[i]);
		newer[i].request.struct_size = sizeof(newer[0]);
	}
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 3, ids), 3);
	while (dbox_aio_pending(ctx) > 0)
		CHECK(dbox_aio_wait(ctx, 3, -1) > 0);
	for (i = 0; i < 3; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		outcome_clear(&outcomes[i]);
	}

	newer[2].more = 1;
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 3, ids),
		     DBOX_AIO_EINVAL);
	newer[2].more = 0;
	newer[1].request.struct_size = sizeof(struct dbox_aio_request);
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 3, ids),
		     DBOX_AIO_EINVAL);
	newer[0].request.struct_size = sizeof(struct dbox_aio_request) - 8;
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 1, ids),
		     DBOX_AIO_EINVAL);
	newer[0].request.struct_size = sizeof(struct dbox_aio_request) + 1;
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 1, ids),
		     DBOX_AIO_EINVAL);
	newer[0].request.struct_size = 0;
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 1, ids),
		     DBOX_AIO_EINVAL);
	newer[0].request.struct_size = UINT32_MAX;
	CHECK_STATUS(dbox_aio_submit(ctx, &newer[0].request, 1, ids),
		     DBOX_AIO_EINVAL);
	CHECK_INT(dbox_aio_pending(ctx), 0);
	for (i = 0; i < 3; i++)
		CHECK_INT(outcomes[i].calls, 0);
}

static void test_stats(struct dbox_aio *ctx)
{
	struct {
		struct dbox_aio_stats stats;
		uint64_t more[2];
	} newer;

	memset(&newer, 0xff, sizeof(newer));
	newer.stats.struct_size = sizeof(newer) - 8;
	CHECK_STATUS(dbox_aio_get_stats(ctx, &newer.stats), 0);
	CHECK_INT(newer.stats.struct_size, sizeof(newer) - 8);
	CHECK_INT(newer.stats.submitted, 3);
	CHECK(newer.more[0] == 0);
	CHECK(newer.more[1] == UINT64_MAX);
	/* a program that knows nothing of the histograms of calls */
	memset(&newer, 0xff, sizeof(newer));
	newer.stats.struct_size = offsetof(struct dbox_aio_stats, submit_us);
	CHECK_STATUS(dbox_aio_get_stats(ctx, &newer.stats), 0);
	CHECK_INT(newer.stats.submitted, 3);
	CHECK(newer.stats.submit_us[0] == UINT64_MAX);
	newer.stats.struct_size =
		offsetof(struct dbox_aio_stats, submit_us) - 1;
	CHECK_STATUS(dbox_aio_get_stats(ctx, &newer.stats), DBOX_AIO_EINVAL);
	newer.stats.struct_size = 0;
	CHECK_STATUS(dbox_aio_get_stats(ctx, &newer.stats), DBOX_AIO_EINVAL);
	newer.stats.struct_size = UINT32_MAX;
	CHECK_STATUS(dbox_aio_get_stats(ctx, &newer.stats), DBOX_AIO_EINVAL);
	CHECK_STATUS(dbox_aio_get_stats(ctx, NULL), DBOX_AIO_EINVAL);
}

int main(int argc, char **argv)
{
	struct dbox_aio *ctx;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	test_requests(ctx);
	test_stats(ctx);
	dbox_aio_deinit(&ctx);
	test_options();
	test_option_limits();
	return 0;
}
