/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "array.h"
#include "mail-cache.h"
#include "index-storage.h"
#include "index-pop3-uidl.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"
#include "dbox-aio-plugin.h"

/* Mails up to this size are read whole where it isn't known what is needed of
   them. */
#define PARTIAL_MAX (1024 * 1024)
#define PARTIAL_EXTRA (16 * 1024)

static const struct dbox_aio_partial *partial_wanted;

static bool
cache_has(const struct index_mail *mail, enum index_cache_field field)
{
	const struct mail *_mail = &mail->mail.mail;

	return mail_cache_field_exists(_mail->transaction->cache_view,
		_mail->seq, mail->ibox->cache_fields[field].idx) > 0;
}

static bool cache_has_headers(const struct index_mail *mail)
{
	const struct mail *_mail = &mail->mail.mail;
	const struct mailbox_header_lookup_ctx *headers =
		mail->data.wanted_headers;
	unsigned int i;

	if (headers == NULL)
		return TRUE;
	for (i = 0; i < headers->count; i++) {
		if (mail_cache_field_exists(_mail->transaction->cache_view,
					    _mail->seq,
					    headers->idx[i]) <= 0)
			return FALSE;
	}
	return TRUE;
}

static bool index_has_virtual_size(struct index_mail *mail)
{
	struct mail *_mail = &mail->mail.mail;
	const void *data;

	mail_index_lookup_ext(_mail->transaction->view, _mail->seq,
			      _mail->box->mail_vsize_ext_id, &data, NULL);
	return data != NULL && *(const uint32_t *)data > 0;
}

/* dbox keeps these in the metadata of the mail, if they aren't cached. */
static bool wants_metadata(struct index_mail *mail)
{
	const struct index_mail_data *data = &mail->data;
	enum mail_fetch_field wanted = data->wanted_fields;

	if ((wanted & MAIL_FETCH_RECEIVED_DATE) != 0 &&
	    data->received_date == (time_t)-1 &&
	    !cache_has(mail, MAIL_CACHE_RECEIVED_DATE))
		return TRUE;
	if ((wanted & MAIL_FETCH_VIRTUAL_SIZE) != 0 &&
	    data->virtual_size == UOFF_T_MAX &&
	    !index_has_virtual_size(mail) &&
	    !cache_has(mail, MAIL_CACHE_VIRTUAL_FULL_SIZE) &&
	    !cache_has(mail, MAIL_CACHE_MESSAGE_PARTS))
		return TRUE;
	if ((wanted & MAIL_FETCH_PHYSICAL_SIZE) != 0 &&
	    data->physical_size == UOFF_T_MAX &&
	    !cache_has(mail, MAIL_CACHE_PHYSICAL_FULL_SIZE) &&
	    !cache_has(mail, MAIL_CACHE_MESSAGE_PARTS))
		return TRUE;
	if ((wanted & MAIL_FETCH_GUID) != 0 &&
	    !cache_has(mail, MAIL_CACHE_GUID))
		return TRUE;
	if ((wanted & MAIL_FETCH_UIDL_BACKEND) != 0 &&
	    index_pop3_uidl_can_exist(&mail->mail.mail) &&
	    !cache_has(mail, MAIL_CACHE_POP3_UIDL))
		return TRUE;
	if ((wanted & MAIL_FETCH_POP3_ORDER) != 0 &&
	    index_pop3_uidl_can_exist(&mail->mail.mail) &&
	    !cache_has(mail, MAIL_CACHE_POP3_ORDER))
		return TRUE;
	return FALSE;
}

/* sdbox asks the file itself: stat() */
static bool wants_file(struct index_mail *mail)
{
	const struct index_mail_data *data = &mail->data;
	enum mail_fetch_field wanted = data->wanted_fields;

	if (strcmp(mail->mail.mail.box->storage->name, "sdbox") != 0)
		return FALSE;
	if ((wanted & MAIL_FETCH_SAVE_DATE) != 0 &&
	    data->save_date == (time_t)-1 &&
	    !cache_has(mail, MAIL_CACHE_SAVE_DATE))
		return TRUE;
	return (wanted & (MAIL_FETCH_REFCOUNT |
			  MAIL_FETCH_REFCOUNT_ID)) != 0;
}

void dbox_aio_mail_set_partial(const struct dbox_aio_partial *partial)
{
	partial_wanted = partial;
}

/* Read what a partial FETCH wants, and nothing of what is before it if that is
   far: clients fetch large mails piece by piece. Where it is in the mail isn't
   known exactly as a rule: line feeds count twice, and a part begins anywhere.
   What isn't read in advance, Dovecot reads when it finds that it needs it. */
static void
partial_get_window(struct index_mail *mail, struct dbox_read_settings *set)
{
	const struct dbox_aio_partial *partial = partial_wanted;
	const struct mail *_mail = &mail->mail.mail;
	const struct mail_msgpart_partial_cache *cache =
		&_mail->box->partial_cache;
	const bool headers = (mail->data.access_part & PARSE_HDR) != 0 ||
		!cache_has_headers(mail);

	if (partial->size > PARTIAL_MAX)
		return;
	if (partial->section != DBOX_AIO_PARTIAL_MAIL &&
	    !cache_has(mail, MAIL_CACHE_MESSAGE_PARTS)) {
		/* All is parsed to find it. */
		return;
	}
	if (!headers && cache->uid == _mail->uid &&
	    cache->virtual_pos < partial->offset &&
	    partial->offset - cache->virtual_pos <= PARTIAL_MAX) {
		/* The piece before this one has been fetched just now, and
		   Dovecot goes on from there. */
		set->body_offset = cache->physical_start + cache->physical_pos;
		set->body_limit = partial->offset - cache->virtual_pos +
			partial->size;
	} else if (partial->section == DBOX_AIO_PARTIAL_MIME_PART) {
		/* in most mails this is all, and what is wanted */
		set->body_limit = PARTIAL_MAX;
	} else if (partial->offset <= PARTIAL_MAX) {
		set->body_limit = partial->offset + partial->size;
	} else if (!headers && partial->section == DBOX_AIO_PARTIAL_MAIL &&
		   _mail->box->storage->set->mail_save_crlf) {
		set->body_offset = partial->offset;
		set->body_limit = partial->size;
	}
	/* the header of the mail, or what a parser looks ahead */
	set->body_limit += PARTIAL_EXTRA;
}

bool dbox_aio_mail_wanted(struct index_mail *mail,
			  struct dbox_read_settings *set)
{
	enum index_mail_access_part part = mail->data.access_part;
	bool metadata = wants_metadata(mail), file = wants_file(mail);

	i_zero(set);
	if (file)
		set->flags |= DBOX_READ_FLAG_WANT_FD;
	if (dbox_aio_compat_storage(mail->mail.mail.box->storage)->
	    attachment_dir != NULL) {
		/* the metadata says what of the body is elsewhere */
		metadata = TRUE;
	}
	if ((part & (READ_BODY | PARSE_BODY)) != 0) {
		if ((part & PARSE_BODY) == 0 && partial_wanted != NULL)
			partial_get_window(mail, set);
		return TRUE;
	}
	if ((part & (READ_HDR | PARSE_HDR)) != 0 || !cache_has_headers(mail)) {
		set->flags |= DBOX_READ_FLAG_HEADER;
		if (!metadata)
			set->flags |= DBOX_READ_FLAG_NO_METADATA;
		return TRUE;
	}
	set->flags |= DBOX_READ_FLAG_METADATA_ONLY;
	return wants_metadata(mail) || file;
}
