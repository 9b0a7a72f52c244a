/*
 * messages.c: is a message what the bytes of the file say?
 */
#include "fuzz.h"

#include <string.h>
#include <fcntl.h>
#include <unistd.h>

static void metadata_check(const struct oracle_file *file,
			   const struct oracle_record *record,
			   const struct dbox_aio_message *message)
{
	const char *value, *expected;
	char key, expected_key;
	size_t i = 0, at = 0, size, expected_size;

	while (oracle_metadata(file, record, &at, &expected_key, &expected,
			       &expected_size)) {
		value = dbox_aio_message_metadata_at(message, i++, &key, &size);
		MUST(value != NULL);
		MUST(key == expected_key);
		MUST(size == expected_size);
		MUST(memcmp(value, expected, size) == 0);
		MUST(value[size] == '\0');
	}
	MUST(dbox_aio_message_metadata_count(message) == i);
	MUST(dbox_aio_message_metadata_at(message, i, &key, &size) == NULL);
}

/* The part of the body that the request wants. */
static void part_wanted(const struct oracle_file *file,
			const struct oracle_record *record,
			const struct dbox_aio_request *request,
			size_t *from_r, size_t *size_r)
{
	const size_t body = record->body_size;

	*from_r = 0;
	*size_r = body;
	if ((request->flags & DBOX_AIO_HEADERS_ONLY) != 0)
		*size_r = oracle_headers(file, record);
	if (request->body_offset != 0 || request->body_limit != 0) {
		*from_r = request->body_offset < body ?
			(size_t)request->body_offset : body;
		*size_r = body - *from_r;
		if (request->body_limit != 0 && request->body_limit < *size_r)
			*size_r = (size_t)request->body_limit;
	}
}

static void body_check(const struct oracle_file *file,
		       const struct oracle_record *record,
		       const struct dbox_aio_request *request,
		       const struct dbox_aio_result *result)
{
	const struct dbox_aio_message *message = result->message;
	const unsigned char *body;
	size_t size, from, wanted;

	MUST(dbox_aio_message_body_size(message) == record->body_size);
	body = dbox_aio_message_body(message, &size);
	part_wanted(file, record, request, &from, &wanted);
	if ((request->flags & DBOX_AIO_NO_BODY) != 0) {
		MUST(body == NULL && size == 0);
		wanted = 0;
	} else {
		MUST(body != NULL);
		MUST(size == wanted);
		MUST(memcmp(body, file->data + record->body + from,
			    size) == 0);
	}
	MUST(((result->flags & DBOX_AIO_PARTIAL_BODY) != 0) ==
	     (wanted < record->body_size));
}

static void raw_check(const struct oracle_file *file,
		      const struct oracle_record *record,
		      const struct dbox_aio_message *message)
{
	const unsigned char *raw;
	uint64_t offset;
	size_t size;

	raw = dbox_aio_message_raw(message, &offset, &size);
	if (raw == NULL) {
		MUST(size == 0);
		return;
	}
	MUST(offset <= file->size && size <= file->size - offset);
	MUST(offset == record->offset ||
	     (offset == 0 && record->offset == file->header_size));
	MUST(memcmp(raw, file->data + offset, size) == 0);
}

static void descriptor_check(const struct oracle_file *file,
			     struct dbox_aio_message *message)
{
	unsigned char first;
	int fd = dbox_aio_message_take_fd(message);

	MUST(fd >= 0);
	MUST((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	MUST((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	MUST(pread(fd, &first, 1, 0) == 1 && first == file->data[0]);
	MUST(dbox_aio_message_take_fd(message) == DBOX_AIO_EALREADY);
	close(fd);
}

void message_check(const struct oracle_file *file,
		   const struct oracle_record *record,
		   const struct dbox_aio_request *request,
		   const struct dbox_aio_result *result)
{
	struct dbox_aio_message *message = result->message;
	const int metadata = (request->flags & DBOX_AIO_NO_METADATA) == 0;

	MUST(message != NULL);
	MUST(result->record_offset == record->offset);
	MUST(result->file_header_size == file->header_size);
	MUST(result->message_header_size == file->message_header_size);
	MUST((uint64_t)result->create_time == file->create_time);
	MUST(((result->flags & DBOX_AIO_HAVE_METADATA) != 0) == metadata);
	if (metadata) {
		metadata_check(file, record, message);
		MUST(dbox_aio_message_record_size(message) ==
		     record->metadata + record->metadata_size -
		     record->offset);
		MUST((dbox_aio_message_metadata(message, 'X', NULL) != NULL) ==
		     ((result->flags & DBOX_AIO_EXTERNAL) != 0));
	} else {
		MUST(dbox_aio_message_record_size(message) == 0);
		MUST(dbox_aio_message_metadata_count(message) == 0);
	}
	body_check(file, record, request, result);
	raw_check(file, record, message);
	if ((request->flags & DBOX_AIO_WANT_FD) != 0)
		descriptor_check(file, message);
	else
		MUST(dbox_aio_message_take_fd(message) == DBOX_AIO_EINVAL);
}
