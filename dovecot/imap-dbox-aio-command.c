/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "imap-common.h"
#include "ioloop.h"
#include "module-context.h"
#include "istream.h"
#include "ostream.h"
#include "time-util.h"
#include "mail-storage-service.h"
#include "imap-commands.h"
#include "imap-search.h"
#include "imap-sync.h"
#include "dbox-aio-search.h"
#include "dbox-aio-plugin.h"
#include "dbox-read.h"
#include "imap-dbox-aio-plugin.h"

#include <time.h>

/* How long a FETCH runs before others get their turn, if its client takes
   whatever is sent */
#define FETCH_SLICE_USECS 4000
/* So long later commands of a client that doesn't wait for replies have to wait
   for a SEARCH. */
#define SEARCH_LOCK_USECS 2000000
/* How often a command that could go on, but mustn't because of another one of
   its client, looks whether that has changed. */
#define POSTPONED_MSECS 20

enum imap_dbox_aio_command_type {
	COMMAND_TYPE_FETCH,
	/* SEARCH and SORT, which is one in Dovecot's eyes */
	COMMAND_TYPE_SEARCH
};

static const struct {
	const char *name;
	enum imap_dbox_aio_command_type type;
} command_types[] = {
	{ "FETCH", COMMAND_TYPE_FETCH },
	{ "UID FETCH", COMMAND_TYPE_FETCH },
	{ "SEARCH", COMMAND_TYPE_SEARCH },
	{ "UID SEARCH", COMMAND_TYPE_SEARCH },
	{ "SORT", COMMAND_TYPE_SEARCH },
	{ "UID SORT", COMMAND_TYPE_SEARCH }
};

struct imap_dbox_aio_command {
	union imap_module_context module_ctx;
	struct client_command_context *cmd;
	enum imap_dbox_aio_command_type type;

	/* when the command began, and when its present slice did */
	struct timeval started;
	struct timespec slice_started;

	/* It has returned to the ioloop: because of a read, or for others to
	   have their turn. */
	bool waiting;
	/* it keeps later commands of its client from being begun */
	bool locked;
	/* what it waited for has come */
	bool continued;
	/* It is executed although it waits: client_output() does that with the
	   one that has the lock, and would sync it alone. It goes on waiting. */
	bool early;
	struct dbox_read_waiter waiter;
	struct timeout *to;

	/* FETCH: what its items want of bodies */
	enum {
		WANT_NO_BODY,
		WANT_PARTIAL_BODY,
		WANT_WHOLE_BODY
	} want_body;
	struct dbox_aio_partial partial;

	/* what it wants to do when it has returned */
	bool want_wait;
	struct dbox_read *want_read;
};

#define IMAP_DBOX_AIO_CONTEXT(obj) \
	MODULE_CONTEXT(obj, imap_dbox_aio_command_module)
static MODULE_CONTEXT_DEFINE_INIT(imap_dbox_aio_command_module,
				  &imap_module_register);

/* the command that is being executed, or NULL */
static struct imap_dbox_aio_command *current;

static struct imap_dbox_aio_command *
command_get(struct client_command_context *cmd)
{
	struct imap_dbox_aio_command *acmd = IMAP_DBOX_AIO_CONTEXT(cmd);
	unsigned int i;

	if (acmd != NULL)
		return acmd;
	if (cmd->name == NULL)
		return NULL;
	for (i = 0; i < N_ELEMENTS(command_types); i++) {
		if (strcasecmp(cmd->name, command_types[i].name) == 0)
			break;
	}
	if (i == N_ELEMENTS(command_types))
		return NULL;
	acmd = p_new(cmd->pool, struct imap_dbox_aio_command, 1);
	acmd->cmd = cmd;
	acmd->type = command_types[i].type;
	i_gettimeofday(&acmd->started);
	MODULE_CONTEXT_SET(cmd, imap_dbox_aio_command_module, acmd);
	return acmd;
}

struct client_command_context *imap_dbox_aio_command_fetching(void)
{
	return current == NULL || current->type != COMMAND_TYPE_FETCH ? NULL :
		current->cmd;
}

/* Mails are read ahead as all of the command's items want them: nothing is
   until they are all known. */
static void command_set_partial(const struct imap_dbox_aio_command *acmd)
{
	dbox_aio_mail_set_partial(acmd != NULL &&
				  acmd->want_body == WANT_PARTIAL_BODY ?
				  &acmd->partial : NULL);
}

void imap_dbox_aio_command_want_body(const struct dbox_aio_partial *partial)
{
	struct imap_dbox_aio_command *acmd = current;

	if (acmd == NULL || acmd->type != COMMAND_TYPE_FETCH)
		return;
	if (partial == NULL || acmd->want_body != WANT_NO_BODY)
		acmd->want_body = WANT_WHOLE_BODY;
	else {
		acmd->want_body = WANT_PARTIAL_BODY;
		acmd->partial = *partial;
	}
	command_set_partial(acmd);
}

bool imap_dbox_aio_command_is_early(struct client_command_context *cmd)
{
	struct imap_dbox_aio_command *acmd = IMAP_DBOX_AIO_CONTEXT(cmd);

	return acmd->early;
}

static long long usecs_since(const struct timeval *start)
{
	struct timeval now;

	i_gettimeofday(&now);
	return timeval_diff_usecs(&now, start);
}

/* Looked at for each mail: it may be out by a tick, but must cost nothing. */
static void slice_clock(struct timespec *now_r)
{
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, now_r);
}

bool imap_dbox_aio_command_is_over(struct client_command_context *cmd)
{
	struct imap_dbox_aio_command *acmd = IMAP_DBOX_AIO_CONTEXT(cmd);
	struct timespec now;

	if (imap_client_count <= 1)
		return FALSE;
	slice_clock(&now);
	return (now.tv_sec - acmd->slice_started.tv_sec) * 1000000 +
		(now.tv_nsec - acmd->slice_started.tv_nsec) / 1000 >=
		FETCH_SLICE_USECS;
}

void imap_dbox_aio_command_wait(struct client_command_context *cmd,
				struct dbox_read *read)
{
	struct imap_dbox_aio_command *acmd = IMAP_DBOX_AIO_CONTEXT(cmd);

	i_assert(acmd == current);
	acmd->want_wait = TRUE;
	acmd->want_read = read;
}

/* A command that doesn't return to the ioloop is synced together with those
   that the client has sent behind it. Do as if it hadn't. */
static void client_sync_commands(struct client *client)
{
	if (!client->disconnected && client->input_lock == NULL &&
	    client->output_cmd_lock == NULL &&
	    i_stream_get_data_size(client->input) > 0) {
		client_add_missing_io(client);
		(void)client_handle_input(client);
	}
	(void)cmd_sync_delayed(client);
}

static void command_timeout(struct imap_dbox_aio_command *acmd);

/* Another command is in the middle of its output, or the client in the middle of
   a mail that it saves: APPEND wants nothing else to be sent, and mustn't find
   the output locked when it ends. */
static bool command_must_be_postponed(const struct client_command_context *cmd)
{
	const struct client *client = cmd->client;
	const struct client_command_context *input = client->input_lock;

	if (client->output_cmd_lock != NULL && client->output_cmd_lock != cmd)
		return TRUE;
	return input != NULL && input != cmd && input->name != NULL &&
		strcasecmp(input->name, "APPEND") == 0 &&
		input->state == CLIENT_COMMAND_STATE_WAIT_INPUT;
}

/* Go on with the command, the way client_output_cmd() does. */
static void command_exec_more(struct imap_dbox_aio_command *acmd)
{
	struct client_command_context *cmd = acmd->cmd;
	struct client *client = cmd->client;
	struct ostream *output = client->output;

	if (command_must_be_postponed(cmd)) {
		acmd->to = timeout_add_short(POSTPONED_MSECS, command_timeout,
					     acmd);
		return;
	}
	/* The tagged reply is sent by the sync. It has to be inside the cork:
	   outside, it would be a small packet of its own that TCP doesn't send
	   before the client has acknowledged all that was sent earlier, which
	   it may put off for 40 ms. */
	o_stream_ref(output);
	o_stream_cork(output);
	acmd->continued = TRUE;
	if (!command_exec(cmd))
		(void)client_handle_unfinished_cmd(cmd);
	else
		client_command_free(&cmd);
	client_sync_commands(client);
	o_stream_uncork(output);
	o_stream_unref(&output);
	client_continue_pending_input(client);
}

static void command_continue(struct imap_dbox_aio_command *acmd)
{
	struct ioloop_context *user;

	mail_storage_service_io_activate_user(acmd->cmd->client->service_user);
	command_exec_more(acmd);
	/* The client may be gone by now, and its context with it. */
	user = io_loop_get_current_context(current_ioloop);
	if (user != NULL)
		io_loop_context_deactivate(user);
}

static void command_timeout(struct imap_dbox_aio_command *acmd)
{
	struct ioloop_context *user =
		io_loop_get_current_context(current_ioloop);

	timeout_remove(&acmd->to);
	if (user != NULL)
		io_loop_context_deactivate(user);
	command_continue(acmd);
}

static bool
client_has_other_command(const struct client_command_context *cmd,
			 enum client_command_state state)
{
	const struct client_command_context *c;

	for (c = cmd->client->command_queue; c != NULL; c = c->next) {
		if (c != cmd && c->state == state)
			return TRUE;
	}
	return FALSE;
}

/* The lock that keeps others from being begun must be nobody else's, and no
   command may end while there is one. */
static bool command_can_lock(const struct client_command_context *cmd)
{
	const struct client *client = cmd->client;

	return client->output_cmd_lock == NULL &&
		(client->input_lock == NULL || client->input_lock == cmd) &&
		!client_has_other_command(cmd,
			CLIENT_COMMAND_STATE_WAIT_EXTERNAL) &&
		!client_has_other_command(cmd,
			CLIENT_COMMAND_STATE_WAIT_OUTPUT);
}

static void command_start_waiting(struct imap_dbox_aio_command *acmd,
				  struct dbox_read *read, bool lock)
{
	struct client *client = acmd->cmd->client;

	acmd->waiting = TRUE;
	if (read != NULL) {
		dbox_read_waiter_start(&acmd->waiter, read,
				       command_continue, acmd);
	} else {
		acmd->to = timeout_add_short(0, command_timeout, acmd);
	}
	/* Commands that a client sends without waiting for the reply are
	   answered in the same order as by a server that doesn't return to
	   its ioloop here. */
	if (lock && command_can_lock(acmd->cmd)) {
		client->output_cmd_lock = acmd->cmd;
		acmd->locked = TRUE;
	}
	/* client_output() may have been called for others, too */
	if (client_has_other_command(acmd->cmd,
				     CLIENT_COMMAND_STATE_WAIT_OUTPUT))
		o_stream_set_flush_pending(client->output, TRUE);
}

/* It is executed, whoever does that: nothing is to be waited for any more. */
static void command_stop_waiting(struct imap_dbox_aio_command *acmd)
{
	struct client *client = acmd->cmd->client;

	if (!acmd->waiting)
		return;
	acmd->waiting = FALSE;
	dbox_read_waiter_stop(&acmd->waiter);
	timeout_remove(&acmd->to);
	if (acmd->locked) {
		acmd->locked = FALSE;
		if (client->output_cmd_lock == acmd->cmd)
			client->output_cmd_lock = NULL;
	}
}

static void fetch_post(struct imap_dbox_aio_command *acmd)
{
	struct client_command_context *cmd = acmd->cmd;

	if (!acmd->want_wait || cmd->state != CLIENT_COMMAND_STATE_WAIT_OUTPUT)
		return;
	/* WAIT_OUTPUT would have it executed again as soon as the client can
	   be written to: at once. */
	cmd->state = CLIENT_COMMAND_STATE_WAIT_EXTERNAL;
	command_start_waiting(acmd, acmd->want_read, TRUE);
}

static void search_post(struct imap_dbox_aio_command *acmd)
{
	struct client_command_context *cmd = acmd->cmd;
	struct imap_search_context *ctx = cmd->context;
	struct dbox_read *read = dbox_aio_search_async_end();

	if (cmd->state != CLIENT_COMMAND_STATE_WAIT_EXTERNAL || ctx == NULL)
		return;
	/* imap_search_start() has added a timeout of 0 that executes the
	   command in each round of the ioloop. */
	timeout_remove(&ctx->to);
	command_start_waiting(acmd, read,
			      usecs_since(&acmd->started) < SEARCH_LOCK_USECS);
}

static void command_pre(struct client_command_context *cmd)
{
	struct imap_dbox_aio_command *acmd = command_get(cmd);

	current = acmd;
	command_set_partial(acmd);
	if (acmd == NULL)
		return;
	acmd->want_wait = FALSE;
	acmd->want_read = NULL;
	acmd->early = acmd->waiting && !acmd->continued && !cmd->cancel &&
		!cmd->client->disconnected;
	acmd->continued = FALSE;
	slice_clock(&acmd->slice_started);
	if (acmd->type == COMMAND_TYPE_FETCH) {
		if (acmd->waiting)
			cmd->state = CLIENT_COMMAND_STATE_WAIT_OUTPUT;
		imap_dbox_aio_output_begin(cmd);
	} else {
		if (!cmd->cancel)
			dbox_aio_search_async_begin(acmd->early);
	}
	command_stop_waiting(acmd);
}

static void command_post(struct client_command_context *cmd)
{
	struct imap_dbox_aio_command *acmd = current;

	current = NULL;
	command_set_partial(NULL);
	imap_dbox_aio_output_end();
	if (acmd == NULL || acmd->cmd != cmd)
		return;
	if (acmd->type == COMMAND_TYPE_FETCH)
		fetch_post(acmd);
	else
		search_post(acmd);
}

void imap_dbox_aio_commands_init(void)
{
	command_hook_register(command_pre, command_post);
}

void imap_dbox_aio_commands_deinit(void)
{
	command_hook_unregister(command_pre, command_post);
}
