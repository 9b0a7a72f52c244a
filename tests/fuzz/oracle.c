#include "oracle.h"

#include <string.h>

#define METADATA_MAGIC "\n\001\003\n"
#define METADATA_MAX (1 << 20)
#define HEADER_MAX 8192
#define MESSAGE_HEADER_MIN 30
#define MESSAGE_HEADER_MAX 8192

/* Returns 1 if all of it is one hex number of 64 bits. */
static int hex(const unsigned char *p, size_t size, uint64_t *number_r)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *digit;
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		digit = p[i] == '\0' ? NULL : strchr(digits, p[i]);
		if (digit == NULL || number >> 60 != 0)
			return 0;
		number = number * 16 + (uint64_t)(digit - digits) % 16;
	}
	*number_r = number;
	return size > 0;
}

/* What Dovecot sees of a line: without its CR, up to a NUL. */
static size_t line_size(const unsigned char *line, size_t size)
{
	const unsigned char *nul;

	if (size > 0 && line[size - 1] == '\r')
		size--;
	nul = size == 0 ? NULL : memchr(line, '\0', size);
	return nul == NULL ? size : (size_t)(nul - line);
}

int oracle_header(const void *data, size_t size, struct oracle_file *file_r)
{
	const unsigned char *p = data, *lf, *end, *space;
	uint64_t number, message_header_size = 0;

	memset(file_r, 0, sizeof(*file_r));
	file_r->data = data;
	file_r->size = size;
	if (size < 2 || (p[0] != '1' && p[0] != '2') || p[1] != ' ')
		return 0;
	lf = memchr(p, '\n', size < HEADER_MAX ? size : HEADER_MAX);
	if (lf == NULL)
		return 0;
	file_r->header_size = (size_t)(lf - p) + 1;
	end = p + line_size(p, (size_t)(lf - p));
	for (p += 2; p < end; p = space + 1) {
		space = memchr(p, ' ', (size_t)(end - p));
		if (space == NULL)
			space = end;
		if (*p != 'M' && *p != 'C')
			continue;
		if (!hex(p + 1, (size_t)(space - p) - 1, &number))
			return 0;
		if (*p == 'C')
			file_r->create_time = number;
		else if (number > UINT32_MAX)
			return 0;
		else
			message_header_size = number;
	}
	file_r->message_header_size = (size_t)message_header_size;
	return message_header_size >= MESSAGE_HEADER_MIN &&
		message_header_size <= MESSAGE_HEADER_MAX;
}

static int ends_metadata(const unsigned char *line, size_t size)
{
	return size == 0 || line[0] == ' ' || line[0] == '\0' ||
		(size == 1 && line[0] == '\r');
}

static int metadata_find(const struct oracle_file *file,
			 struct oracle_record *record)
{
	const unsigned char *line, *lf, *begin = file->data + record->metadata;
	size_t left = file->size - record->metadata;

	if (left < 4 || memcmp(begin, METADATA_MAGIC, 4) != 0)
		return 0;
	if (left > METADATA_MAX)
		left = METADATA_MAX;
	for (line = begin + 4; line < begin + left; line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(begin + left - line));
		if (lf == NULL)
			return 0;
		if (ends_metadata(line, (size_t)(lf - line))) {
			record->metadata_size = (size_t)(lf + 1 - begin);
			return 1;
		}
	}
	return 0;
}

enum oracle_whole
oracle_record(const struct oracle_file *file, size_t offset,
	      struct oracle_record *record_r)
{
	const size_t header_size = file->message_header_size;
	const unsigned char *header = file->data + offset;
	uint64_t body_size;
	size_t left;

	memset(record_r, 0, sizeof(*record_r));
	record_r->offset = offset;
	if (offset > file->size || file->size - offset < header_size)
		return ORACLE_NOTHING;
	left = file->size - offset - header_size;
	if (header[0] != 1 || header[1] != 2 || header[header_size - 1] != '\n')
		return ORACLE_NOTHING;
	if (!hex(header + 13, 16, &body_size)) {
		/* Dovecot takes it for 0: good if metadata follows. */
		if (left < 4 ||
		    memcmp(header + header_size, METADATA_MAGIC, 4) != 0)
			return ORACLE_NOTHING;
		body_size = 0;
	}
	if (body_size > left)
		return ORACLE_NOTHING;
	record_r->body = offset + header_size;
	record_r->body_size = (size_t)body_size;
	record_r->metadata = record_r->body + record_r->body_size;
	return metadata_find(file, record_r) ? ORACLE_RECORD : ORACLE_BODY;
}

size_t oracle_headers(const struct oracle_file *file,
		      const struct oracle_record *record)
{
	const unsigned char *body = file->data + record->body;
	size_t i, line = 0;

	for (i = 0; i < record->body_size; i++) {
		if (body[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && body[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	return record->body_size;
}

int oracle_metadata(const struct oracle_file *file,
		    const struct oracle_record *record, size_t *at,
		    char *key_r, const char **value_r, size_t *size_r)
{
	const unsigned char *begin = file->data + record->metadata;
	const unsigned char *line, *lf;

	if (*at == 0)
		*at = 4;
	line = begin + *at;
	lf = memchr(line, '\n', record->metadata_size - *at);
	if (lf == NULL || ends_metadata(line, (size_t)(lf - line)))
		return 0;
	*at = (size_t)(lf + 1 - begin);
	*key_r = (char)line[0];
	*value_r = (const char *)line + 1;
	*size_r = line_size(line + 1, (size_t)(lf - line) - 1);
	return 1;
}

/* Returns 1 if this is a record header as Dovecot writes it. */
static int looks_like_record(const unsigned char *p, size_t left)
{
	uint64_t size;

	return left >= MESSAGE_HEADER_MIN && p[0] == 1 && p[1] == 2 &&
		p[2] == 'N' && p[3] == ' ' && p[12] == ' ' &&
		p[MESSAGE_HEADER_MIN - 1] == '\n' && hex(p + 13, 16, &size) &&
		size >> 63 == 0;
}

int oracle_is_unended(const struct oracle_file *file,
		      const struct oracle_record *record)
{
	const unsigned char *begin = file->data + record->metadata;
	size_t i;

	for (i = 4; i < record->metadata_size; i++) {
		if (looks_like_record(begin + i, record->metadata_size - i))
			return 1;
	}
	/* The LF of one magic can be that of the next. */
	for (i = 3; i + 4 <= record->metadata_size; i++) {
		if (memcmp(begin + i, METADATA_MAGIC, 4) == 0)
			return 1;
	}
	return 0;
}
