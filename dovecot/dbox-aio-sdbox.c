/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "istream.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"
#include "dbox-reader.h"
#include "istream-dbox-message.h"

#include <dbox_aio.h>

struct dbox_read *
dbox_aio_sdbox_read(struct dbox_mail *mail, struct dbox_read_settings *set)
{
	struct mail *_mail = &mail->imail.mail.mail;
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct dbox_read *read;
	struct dbox_file *file;

	file = sdbox_file_init(SDBOX_MAILBOX(_mail->box), _mail->uid);
	set->path = file->primary_path;
	set->alt_path = file->alt_path;
	set->owner = _mail->box->storage->user;
	set->mount = amail->abox->mount;
	read = dbox_read_queue(_mail->box->storage->user, set);
	if (read == NULL) {
		dbox_file_unref(&file);
		return NULL;
	}
	/* As sdbox_mail_open() would have it: not open yet. */
	mail->open_file = file;
	return read;
}

void dbox_aio_file_set_input(struct dbox_file *file,
			     struct dbox_read_result *result)
{
	file->file_version = result->file_version;
	file->file_header_size = result->file_header_size;
	file->msg_header_size = result->msg_header_size;
	file->create_time = result->create_time;
	file->cur_path = result->from_alt ? file->alt_path :
		file->primary_path;
	/* dbox_file_close() doesn't close the descriptor if there is an
	   input: the stream does. */
	file->fd = result->fd;
	file->input = i_stream_create_dbox_message(result, file->cur_path,
		result->from_alt ? file->primary_path : file->alt_path);
}

bool dbox_aio_sdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result)
{
	struct dbox_file *file = mail->open_file;
	uint64_t offset;
	bool have_file_header;

	if (file == NULL || file->input != NULL || dbox_file_is_open(file) ||
	    (result->from_alt && file->alt_path == NULL)) {
		dbox_read_result_free(result);
		return FALSE;
	}
	have_file_header = dbox_aio_message_raw(result->message, &offset,
						NULL) != NULL && offset == 0;
	dbox_aio_file_set_input(file, result);
	/* Dovecot has read the file's header before the message. What follows
	   comes in the same pieces then: some converters of character sets
	   make a difference. What isn't in memory would have to be read now,
	   and waited for. */
	if (have_file_header)
		(void)i_stream_read_next_line(file->input);
	return TRUE;
}
