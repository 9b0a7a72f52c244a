#ifndef DBOX_AIO_STORAGE_H
#define DBOX_AIO_STORAGE_H

#include "index-mail.h"
#include "dbox-mail.h"
#include "dbox-storage.h"
#include "dbox-read.h"

struct dbox_aio_mount;

struct dbox_aio_storage {
	union mail_storage_module_context module_ctx;
	/* mail_open() as it was */
	struct dbox_storage_vfuncs super;
	bool is_mdbox;
};

struct dbox_aio_mailbox {
	union mailbox_module_context module_ctx;
	/* of the mails, and of those in alternative storage; NULL = not
	   looked for yet, or there is none */
	struct dbox_aio_mount *mount, *alt_mount;
	/* there is a cache file, or trying to make it was enough */
	bool cache_prepared;
};

struct dbox_aio_mail {
	union mail_module_context module_ctx;
	/* of the mail's storage and mailbox: looking for them costs more than
	   the rest of what is done for a mail that Dovecot reads by itself */
	struct dbox_aio_storage *astorage;
	struct dbox_aio_mailbox *abox;
	/* the mail's read until the mail uses it, or NULL */
	struct dbox_read *read;
	/* it can't be read, and Dovecot must not try */
	bool broken;
	/* mdbox: where the mail is */
	uint32_t file_id;
	uoff_t offset;
};

#define DBOX_AIO_STORAGE_CONTEXT(obj) \
	MODULE_CONTEXT(obj, dbox_aio_storage_module)
#define DBOX_AIO_MAILBOX_CONTEXT(obj) \
	MODULE_CONTEXT(obj, dbox_aio_mailbox_module)
#define DBOX_AIO_MAIL_CONTEXT(obj) \
	MODULE_CONTEXT(obj, dbox_aio_mail_module)
extern MODULE_CONTEXT_DEFINE(dbox_aio_storage_module,
			     &mail_storage_module_register);
extern MODULE_CONTEXT_DEFINE(dbox_aio_mailbox_module,
			     &mail_storage_module_register);
extern MODULE_CONTEXT_DEFINE(dbox_aio_mail_module, &mail_module_register);

/* What is to be read of a mail to answer what the caller wants of it: sets the
   flags and the part of the body. Returns FALSE if nothing is. */
bool dbox_aio_mail_wanted(struct index_mail *mail,
			  struct dbox_read_settings *set);

/* Queue the read of a mail. Completes the settings with where it is. Returns NULL if it can't be read ahead. */
struct dbox_read *
dbox_aio_sdbox_read(struct dbox_mail *mail, struct dbox_read_settings *set);
struct dbox_read *
dbox_aio_mdbox_read(struct dbox_mail *mail, struct dbox_read_settings *set);

/* Make the result the mail's open file, as if Dovecot had opened it. Returns
   FALSE, and has let the message go, if that can't be. */
bool dbox_aio_sdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result);
bool dbox_aio_mdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result);
/* Returns the file that the mail is in, for this mail only. */
struct dbox_file *dbox_aio_mdbox_file_alloc(struct dbox_mail *mail);
/* The common part of it: the file has the record as its input. */
void dbox_aio_file_set_input(struct dbox_file *file,
			     struct dbox_read_result *result);

/* Close what is open of the storage. */
void dbox_aio_mdbox_storage_destroyed(struct mail_storage *storage);

/* Returns TRUE inside the search for the next mail. */
bool dbox_aio_search_is_active(void);
/* A mail is accessed to find out whether it matches. */
void dbox_aio_search_mail_accessed(void);
/* Put the search's functions into a mailbox. */
void dbox_aio_search_mailbox_hook(struct mailbox_vfuncs *v);

/* Mails of the mailbox will be read: make its cache file if it will be made
   anyway. */
void dbox_aio_cache_prepare(struct mailbox *box,
			    struct dbox_aio_mailbox *abox);

/* All accesses to bodies and metadata come through here:
   dbox_storage_vfuncs.mail_open() */
int dbox_aio_mail_open(struct dbox_mail *mail, uoff_t *offset_r,
		       struct dbox_file **file_r);

void dbox_aio_storage_created(struct mail_storage *storage);
void dbox_aio_mailbox_allocated(struct mailbox *box);
void dbox_aio_mail_allocated(struct mail *mail);

/* Returns TRUE if the mailbox's mails are better left to Dovecot just now. */
bool dbox_aio_mailbox_is_quick(struct mailbox *box,
			       struct dbox_aio_mailbox *abox);

#endif
