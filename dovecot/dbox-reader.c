/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "ioloop.h"
#include "mail-user.h"
#include "dbox-aio-settings.h"
#include "dbox-read.h"
#include "dbox-read-file.h"
#include "dbox-reader.h"
#include "dbox-reader-log.h"

#include <dbox_aio/dovecot.h>

static struct dbox_reader *reader;
static struct dbox_aio_dovecot *adapter;
/* process that has tried to make a reader in vain */
static pid_t failed_pid;

static const char *last_error(void)
{
	char buf[1024];

	if (dbox_aio_last_error(buf, sizeof(buf)) == 0)
		return "unknown error";
	return t_strdup(buf);
}

static void reader_dispatched(int ret, void *context ATTR_UNUSED)
{
	if (ret < 0)
		dbox_reader_fail(last_error());
	dbox_read_run_callbacks();
}

static struct dbox_reader *reader_init(struct mail_user *user)
{
	struct dbox_aio_settings set;
	struct dbox_aio *ctx;
	int ret;

	dbox_aio_settings_read(user, &set);
	if ((ret = dbox_aio_init(&ctx, &set.options)) < 0) {
		dbox_reader_log_unavailable(ret, last_error());
		return NULL;
	}
	if (dbox_aio_dovecot_attach(&adapter, ctx, io_loop_get_root(),
				    reader_dispatched, NULL) < 0) {
		dbox_reader_log_unavailable(DBOX_AIO_EINTERNAL, last_error());
		(void)dbox_aio_deinit(&ctx);
		return NULL;
	}
	reader = i_new(struct dbox_reader, 1);
	reader->ctx = ctx;
	reader->limits = set.limits;
	dbox_reader_log_start(reader, &set.options);
	return reader;
}

struct dbox_reader *dbox_reader_get(struct mail_user *user)
{
	if (reader != NULL)
		return reader;
	if (dbox_reader_has_failed())
		return NULL;
	T_BEGIN {
		reader = reader_init(user);
	} T_END;
	if (reader == NULL)
		failed_pid = getpid();
	return reader;
}

unsigned int dbox_reader_window(struct mail_user *user)
{
	return reader != NULL ? reader->limits.window :
		dbox_aio_settings_get_window(user);
}

struct dbox_reader *dbox_reader_find(void)
{
	return reader;
}

bool dbox_reader_has_failed(void)
{
	return failed_pid != 0 && failed_pid == getpid();
}

static void reader_free(void)
{
	struct dbox_reader *old = reader;
	struct dbox_aio *ctx = old->ctx;

	/* What the last callbacks do must not find the reader. */
	reader = NULL;
	dbox_aio_dovecot_detach(&adapter);
	dbox_read_files_deinit(ctx);
	(void)dbox_aio_deinit(&ctx);
	dbox_read_deinit();
	i_free(old);
}

void dbox_reader_fail(const char *reason)
{
	if (reader == NULL)
		return;
	failed_pid = getpid();
	dbox_reader_log_failed(reason);
	reader_free();
}

void dbox_reader_deinit(void)
{
	if (reader == NULL)
		return;
	dbox_reader_log_end(reader);
	reader_free();
}
