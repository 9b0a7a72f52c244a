/* record.c: parses the bytes of a dbox file. */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include "bench.h"

/* Where the size is in a message header: \1 \2 N, space, 8 of the old uid,
   space, then 16 digits. */
#define SIZE_POS 13
#define SIZE_DIGITS 16

static const unsigned char metadata_magic[] = { '\n', 1, 3, '\n' };

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static uint64_t hex_parse(const unsigned char *data, size_t size)
{
	uint64_t value = 0;
	size_t i;
	int digit;

	for (i = 0; i < size && (digit = hex_digit(data[i])) >= 0; i++)
		value = value << 4 | (unsigned int)digit;
	return value;
}

size_t file_header_parse(const unsigned char *data, size_t size,
			 unsigned int *message_header_size_r)
{
	const unsigned char *lf, *pos;

	if (size > FILE_HEADER_MAX)
		size = FILE_HEADER_MAX;
	lf = size == 0 ? NULL : memchr(data, '\n', size);
	if (lf == NULL)
		return 0;
	if (data[0] != '2' || data[1] != ' ')
		errx(1, "not a dbox file of version 2");
	*message_header_size_r = 0;
	for (pos = data + 1; pos < lf; pos++) {
		if (pos[0] == ' ' && pos[1] == 'M')
			*message_header_size_r = (unsigned int)
				hex_parse(pos + 2, (size_t)(lf - pos - 2));
	}
	if (*message_header_size_r < MESSAGE_HEADER_SIZE)
		errx(1, "a file header without M");
	return (size_t)(lf + 1 - data);
}

int record_parse(const unsigned char *data, size_t size,
		 unsigned int message_header_size, struct record *record_r)
{
	const unsigned char *end = data + size, *pos, *lf;
	uint64_t body_size;

	if (size < message_header_size)
		return 0;
	if (data[0] != 1 || data[1] != 2 ||
	    data[message_header_size - 1] != '\n')
		errx(1, "broken message header");
	body_size = hex_parse(data + SIZE_POS, SIZE_DIGITS);
	if (body_size + sizeof(metadata_magic) > size - message_header_size)
		return 0;
	record_r->body = data + message_header_size;
	record_r->body_size = (size_t)body_size;
	pos = record_r->body + body_size;
	if (memcmp(pos, metadata_magic, sizeof(metadata_magic)) != 0)
		errx(1, "broken metadata header");
	record_r->metadata_lines = 0;
	for (pos += sizeof(metadata_magic); pos < end; pos = lf + 1) {
		lf = memchr(pos, '\n', (size_t)(end - pos));
		if (lf == NULL)
			return 0;
		if (lf == pos) {
			record_r->size = (size_t)(lf + 1 - data);
			return 1;
		}
		record_r->metadata_lines++;
	}
	return 0;
}
