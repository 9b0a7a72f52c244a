/* Neighbouring records are read together, and requests on one path share its
   descriptor; each request gets its own record all the same. */
#include "check.h"

#define RECORDS 50

int main(int argc, char **argv)
{
	static struct outcome outcomes[RECORDS];
	struct dbox_aio_request requests[RECORDS];
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct dbox_aio *ctx;
	struct image image;
	char body[100];
	const unsigned char *raw;
	uint64_t offset, offsets[RECORDS + 1];
	size_t size;
	int i, ran = 0;

	check_begin(argc, argv);
	ctx = context_open(NULL);
	image_begin(&image);
	for (i = 0; i < RECORDS; i++) {
		snprintf(body, sizeof(body), "message number %d", i);
		offsets[i] = image_add_record(&image, body, strlen(body),
					      METADATA);
	}
	offsets[RECORDS] = image.size;
	image_write(&image, check_path("m.1"));
	for (i = 0; i < RECORDS; i++) {
		requests[i] = request_make(DBOX_AIO_READ, check_path("m.1"),
					   &outcomes[i]);
		requests[i].offset = offsets[i];
		requests[i].size_hint = offsets[i + 1] - offsets[i];
	}
	CHECK_STATUS(dbox_aio_submit(ctx, requests, RECORDS, NULL), RECORDS);
	while (ran < RECORDS) {
		i = dbox_aio_wait(ctx, RECORDS, -1);
		CHECK(i > 0);
		ran += i;
	}
	for (i = 0; i < RECORDS; i++) {
		CHECK_STATUS(outcomes[i].result.status, 0);
		snprintf(body, sizeof(body), "message number %d", i);
		body_check(outcomes[i].message, body);
		CHECK_INT(dbox_aio_message_metadata_count(outcomes[i].message),
			  3);
		raw = dbox_aio_message_raw(outcomes[i].message, &offset,
					   &size);
		if (raw != NULL)
			CHECK_BYTES(raw, size, image.data + offset, size);
	}
	CHECK_STATUS(dbox_aio_get_stats(ctx, &stats), 0);
	CHECK(stats.merged_reads > 0);
	CHECK(stats.reads < RECORDS);
	CHECK(stats.opens < RECORDS);
	open_files_become(ctx, 0);

	/* One message keeps what it needs of the common read. */
	for (i = 0; i < RECORDS; i++) {
		if (i != 7)
			outcome_clear(&outcomes[i]);
	}
	body_check(outcomes[7].message, "message number 7");
	outcome_clear(&outcomes[7]);
	dbox_aio_deinit(&ctx);
	free(image.data);
	return 0;
}
