/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "istream.h"
#include "mail-index.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"
#include "dbox-reader.h"
#include "dbox-read-file.h"

/* Records up to this size are read as a whole, whatever is wanted of them. */
#define WHOLE_RECORD_SIZE (16 * 1024)

/* Find out where the mail is. Returns FALSE if that isn't as usual: Dovecot
   finds out by itself then, and says so. */
static bool
mdbox_mail_find(struct mail *mail, struct mdbox_map_mail_index_record *rec_r)
{
	struct mdbox_mailbox *mbox = MDBOX_MAILBOX(mail->box);
	struct mdbox_map *map = mbox->storage->map;
	const struct mdbox_mail_index_record *dbox_rec;
	const void *data;
	uint32_t map_uid;
	uint16_t refcount;

	if (mbox->map_uid_validity == 0) {
		/* It hasn't been read yet. */
		if (mdbox_mail_lookup(mbox, mail->transaction->view,
				      mail->seq, &map_uid) < 0)
			return FALSE;
	} else {
		mail_index_lookup_ext(mail->transaction->view, mail->seq,
				      mbox->ext_id, &data, NULL);
		dbox_rec = data;
		if (dbox_rec == NULL || dbox_rec->map_uid == 0)
			return FALSE;
		map_uid = dbox_rec->map_uid;
		if (mdbox_map_open(map) <= 0 ||
		    mdbox_map_get_uid_validity(map) != mbox->map_uid_validity)
			return FALSE;
	}
	return mdbox_map_lookup_full(map, map_uid, rec_r, &refcount) > 0;
}

struct dbox_file *dbox_aio_mdbox_file_alloc(struct dbox_mail *mail)
{
	struct mail *_mail = &mail->imail.mail.mail;
	struct mdbox_storage *storage =
		dbox_aio_compat_mdbox_storage(_mail->box->storage);
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct mdbox_file *file = i_new(struct mdbox_file, 1);
	const char *fname =
		t_strdup_printf(MDBOX_MAIL_FILE_FORMAT, amail->file_id);

	/* Without a file_id it isn't found by others, and freed with its last
	   reference. */
	file->storage = storage;
	file->file.storage = &storage->storage;
	file->file.primary_path =
		i_strdup_printf("%s/%s", storage->storage_dir, fname);
	if (storage->alt_storage_dir != NULL) {
		file->file.alt_path = i_strdup_printf("%s/%s",
			storage->alt_storage_dir, fname);
	}
	dbox_file_init(&file->file);
	return &file->file;
}

static struct dbox_read_file *
mdbox_read_file_get(struct mdbox_storage *storage, uint32_t file_id)
{
	struct dbox_reader *reader =
		dbox_reader_get(storage->storage.storage.user);
	struct dbox_read_file_key key;
	const char *path, *alt_path = NULL;

	if (reader == NULL)
		return NULL;
	i_zero(&key);
	key.storage = storage;
	key.file_id = file_id;
	/* A rebuild can rewrite files under the same name. */
	key.generation = mdbox_map_get_rebuild_count(storage->map);
	path = t_strdup_printf("%s/"MDBOX_MAIL_FILE_FORMAT,
			       storage->storage_dir, file_id);
	if (storage->alt_storage_dir != NULL) {
		alt_path = t_strdup_printf("%s/"MDBOX_MAIL_FILE_FORMAT,
					   storage->alt_storage_dir, file_id);
	}
	return dbox_read_file_get(reader, &key, path, alt_path);
}

struct dbox_read *
dbox_aio_mdbox_read(struct dbox_mail *mail, struct dbox_read_settings *set)
{
	struct mail *_mail = &mail->imail.mail.mail;
	struct mdbox_storage *storage =
		dbox_aio_compat_mdbox_storage(_mail->box->storage);
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct mdbox_map_mail_index_record rec;
	struct dbox_read *read;

	if (storage->corrupted || !mdbox_mail_find(_mail, &rec))
		return NULL;
	set->file = mdbox_read_file_get(storage, rec.file_id);
	if (set->file == NULL)
		return NULL;
	set->offset = rec.offset;
	set->size = rec.size;
	/* nothing of mdbox is asked of the file itself */
	set->flags &= ENUM_NEGATE(DBOX_READ_FLAG_WANT_FD);
	if (rec.size != 0 && rec.size <= WHOLE_RECORD_SIZE) {
		/* Only whole records are read together with others. */
		set->flags = 0;
		set->body_offset = set->body_limit = 0;
	}
	set->owner = _mail->box->storage->user;
	set->mount = amail->abox->mount;
	read = dbox_read_queue(_mail->box->storage->user, set);
	dbox_read_file_unref(&set->file);
	if (read != NULL) {
		amail->file_id = rec.file_id;
		amail->offset = rec.offset;
	}
	return read;
}

bool dbox_aio_mdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result)
{
	struct mail *_mail = &mail->imail.mail.mail;
	struct mdbox_storage *storage =
		dbox_aio_compat_mdbox_storage(_mail->box->storage);
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);

	if (mail->open_file != NULL ||
	    (result->from_alt && storage->alt_storage_dir == NULL)) {
		dbox_read_result_free(result);
		return FALSE;
	}
	mail->open_file = dbox_aio_mdbox_file_alloc(mail);
	dbox_aio_file_set_input(mail->open_file, result);
	mail->offset = amail->offset;
	return TRUE;
}

void dbox_aio_mdbox_storage_destroyed(struct mail_storage *storage)
{
	dbox_read_files_forget(dbox_aio_compat_mdbox_storage(storage));
}
