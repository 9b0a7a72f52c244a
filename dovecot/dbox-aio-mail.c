/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"
#include "dbox-aio-plugin.h"
#include "dbox-aio-mount.h"

struct dbox_aio_mail_module dbox_aio_mail_module =
	MODULE_CONTEXT_INIT(&mail_module_register);

static bool dbox_aio_mail_prefetch(struct mail *_mail)
{
	struct dbox_mail *mail = DBOX_MAIL(_mail);
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct dbox_read_settings set;

	if (amail->read != NULL)
		return FALSE;
	if (dbox_aio_mailbox_is_quick(_mail->box, amail->abox)) {
		/* Without mail_prefetch_count Dovecot would only tell the
		   kernel to read what it reads itself in the next moment. */
		return _mail->box->storage->set->mail_prefetch_count == 0 ||
			amail->module_ctx.super.prefetch(_mail);
	}
	if (_mail->saving || _mail->expunged ||
	    mail->open_file != NULL || mail->imail.data.stream != NULL ||
	    !dbox_aio_mail_wanted(&mail->imail, &set))
		return amail->module_ctx.super.prefetch(_mail);

	dbox_aio_cache_prepare(_mail->box, amail->abox);
	amail->read = amail->astorage->is_mdbox ?
		dbox_aio_mdbox_read(mail, &set) :
		dbox_aio_sdbox_read(mail, &set);
	if (amail->read == NULL)
		return amail->module_ctx.super.prefetch(_mail);
	mail->imail.data.prefetch_sent = TRUE;
	if (!dbox_aio_search_is_active())
		dbox_read_submit(NULL);
	return FALSE;
}

/* As Dovecot does when it meets such a file for the first time. It would leave
   the file half open, and not survive the second time. */
static void
dbox_aio_mail_set_broken(struct dbox_mail *mail,
			 const struct dbox_read_result *result)
{
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	const bool is_mdbox = amail->astorage->is_mdbox;
	struct dbox_file *file;

	amail->broken = TRUE;
	file = is_mdbox ? dbox_aio_mdbox_file_alloc(mail) :
		mail->open_file;
	if (result->broken_in_alt && file->alt_path != NULL)
		file->cur_path = file->alt_path;
	dbox_file_set_corrupted(file, "%s", result->broken_header);
	if (is_mdbox)
		dbox_file_unref(&file);
}

/* The mail is needed now. Returns -1 if it can't be read, and nobody should
   try. */
static int dbox_aio_mail_use(struct dbox_mail *mail)
{
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct dbox_read_result result;

	dbox_read_wait(amail->read);
	dbox_read_take_result(amail->read, &result);
	dbox_read_unref(&amail->read);
	if (result.broken_header != NULL) {
		dbox_aio_mail_set_broken(mail, &result);
		return -1;
	}
	if (result.message == NULL) {
		/* Dovecot knows better what to do about it: look into the
		   index once more, tell that the file is corrupted ... */
		return 0;
	}
	if (amail->astorage->is_mdbox)
		(void)dbox_aio_mdbox_use(mail, &result);
	else
		(void)dbox_aio_sdbox_use(mail, &result);
	return 0;
}

/* Called several times for each mail that Dovecot reads by itself */
int dbox_aio_mail_open(struct dbox_mail *mail, uoff_t *offset_r,
		   struct dbox_file **file_r)
{
	struct mail *_mail = &mail->imail.mail.mail;
	struct dbox_aio_mail *amail =
		DBOX_AIO_MAIL_CONTEXT(&mail->imail.mail);
	struct dbox_aio_storage *astorage = amail != NULL ? amail->astorage :
		DBOX_AIO_STORAGE_CONTEXT(_mail->box->storage);

	if (_mail->lookup_abort == MAIL_LOOKUP_ABORT_NEVER) {
		if (_mail->access_type == MAIL_ACCESS_TYPE_SEARCH)
			dbox_aio_search_mail_accessed();
		if (amail != NULL && amail->broken)
			return -1;
		if (amail != NULL && amail->read != NULL &&
		    mail_stream_access_start(_mail) &&
		    dbox_aio_mail_use(mail) < 0)
			return -1;
	}
	return astorage->super.mail_open(mail, offset_r, file_r);
}

/* Dovecot opens the mail by itself: see how long that takes. */
static int
dbox_aio_mail_open_stream(struct mail *_mail, bool get_body,
			  struct istream **stream_r)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct dbox_aio_mail *amail = DBOX_AIO_MAIL_CONTEXT(mail);
	struct dbox_aio_mount *mount = amail->abox->mount;
	struct dbox_aio_mount_open open;
	int ret;

	dbox_aio_mount_open_begin(mount, &open);
	ret = amail->module_ctx.super.get_stream(_mail, get_body, NULL, NULL,
						 stream_r);
	dbox_aio_mount_open_end(mount, &open);
	return ret;
}

static int
dbox_aio_mail_get_stream(struct mail *_mail, bool get_body,
			 struct message_size *hdr_size,
			 struct message_size *body_size,
			 struct istream **stream_r)
{
	struct index_mail *mail = INDEX_MAIL(_mail);
	struct dbox_aio_mail *amail = DBOX_AIO_MAIL_CONTEXT(&mail->mail);

	if (_mail->access_type == MAIL_ACCESS_TYPE_SEARCH)
		dbox_aio_search_mail_accessed();
	if (amail->read == NULL) {
		if (mail->data.stream == NULL && hdr_size == NULL &&
		    body_size == NULL &&
		    dbox_aio_mailbox_is_quick(_mail->box, amail->abox))
			return dbox_aio_mail_open_stream(_mail, get_body,
							 stream_r);
	} else if (dbox_aio_search_is_active() &&
		   _mail->access_type != MAIL_ACCESS_TYPE_SEARCH &&
		   dbox_read_get_state(amail->read) != DBOX_READ_STATE_DONE) {
		/* index_mail_update_access_parts_post() only wants to know
		   early whether the mail still exists. It does without. */
		return -1;
	}
	return amail->module_ctx.super.get_stream(_mail, get_body, hdr_size,
						  body_size, stream_r);
}

static void dbox_aio_mail_close(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct dbox_aio_mail *amail = DBOX_AIO_MAIL_CONTEXT(mail);

	if (amail->read != NULL)
		dbox_read_unref(&amail->read);
	amail->broken = FALSE;
	amail->module_ctx.super.close(_mail);
}

void dbox_aio_mail_allocated(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;
	struct dbox_aio_storage *astorage =
		DBOX_AIO_STORAGE_CONTEXT(_mail->box->storage);
	struct dbox_aio_mail *amail;

	if (astorage == NULL)
		return;
	amail = p_new(mail->pool, struct dbox_aio_mail, 1);
	amail->astorage = astorage;
	amail->abox = DBOX_AIO_MAILBOX_CONTEXT(_mail->box);
	amail->module_ctx.super = *v;
	mail->vlast = &amail->module_ctx.super;
	v->prefetch = dbox_aio_mail_prefetch;
	v->get_stream = dbox_aio_mail_get_stream;
	v->close = dbox_aio_mail_close;
	MODULE_CONTEXT_SET(mail, dbox_aio_mail_module, amail);
}

struct dbox_read *dbox_aio_mail_get_pending(struct mail *mail)
{
	struct mail_private *p = (struct mail_private *)mail;
	struct dbox_aio_mail *amail = DBOX_AIO_MAIL_CONTEXT(p);

	if (amail == NULL || amail->read == NULL)
		return NULL;
	if (dbox_read_get_state(amail->read) != DBOX_READ_STATE_DONE) {
		dbox_read_submit(amail->read);
		if (dbox_read_is_done(amail->read))
			return NULL;
		return amail->read;
	}
	return NULL;
}
