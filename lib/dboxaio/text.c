/* text.c: writing and reading numbers, names and other people's bytes */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dboxaio.h"

/* Returns the length of the UTF-8 character at text, and the character; 0 if
   there is none. */
static size_t utf8_char(const char *text, size_t size, uint32_t *char_r)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t i, length;
	uint32_t c = p[0];

	if (c < 0x80)
		length = 1;
	else if (c >= 0xc2 && c < 0xe0)
		length = 2, c &= 0x1f;
	else if (c >= 0xe0 && c < 0xf0)
		length = 3, c &= 0x0f;
	else if (c >= 0xf0 && c < 0xf5)
		length = 4, c &= 0x07;
	else
		return 0;
	if (length > size)
		return 0;
	for (i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*char_r = c;
	return length;
}

/* Does something to a terminal, or to the order in which it shows what
   follows. */
static bool controls(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		c == 0x061c || c == 0x200e || c == 0x200f ||
		(c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_put(FILE *out, const char *text, size_t size)
{
	size_t i, length;
	uint32_t c = 0;

	for (; size > 0; text += length, size -= length) {
		length = utf8_char(text, size, &c);
		if (length != 0 && !controls(c) && c != '\\') {
			fwrite(text, 1, length, out);
			continue;
		}
		if (length == 0)
			length = 1;
		for (i = 0; i < length; i++)
			fprintf(out, "\\x%02x", (unsigned char)text[i]);
	}
}

void text_puts(FILE *out, const char *text)
{
	text_put(out, text, strlen(text));
}

/* Returns whether all of it is UTF-8. */
static bool put_json(FILE *out, const char *text, size_t size)
{
	bool good = true;
	size_t length;
	uint32_t c = 0;

	fputc('"', out);
	for (; size > 0; text += length, size -= length) {
		length = utf8_char(text, size, &c);
		if (length == 0) {
			fputs("\\ufffd", out);
			good = false;
			length = 1;
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", (int)c);
		} else if (controls(c)) {
			fprintf(out, "\\u%04x", (unsigned int)c);
		} else {
			fwrite(text, 1, length, out);
		}
	}
	fputc('"', out);
	return good;
}

void text_put_json(FILE *out, const char *text, size_t size)
{
	(void)put_json(out, text, size);
}

void text_put_json_path(FILE *out, const char *key, const char *path)
{
	fprintf(out, ",\"%s\":", key);
	if (put_json(out, path, strlen(path)))
		return;
	fprintf(out, ",\"%s_hex\":\"", key);
	for (; *path != '\0'; path++)
		fprintf(out, "%02x", (unsigned char)*path);
	fputc('"', out);
}

bool text_parse_number(const char *text, uint64_t max, uint64_t *number_r)
{
	char *end;

	/* strtoull() takes signs and spaces */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number_r = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *number_r <= max;
}

bool text_parse_size(const char *text, uint64_t *size_r)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*size_r = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	if (*end != '\0') {
		unit = strchr(units, *end >= 'a' ? *end - ('a' - 'A') : *end);
		if (unit == NULL || end[1] != '\0')
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (*size_r > UINT64_MAX >> shift)
		return false;
	*size_r <<= shift;
	return true;
}

const char *text_size(uint64_t size, char buf[static 16])
{
	static const char *const units[] =
		{ "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)size;
	unsigned int i = 0;

	while (value >= 999.95) {
		value /= 1024;
		i++;
	}
	snprintf(buf, 16, i == 0 ? "%.0f %s" : "%.1f %s", value, units[i]);
	return buf;
}

const char *text_time(int64_t seconds, char buf[static 32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(buf, 32, "@%" PRId64, seconds);
	return buf;
}

const char *text_status(int status)
{
	switch (status) {
	case DBOX_AIO_OK: return "ok";
	case DBOX_AIO_ECORRUPT: return "corrupt";
	case DBOX_AIO_ETRUNCATED: return "truncated";
	case DBOX_AIO_EVERSION: return "version";
	case DBOX_AIO_ENOTFILE: return "notfile";
	case DBOX_AIO_ETOOBIG: return "toobig";
	case DBOX_AIO_ENOENT: return "noent";
	case DBOX_AIO_EACCES: return "access";
	case DBOX_AIO_EMFILE: return "descriptors";
	case DBOX_AIO_EIO: return "io";
	default: return "error";
	}
}

const char *text_error(const struct dbox_aio_result *result)
{
	switch (result->status) {
	case DBOX_AIO_EIO:
	case DBOX_AIO_EACCES:
	case DBOX_AIO_EMFILE:
		if (result->sys_errno != 0)
			return strerror(result->sys_errno);
		break;
	case DBOX_AIO_ENOENT:
		return strerror(ENOENT);
	}
	return result->detail != NULL ? result->detail :
		dbox_aio_strerror(result->status);
}
