/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "str.h"
#include "istream-private.h"
#include "dbox-file.h"
#include "dbox-read.h"
#include "istream-dbox-message.h"

#include <dbox_aio.h>
#include <fcntl.h>
#include <unistd.h>

/* A part of the file that is in memory */
struct dbox_message_part {
	const unsigned char *data;
	uoff_t offset;
	size_t size;
};

struct dbox_message_istream {
	struct istream_private istream;

	struct dbox_read_result result;
	/* in the order of their offsets: the record, or its header, body and
	   metadata */
	struct dbox_message_part parts[3];
	unsigned int parts_count;
	/* the parts that had to be written anew */
	string_t *header, *metadata;

	/* result.fd is for all that is between and behind the parts */
	char *path, *alt_path;
};

static void i_stream_dbox_message_destroy(struct iostream_private *stream)
{
	struct dbox_message_istream *mstream =
		container_of(stream, struct dbox_message_istream,
			     istream.iostream);

	dbox_read_result_free(&mstream->result);
	str_free(&mstream->header);
	str_free(&mstream->metadata);
	i_free(mstream->path);
	i_free(mstream->alt_path);
	i_stream_free_buffer(&mstream->istream);
}

/* Copy what the parts have from offset on, at most size bytes. Returns 0 if
   they don't have the offset; *size is how far away the next part is then. */
static size_t
parts_copy(const struct dbox_message_istream *mstream, uoff_t offset,
	   void *dest, size_t *size)
{
	const struct dbox_message_part *part;
	unsigned int i;

	for (i = 0; i < mstream->parts_count; i++) {
		part = &mstream->parts[i];
		if (offset < part->offset) {
			*size = I_MIN(*size, part->offset - offset);
			return 0;
		}
		if (offset - part->offset < part->size) {
			*size = I_MIN(*size, part->size -
				      (offset - part->offset));
			memcpy(dest, part->data + (offset - part->offset),
			       *size);
			return *size;
		}
	}
	return 0;
}

static ssize_t
file_read(struct dbox_message_istream *mstream, uoff_t offset,
	  void *dest, size_t size)
{
	struct istream_private *stream = &mstream->istream;
	ssize_t ret;

	if (mstream->result.fd == -1) {
		mstream->result.fd = open(mstream->path, O_RDONLY | O_CLOEXEC);
		if (mstream->result.fd == -1 && errno == ENOENT &&
		    mstream->alt_path != NULL) {
			mstream->result.fd = open(mstream->alt_path,
						  O_RDONLY | O_CLOEXEC);
		}
		if (mstream->result.fd == -1) {
			io_stream_set_error(&stream->iostream,
				"open(%s) failed: %m", mstream->path);
			stream->istream.stream_errno = errno;
			return -1;
		}
	}
	ret = pread(mstream->result.fd, dest, size, offset);
	if (ret < 0) {
		io_stream_set_error(&stream->iostream,
			"pread(size=%zu offset=%"PRIuUOFF_T") failed: %m",
			size, offset);
		stream->istream.stream_errno = errno;
		return -1;
	}
	return ret;
}

static ssize_t i_stream_dbox_message_read(struct istream_private *stream)
{
	struct dbox_message_istream *mstream =
		container_of(stream, struct dbox_message_istream, istream);
	uoff_t offset;
	size_t size;
	ssize_t ret;

	if (!i_stream_try_alloc(stream, 1, &size))
		return -2;

	offset = stream->istream.v_offset + (stream->pos - stream->skip);
	ret = parts_copy(mstream, offset, stream->w_buffer + stream->pos,
			 &size);
	if (ret == 0) {
		ret = file_read(mstream, offset,
				stream->w_buffer + stream->pos, size);
		if (ret < 0)
			return -1;
	}
	if (ret == 0) {
		stream->istream.eof = TRUE;
		return -1;
	}
	stream->pos += ret;
	return ret;
}

static void
i_stream_dbox_message_seek(struct istream_private *stream, uoff_t v_offset,
			   bool mark ATTR_UNUSED)
{
	stream->istream.v_offset = v_offset;
	stream->skip = stream->pos = 0;
}

static void i_stream_dbox_message_sync(struct istream_private *stream)
{
	stream->skip = stream->pos = 0;
	stream->istream.eof = FALSE;
}

static int
i_stream_dbox_message_stat(struct istream_private *stream,
			   bool exact ATTR_UNUSED)
{
	struct dbox_message_istream *mstream =
		container_of(stream, struct dbox_message_istream, istream);

	stream->statbuf.st_size = mstream->result.file_size;
	return 0;
}

static void
parts_add(struct dbox_message_istream *mstream, uoff_t offset,
	  const void *data, size_t size)
{
	struct dbox_message_part *part;

	if (size == 0)
		return;
	i_assert(mstream->parts_count < N_ELEMENTS(mstream->parts));
	part = &mstream->parts[mstream->parts_count++];
	part->offset = offset;
	part->data = data;
	part->size = size;
}

static string_t *
record_header_write(const struct dbox_read_result *result)
{
	struct dbox_message_header hdr;
	string_t *str = str_new(default_pool, result->msg_header_size);

	dbox_msg_header_fill(&hdr,
			     dbox_aio_message_body_size(result->message));
	if (result->msg_header_size <= sizeof(hdr)) {
		str_append_data(str, &hdr, result->msg_header_size - 1);
	} else {
		hdr.save_lf = ' ';
		str_append_data(str, &hdr, sizeof(hdr));
		while (str_len(str) + 1 < result->msg_header_size)
			str_append_c(str, ' ');
	}
	str_append_c(str, '\n');
	return str;
}

static string_t *metadata_write(const struct dbox_aio_message *message)
{
	string_t *str = str_new(default_pool, 256);
	const char *value;
	size_t i, size;
	char key;

	str_append_data(str, DBOX_MAGIC_POST, sizeof(DBOX_MAGIC_POST) - 1);
	for (i = 0; ; i++) {
		value = dbox_aio_message_metadata_at(message, i, &key, &size);
		if (value == NULL)
			break;
		str_append_c(str, key);
		str_append_data(str, value, size);
		str_append_c(str, '\n');
	}
	str_append_c(str, '\n');
	return str;
}

static void
parts_init(struct dbox_message_istream *mstream,
	   const struct dbox_read_result *result)
{
	const uoff_t body_offset =
		result->record_offset + result->msg_header_size;
	const uoff_t metadata_offset = body_offset +
		dbox_aio_message_body_size(result->message);
	const unsigned char *data;
	uint64_t offset;
	size_t size;

	data = dbox_aio_message_raw(result->message, &offset, &size);
	if (data != NULL) {
		/* What was read as one piece can have more than was asked
		   for. */
		parts_add(mstream, offset, data, size);
		if (!result->partial_body)
			return;
	} else {
		mstream->header = record_header_write(result);
		parts_add(mstream, result->record_offset,
			  str_data(mstream->header), str_len(mstream->header));
		data = dbox_aio_message_body(result->message, &size);
		parts_add(mstream, body_offset + result->body_offset,
			  data, size);
	}
	if (result->have_metadata) {
		mstream->metadata = metadata_write(result->message);
		parts_add(mstream, metadata_offset,
			  str_data(mstream->metadata),
			  str_len(mstream->metadata));
	}
}

struct istream *
i_stream_create_dbox_message(const struct dbox_read_result *result,
			     const char *path, const char *alt_path)
{
	struct dbox_message_istream *mstream;

	mstream = i_new(struct dbox_message_istream, 1);
	mstream->result = *result;
	mstream->path = i_strdup(path);
	mstream->alt_path = i_strdup(alt_path);

	parts_init(mstream, &mstream->result);

	mstream->istream.iostream.destroy = i_stream_dbox_message_destroy;
	mstream->istream.read = i_stream_dbox_message_read;
	mstream->istream.seek = i_stream_dbox_message_seek;
	mstream->istream.sync = i_stream_dbox_message_sync;
	mstream->istream.stat = i_stream_dbox_message_stat;
	mstream->istream.max_buffer_size = IO_BLOCK_SIZE;
	mstream->istream.init_buffer_size = IO_BLOCK_SIZE;
	mstream->istream.istream.readable_fd = FALSE;
	mstream->istream.istream.blocking = TRUE;
	mstream->istream.istream.seekable = TRUE;
	i_stream_create(&mstream->istream, NULL, -1, 0);
	i_stream_set_name(&mstream->istream.istream, path);
	return &mstream->istream.istream;
}
