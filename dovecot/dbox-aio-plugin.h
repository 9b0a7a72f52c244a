#ifndef DBOX_AIO_PLUGIN_H
#define DBOX_AIO_PLUGIN_H

/* The storage half, as the imap half sees it. */

struct mail;
struct mail_search_context;
struct module;
struct dbox_read;

extern const char *dbox_aio_plugin_version;

/* Returns the read that the mail, or the mail behind a virtual one, has to wait
   for, or NULL if it can be accessed without waiting for this plugin. All that
   is queued has been submitted then. */
struct dbox_read *dbox_aio_mail_get_pending(struct mail *mail);

/* What FETCH wants of mails' bodies, if that is a part of each */
struct dbox_aio_partial {
	/* as the client counts: with CRLFs */
	uoff_t offset, size;
	enum {
		DBOX_AIO_PARTIAL_MAIL,
		DBOX_AIO_PARTIAL_TEXT,
		/* begins wherever the mail's structure says */
		DBOX_AIO_PARTIAL_MIME_PART
	} section;
};

/* Mails that are read ahead from now on are read for this, until it is called
   with NULL. It must stay valid till then. A hint: whatever else of the mail is
   needed is read then. */
void dbox_aio_mail_set_partial(const struct dbox_aio_partial *partial);

void dbox_aio_plugin_init(struct module *module);
void dbox_aio_plugin_deinit(void);

#endif
