/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "imap-common.h"
#include "mail-storage-private.h"
#include "imap-commands.h"
#include "imap-fetch.h"
#include "dbox-aio-plugin.h"
#include "imap-dbox-aio-plugin.h"

/* All of these may open the mail. MODSEQ, FLAGS and UID are never in it, and
   neither are X-MAILBOX and X-REAL-UID. */
static const char *const fetch_items[] = {
	"BINARY", "BODY", "BODYSTRUCTURE", "ENVELOPE", "INTERNALDATE",
	"PREVIEW", "RFC822", "SAVEDATE", "SNIPPET", "X-GUID", "X-SAVEDATE"
};
typedef bool fetch_init_t(struct imap_fetch_init_context *ctx);
static fetch_init_t *fetch_super[N_ELEMENTS(fetch_items)];

/* The first handler of a FETCH: nothing is written for a mail before it can be
   read. Which command it is is known when the item is parsed: a FETCH that
   isn't a command's own, as NOTIFY has them, doesn't wait. */
static int
fetch_wait(struct imap_fetch_context *ctx, struct mail *mail, void *context)
{
	struct client_command_context *cmd = context;
	struct dbox_read *read;

	if (mail == NULL || cmd == NULL ||
	    cmd != imap_dbox_aio_command_fetching())
		return 1;
	read = dbox_aio_mail_get_pending(mail);
	if (cmd->cancel || ctx->client->disconnected) {
		if (read != NULL) {
			/* Nobody gets to see the mail: don't wait. */
			mail->lookup_abort = MAIL_LOOKUP_ABORT_READ_MAIL;
		}
		return 1;
	}
	if (read == NULL && !imap_dbox_aio_command_is_early(cmd) &&
	    !imap_dbox_aio_command_is_over(cmd))
		return 1;
	imap_dbox_aio_command_wait(cmd, read);
	return 0;
}

static void fetch_add_wait(struct imap_fetch_context *ctx)
{
	const struct imap_fetch_context_handler *h;
	struct imap_fetch_context_handler handler;

	array_foreach(&ctx->handlers, h) {
		if (h->handler == fetch_wait)
			return;
	}
	i_zero(&handler);
	handler.handler = fetch_wait;
	handler.context = imap_dbox_aio_command_fetching();
	handler.name = "X-DBOX-AIO";
	handler.nil_reply = "NIL";
	handler.buffered = TRUE;
	array_insert(&ctx->handlers, 0, &handler, 1);
	ctx->buffered_handlers_count++;
}

/* Returns what is behind the ']' of BODY[...]. */
static const char *
body_get_partial(const struct imap_fetch_init_context *ctx,
		 const char **section_r)
{
	const struct imap_arg *list_args;
	unsigned int list_count;
	const char *p, *str;

	p = strchr(ctx->name, '[');
	if (p == NULL)
		return NULL;
	*section_r = p + 1;
	if (imap_arg_get_list_full(&ctx->args[0], &list_args, &list_count)) {
		/* BODY[HEADER.FIELDS (...)] */
		return imap_arg_get_atom(&ctx->args[1], &str) &&
			str[0] == ']' ? str + 1 : NULL;
	}
	p = strchr(*section_r, ']');
	if (p == NULL)
		return NULL;
	*section_r = t_strdup_until(*section_r, p);
	return p + 1;
}

static bool
partial_parse(const char *str, struct dbox_aio_partial *partial_r)
{
	i_zero(partial_r);
	return str[0] == '<' &&
		str_parse_uoff(str + 1, &partial_r->offset, &str) == 0 &&
		str[0] == '.' &&
		str_parse_uoff(str + 1, &partial_r->size, &str) == 0 &&
		strcmp(str, ">") == 0;
}

/* How much of the body the item wants. What isn't understood wants all of it;
   what it says about errors is Dovecot's business. */
static void
fetch_item_want_body(const struct imap_fetch_init_context *ctx,
		     const char *name)
{
	struct dbox_aio_partial partial;
	const char *section, *str;

	if (strcmp(name, "BODY") == 0 && strchr(ctx->name, '[') != NULL) {
		str = body_get_partial(ctx, &section);
		if (str == NULL || !partial_parse(str, &partial)) {
			if (str == NULL || !str_begins(section, "HEADER"))
				imap_dbox_aio_command_want_body(NULL);
			return;
		}
		if (str_begins(section, "HEADER"))
			return;
		partial.section = *section == '\0' ? DBOX_AIO_PARTIAL_MAIL :
			strcmp(section, "TEXT") == 0 ? DBOX_AIO_PARTIAL_TEXT :
			DBOX_AIO_PARTIAL_MIME_PART;
		imap_dbox_aio_command_want_body(&partial);
	} else if (strcmp(name, "BINARY") == 0 ||
		   strcmp(name, "PREVIEW") == 0 ||
		   strcmp(name, "SNIPPET") == 0 ||
		   strcmp(ctx->name, "RFC822") == 0 ||
		   strcmp(ctx->name, "RFC822.TEXT") == 0) {
		imap_dbox_aio_command_want_body(NULL);
	}
}

static bool fetch_item_init(struct imap_fetch_init_context *ctx)
{
	const char *name, *p;
	unsigned int i;

	/* the item's name as imap_fetch_init_handler() sees it */
	for (p = ctx->name; i_isalnum(*p) || *p == '-'; p++) ;
	name = t_strdup_until(ctx->name, p);
	for (i = 0; i < N_ELEMENTS(fetch_items); i++) {
		if (strcmp(fetch_items[i], name) == 0)
			break;
	}
	i_assert(i < N_ELEMENTS(fetch_items));
	fetch_add_wait(ctx->fetch_ctx);
	fetch_item_want_body(ctx, name);
	return fetch_super[i](ctx);
}

static void fetch_item_replace(const char *name, fetch_init_t *init)
{
	struct imap_fetch_handler handler;

	imap_fetch_handler_unregister(name);
	i_zero(&handler);
	handler.name = name;
	handler.init = init;
	imap_fetch_handlers_register(&handler, 1);
}

void imap_dbox_aio_fetch_init(void)
{
	const struct imap_fetch_handler *handler;
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(fetch_items); i++) {
		handler = imap_fetch_handler_lookup(fetch_items[i]);
		if (handler == NULL)
			continue;
		fetch_super[i] = handler->init;
		fetch_item_replace(fetch_items[i], fetch_item_init);
	}
}

void imap_dbox_aio_fetch_deinit(void)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(fetch_items); i++) {
		if (fetch_super[i] != NULL)
			fetch_item_replace(fetch_items[i], fetch_super[i]);
	}
}
