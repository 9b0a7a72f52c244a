/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"

/* As long as a mailbox has no cache file, Dovecot tries to open it for each
   mail that it looks up, and once more for each mail of the mailbox when it
   makes the file at the end of the command, while everybody waits. On a file
   system that asks somebody else each time that is longer than the reading. So
   the file is made as soon as it is known that it will be. Nothing can be in it
   yet, so there is no need to go through the mails. */

static int cache_create(struct mail_cache *cache)
{
	struct mail_index_transaction *trans;
	struct mail_index_view *view;
	int ret;

	view = mail_index_view_open(cache->index);
	trans = mail_index_transaction_begin(view,
		MAIL_INDEX_TRANSACTION_FLAG_EXTERNAL);
	ret = dbox_aio_compat_cache_create(cache, trans);
	if (ret < 0)
		mail_index_transaction_rollback(&trans);
	else
		ret = mail_index_transaction_commit(&trans);
	mail_index_view_close(&view);
	return ret;
}

void dbox_aio_cache_prepare(struct mailbox *box,
			    struct dbox_aio_mailbox *abox)
{
	struct mail_cache *cache = box->cache;
	struct mail_index *index = box->index;
	uint32_t file_seq;
	uoff_t file_offset;

	if (abox->cache_prepared)
		return;
	if (!MAIL_CACHE_IS_UNUSABLE(cache)) {
		abox->cache_prepared = TRUE;
		return;
	}
	/* Only if Dovecot has something to write to it. */
	if (!mail_cache_transactions_have_changes(cache))
		return;
	abox->cache_prepared = TRUE;
	if (index->log_sync_locked ||
	    mail_transaction_log_sync_lock(index->log, "mail cache purge",
					   &file_seq, &file_offset) < 0)
		return;
	if (mail_index_refresh(index) == 0)
		(void)cache_create(cache);
	mail_transaction_log_sync_unlock(index->log, "mail cache purge");
}
