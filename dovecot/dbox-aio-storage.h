#ifndef DBOX_AIO_STORAGE_H
#define DBOX_AIO_STORAGE_H

#include "index-mail.h"
#include "dbox-mail.h"
#include "dbox-storage.h"
#include "dbox-read.h"

struct index_search_context;

struct dbox_aio_storage {
	union mail_storage_module_context module_ctx;
	/* mail_open() as it was */
	struct dbox_storage_vfuncs super;
	bool is_mdbox;
};

struct dbox_aio_mail {
	union mail_module_context module_ctx;
	/* the mail's read until the mail uses it, or NULL */
	struct dbox_read *read;
	/* mdbox: where the mail is */
	uint32_t file_id;
	uoff_t offset;
};

#define DBOX_AIO_STORAGE_CONTEXT(obj) \
	MODULE_CONTEXT(obj, dbox_aio_storage_module)
#define DBOX_AIO_MAIL_CONTEXT(obj) \
	MODULE_CONTEXT(obj, dbox_aio_mail_module)
extern MODULE_CONTEXT_DEFINE(dbox_aio_storage_module,
			     &mail_storage_module_register);
extern MODULE_CONTEXT_DEFINE(dbox_aio_mail_module, &mail_module_register);

/* What is to be read of a mail to answer what the caller wants of it. Returns
   FALSE if nothing is. */
bool dbox_aio_mail_wanted(struct index_mail *mail,
			  enum dbox_read_flags *flags_r);

/* Queue the read of a mail. Returns NULL if it can't be read ahead. */
struct dbox_read *
dbox_aio_sdbox_read(struct dbox_mail *mail, enum dbox_read_flags flags);
struct dbox_read *
dbox_aio_mdbox_read(struct dbox_mail *mail, enum dbox_read_flags flags);

/* Make the result the mail's open file, as if Dovecot had opened it. Returns
   FALSE, and has let the message go, if that can't be. */
bool dbox_aio_sdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result);
bool dbox_aio_mdbox_use(struct dbox_mail *mail,
			struct dbox_read_result *result);
/* The common part of it: the file has the record as its input. */
void dbox_aio_file_set_input(struct dbox_file *file,
			     struct dbox_read_result *result);

/* Close what is open of the storage. */
void dbox_aio_mdbox_storage_destroyed(struct mail_storage *storage);

/* Returns TRUE inside the search for the next mail. */
bool dbox_aio_search_is_active(void);
/* A mail is accessed to find out whether it matches. */
void dbox_aio_search_mail_accessed(void);
void dbox_aio_search_mailbox_allocated(struct mailbox *box);

void dbox_aio_mail_allocated(struct mail *mail);
void dbox_aio_storage_created(struct mail_storage *storage);

#endif
