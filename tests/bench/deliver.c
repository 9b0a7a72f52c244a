/* deliver.c: where the messages end up, whoever has read them. */
#include <err.h>
#include "bench.h"

static unsigned int count;
static uint64_t sum;

uint64_t body_check(unsigned int number, const unsigned char *body,
		    size_t size)
{
	uint64_t value = size;

	if (size > 0)
		value = (value * 257 + body[0]) * 257 + body[size - 1];
	return (value + 1) * (2 * (uint64_t)number + 1);
}

void deliver(const struct message *msg, const unsigned char *body, size_t size)
{
	count++;
	sum += body_check(msg->number, body, size);
}

int deliver_record(const struct message *msg, const unsigned char *data,
		   size_t size, unsigned int message_header_size)
{
	size_t start = 0;
	struct record record;

	if (msg->offset == 0) {
		start = file_header_parse(data, size, &message_header_size);
		if (start == 0)
			return 0;
	}
	if (!record_parse(data + start, size - start, message_header_size,
			  &record))
		return 0;
	if (record.metadata_lines == 0)
		errx(1, "%s: no metadata", msg->path);
	deliver(msg, record.body, record.body_size);
	return 1;
}

unsigned int delivered_count(void)
{
	return count;
}

uint64_t delivered_take(void)
{
	uint64_t value = sum;

	count = 0;
	sum = 0;
	return value;
}
