#ifndef DBOX_AIO_COMPAT_H
#define DBOX_AIO_COMPAT_H

/* All that knows Dovecot's insides as they are in 2.3.19, and may be otherwise
   in another version. */

#include "index-mail.h"
#include "mail-cache-private.h"
#include "mail-index-private.h"
#include "mail-index-transaction-private.h"
#include "mail-transaction-log.h"
#include "index-search-private.h"
#include "dbox-storage.h"
#include "dbox-file.h"
#include "dbox-mail.h"
#include "mdbox-storage.h"
#include "mdbox-file.h"
#include "mdbox-map.h"
#include "sdbox-storage.h"
#include "sdbox-file.h"

/* container_of() needs a pointer that the macro's type check accepts */
static inline struct dbox_storage *
dbox_aio_compat_storage(struct mail_storage *storage)
{
	struct dbox_storage *dstorage = DBOX_STORAGE(storage);

	return dstorage;
}

static inline struct mdbox_storage *
dbox_aio_compat_mdbox_storage(struct mail_storage *storage)
{
	struct dbox_storage *dstorage = DBOX_STORAGE(storage);

	return MDBOX_DBOX_STORAGE(dstorage);
}

/* Make the cache file, unless somebody has made it meanwhile, with nothing in it
   about the mails there are: as when all of them are to be forgotten. */
static inline int
dbox_aio_compat_cache_create(struct mail_cache *cache,
			     struct mail_index_transaction *trans)
{
	int ret;

	trans->reset = TRUE;
	ret = mail_cache_purge_with_trans(cache, trans, 0, "creating cache");
	/* and they are not */
	trans->reset = FALSE;
	return ret;
}

static inline struct index_search_context *
dbox_aio_compat_search(struct mail_search_context *ctx)
{
	return container_of(ctx, struct index_search_context, mail_ctx);
}

/* What index-search.c looks at to see whether a search has run long enough. */
struct dbox_aio_compat_slice {
	struct timeval last_nonblock_timeval;
	unsigned long long cost, next_time_check_cost;
};

static inline void
dbox_aio_compat_slice_save(const struct index_search_context *ctx,
			   struct dbox_aio_compat_slice *slice_r)
{
	slice_r->last_nonblock_timeval = ctx->last_nonblock_timeval;
	slice_r->cost = ctx->cost;
	slice_r->next_time_check_cost = ctx->next_time_check_cost;
}

static inline void
dbox_aio_compat_slice_restore(struct index_search_context *ctx,
			      const struct dbox_aio_compat_slice *slice)
{
	ctx->last_nonblock_timeval = slice->last_nonblock_timeval;
	ctx->cost = slice->cost;
	ctx->next_time_check_cost = slice->next_time_check_cost;
}

/* Makes it believe so, at its next look. */
static inline void
dbox_aio_compat_slice_end(struct index_search_context *ctx)
{
	i_zero(&ctx->last_nonblock_timeval);
	ctx->cost = ctx->next_time_check_cost = 1;
}

#endif
