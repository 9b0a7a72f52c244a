/*
 * message.c: what is in a message.
 */
#include "front.h"

#include <string.h>

static void size_set(size_t *size_r, uint64_t size)
{
	if (size_r != NULL)
		*size_r = (size_t)size;
}

const unsigned char *
dbox_aio_message_body(const struct dbox_aio_message *message, size_t *size_r)
{
	if (message == NULL || message->body == NULL) {
		size_set(size_r, 0);
		return NULL;
	}
	size_set(size_r, message->body_length);
	return message->body;
}

uint64_t dbox_aio_message_body_size(const struct dbox_aio_message *message)
{
	return message == NULL ? 0 : message->body_size;
}

uint64_t dbox_aio_message_record_size(const struct dbox_aio_message *message)
{
	return message == NULL ? 0 : message->record_size;
}

const unsigned char *
dbox_aio_message_raw(const struct dbox_aio_message *message,
		     uint64_t *file_offset_r, size_t *size_r)
{
	const int found = message != NULL && message->raw != NULL;

	size_set(size_r, found ? message->raw_size : 0);
	if (file_offset_r != NULL)
		*file_offset_r = found ? message->raw_offset : 0;
	return found ? message->raw : NULL;
}

static const struct dbox_metadata *
metadata_find(const struct dbox_aio_message *message, char key)
{
	uint32_t i;

	if (message == NULL)
		return NULL;
	for (i = 0; i < message->metadata_count; i++) {
		if (message->metadata[i].key == (unsigned char)key)
			return &message->metadata[i];
	}
	return NULL;
}

const char *
dbox_aio_message_metadata(const struct dbox_aio_message *message, char key,
			  size_t *size_r)
{
	const struct dbox_metadata *found = metadata_find(message, key);

	size_set(size_r, found == NULL ? 0 : found->size);
	return found == NULL ? NULL : found->value;
}

size_t dbox_aio_message_metadata_count(const struct dbox_aio_message *message)
{
	return message == NULL ? 0 : message->metadata_count;
}

const char *
dbox_aio_message_metadata_at(const struct dbox_aio_message *message, size_t i,
			     char *key_r, size_t *size_r)
{
	const struct dbox_metadata *found = NULL;

	if (message != NULL && i < message->metadata_count)
		found = &message->metadata[i];
	size_set(size_r, found == NULL ? 0 : found->size);
	if (key_r != NULL)
		*key_r = found == NULL ? '\0' : (char)found->key;
	return found == NULL ? NULL : found->value;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads a metadata value that is a number of at most 63 bits in hex. */
static int metadata_number(const struct dbox_metadata *metadata,
			   uint64_t *number_r)
{
	uint64_t number = 0;
	uint32_t i;
	int digit;

	for (i = 0; i < metadata->size; i++) {
		digit = hex_digit(metadata->value[i]);
		if (digit < 0 || number >= (uint64_t)1 << 59)
			break;
		number = number << 4 | (uint64_t)digit;
	}
	if (i == 0 || i < metadata->size)
		return error_format(DBOX_AIO_ECORRUPT,
			"metadata %c is not a hexadecimal number",
			(int)metadata->key);
	*number_r = number;
	return 0;
}

static int message_check(const struct dbox_aio_message *message,
			 const void *out)
{
	if (message == NULL || out == NULL)
		return error_set(DBOX_AIO_EINVAL,
				 "the message or the result is NULL");
	return 0;
}

static int metadata_missing(void)
{
	return error_set(DBOX_AIO_ENOENT,
		"the message has no such metadata, or it was not read");
}

int dbox_aio_message_received_time(const struct dbox_aio_message *message,
				   int64_t *unix_time_r)
{
	const struct dbox_metadata *metadata = metadata_find(message, 'R');
	uint64_t number;
	int ret;

	if ((ret = message_check(message, unix_time_r)) < 0)
		return ret;
	if (metadata == NULL)
		return metadata_missing();
	if ((ret = metadata_number(metadata, &number)) < 0)
		return ret;
	*unix_time_r = (int64_t)number;
	return 0;
}

int dbox_aio_message_virtual_size(const struct dbox_aio_message *message,
				  uint64_t *size_r)
{
	const struct dbox_metadata *metadata = metadata_find(message, 'V');
	int ret;

	if ((ret = message_check(message, size_r)) < 0)
		return ret;
	if (metadata == NULL)
		return metadata_missing();
	return metadata_number(metadata, size_r);
}

int dbox_aio_message_plaintext_size(const struct dbox_aio_message *message,
				    uint64_t *size_r)
{
	const struct dbox_metadata *metadata = metadata_find(message, 'Z');
	int ret;

	if ((ret = message_check(message, size_r)) < 0)
		return ret;
	if (metadata != NULL)
		return metadata_number(metadata, size_r);
	if ((message->flags & DBOX_MESSAGE_HAS_METADATA) == 0)
		return metadata_missing();
	*size_r = message->body_size;
	return 0;
}
