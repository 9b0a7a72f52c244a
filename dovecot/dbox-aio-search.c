/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "array.h"
#include "time-util.h"
#include "mail-search.h"
#include "mail-storage-private.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-plugin.h"
#include "dbox-aio-storage.h"
#include "dbox-aio-search.h"
#include "dbox-reader.h"

/* How long an asynchronous search runs before others get their turn */
#define SEARCH_SLICE_USECS 4000

/* Mails cost memory before anything is read for them, some 20 kB each. So many
   searches have their full window at the same time; with more of them windows
   get smaller, but not too small to be worth it. */
#define FULL_WINDOWS 16
#define MIN_WINDOW 2

/* searches that haven't ended yet */
static unsigned int search_count;
/* inside search_next_nonblock() */
static unsigned int search_active;
static bool search_async;
/* the asynchronous search isn't to go on yet */
static bool search_postpone;
/* the search that is to give back control after the mail that it looks at */
static struct index_search_context *search_stepping;
static struct dbox_read *search_pending;

void dbox_aio_search_async_begin(bool postpone)
{
	search_async = TRUE;
	search_postpone = postpone;
	search_pending = NULL;
}

struct dbox_read *dbox_aio_search_async_end(void)
{
	struct dbox_read *read = search_pending;

	search_async = search_postpone = FALSE;
	search_pending = NULL;
	return read;
}

bool dbox_aio_search_is_active(void)
{
	return search_active > 0;
}

void dbox_aio_search_mail_accessed(void)
{
	if (search_stepping != NULL)
		dbox_aio_compat_slice_end(search_stepping);
}

static unsigned int search_window(struct mail_user *user)
{
	unsigned int window = dbox_reader_window(user);

	if (search_count > FULL_WINDOWS) {
		window = I_MIN(window, I_MAX(MIN_WINDOW,
				window * FULL_WINDOWS / search_count));
	}
	return window;
}

static struct mail_search_context *
dbox_aio_search_init(struct mailbox_transaction_context *t,
		     struct mail_search_args *args,
		     const enum mail_sort_type *sort_program,
		     enum mail_fetch_field wanted_fields,
		     struct mailbox_header_lookup_ctx *wanted_headers)
{
	struct dbox_aio_mailbox *abox = DBOX_AIO_MAILBOX_CONTEXT(t->box);
	struct mail_search_context *ctx;
	unsigned int window;

	ctx = abox->module_ctx.super.search_init(t, args, sort_program,
						 wanted_fields, wanted_headers);
	search_count++;
	/* Nothing is read ahead for a sorted search, and with a window it would
	   never give way to others: what mails cost isn't counted then. */
	if (sort_program == NULL && !dbox_reader_has_failed()) {
		window = search_window(t->box->storage->user);
		if (ctx->max_mails < window + 1)
			ctx->max_mails = window + 1;
	}
	return ctx;
}

static int dbox_aio_search_deinit(struct mail_search_context *ctx)
{
	struct dbox_aio_mailbox *abox =
		DBOX_AIO_MAILBOX_CONTEXT(ctx->transaction->box);

	search_count--;
	return abox->module_ctx.super.search_deinit(ctx);
}

static int
dbox_aio_search_next_match_mail(struct mail_search_context *ctx,
				struct mail *mail)
{
	struct dbox_aio_mailbox *abox =
		DBOX_AIO_MAILBOX_CONTEXT(ctx->transaction->box);
	int ret;

	ret = abox->module_ctx.super.search_next_match_mail(ctx, mail);
	dbox_aio_search_mail_accessed();
	return ret;
}

/* Returns the mail that is returned next, or NULL if none is read ahead. */
static struct mail *search_get_head(struct mail_search_context *ctx)
{
	if (ctx->unused_mail_idx == 0)
		return NULL;
	return array_idx_elem(&ctx->mails, 0);
}

/* Returns TRUE if there is one more mail to look at. Leaves everything as if it
   hadn't been called. */
static bool search_have_more(struct mail_search_context *ctx)
{
	struct mailbox *box = ctx->transaction->box;
	uint32_t seq = ctx->seq, progress = ctx->progress_cur;
	bool ret;

	ret = box->v.search_next_update_seq(ctx);
	ctx->seq = seq;
	ctx->progress_cur = progress;
	mail_search_args_reset(ctx->args->args, FALSE);
	return ret;
}

static bool
search_next(struct dbox_aio_mailbox *abox, struct mail_search_context *ctx,
	    struct mail **mail_r, bool *tryagain_r)
{
	bool ret;

	search_active++;
	ret = abox->module_ctx.super.search_next_nonblock(ctx, mail_r, tryagain_r);
	search_active--;
	return ret;
}

/* Look at no more than one mail. */
static bool
search_step(struct dbox_aio_mailbox *abox, struct mail_search_context *ctx,
	    struct mail **mail_r, bool *tryagain_r)
{
	struct index_search_context *ictx = dbox_aio_compat_search(ctx);
	struct dbox_aio_compat_slice slice;
	bool ret;

	dbox_aio_compat_slice_save(ictx, &slice);
	search_stepping = ictx;
	ret = search_next(abox, ctx, mail_r, tryagain_r);
	search_stepping = NULL;
	dbox_aio_compat_slice_restore(ictx, &slice);
	return ret;
}

static bool search_slice_is_over(const struct timeval *start)
{
	struct timeval now;
	long long usecs;

	i_gettimeofday(&now);
	usecs = timeval_diff_usecs(&now, start);
	return usecs < 0 || usecs >= SEARCH_SLICE_USECS;
}

static bool
search_next_async(struct dbox_aio_mailbox *abox,
		  struct mail_search_context *ctx, struct mail **mail_r,
		  bool *tryagain_r)
{
	struct timeval start;
	struct mail *head;
	struct dbox_read *read;

	i_gettimeofday(&start);
	for (;;) {
		/* The step that makes the window full also goes on with the
		   head. */
		head = search_get_head(ctx);
		read = head == NULL ||
			(ctx->unused_mail_idx + 1 < ctx->max_mails &&
			 search_have_more(ctx)) ?
			NULL : dbox_aio_mail_get_pending(head);
		if (read != NULL) {
			/* All that can be read ahead is. */
			search_pending = read;
			*tryagain_r = TRUE;
			return FALSE;
		}
		if (search_step(abox, ctx, mail_r, tryagain_r))
			return TRUE;
		if (!*tryagain_r)
			return FALSE;
		if (search_slice_is_over(&start)) {
			dbox_read_submit_batch();
			return FALSE;
		}
	}
}

/* Close the mail that was returned last, which nobody looks at any more. Those
   of a window that isn't filled again would all be closed in one go, at the
   end, and have their memory until then. */
static void search_close_returned(struct mail_search_context *ctx)
{
	const unsigned int count = array_count(&ctx->mails);
	struct mail_private *mail;
	struct mail *last;

	if (ctx->sort_program != NULL || count <= ctx->unused_mail_idx)
		return;
	/* see search_more_with_prefetching() */
	last = array_idx_elem(&ctx->mails,
			      ctx->unused_mail_idx == 0 ? 0 : count - 1);
	mail = (struct mail_private *)last;
	mail->v.close(last);
}

static bool
dbox_aio_search_next_nonblock(struct mail_search_context *ctx,
			      struct mail **mail_r, bool *tryagain_r)
{
	struct dbox_aio_mailbox *abox =
		DBOX_AIO_MAILBOX_CONTEXT(ctx->transaction->box);
	bool ret;

	if (search_postpone) {
		/* once: whoever can't return to the ioloop asks again */
		search_postpone = FALSE;
		*tryagain_r = TRUE;
		return FALSE;
	}
	if (search_active == 0)
		search_close_returned(ctx);
	if (search_async && ctx->sort_program == NULL && ctx->max_mails > 1)
		return search_next_async(abox, ctx, mail_r, tryagain_r);

	ret = search_next(abox, ctx, mail_r, tryagain_r);
	if (search_active == 0)
		dbox_read_submit_batch();
	return ret;
}

void dbox_aio_search_mailbox_hook(struct mailbox_vfuncs *v)
{
	v->search_init = dbox_aio_search_init;
	v->search_deinit = dbox_aio_search_deinit;
	v->search_next_nonblock = dbox_aio_search_next_nonblock;
	v->search_next_match_mail = dbox_aio_search_next_match_mail;
}
