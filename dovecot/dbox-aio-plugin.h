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

void dbox_aio_plugin_init(struct module *module);
void dbox_aio_plugin_deinit(void);

#endif
