/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "lib-event.h"
#include "master-interface.h"
#include "master-service.h"
#include "dbox-reader.h"
#include "dbox-reader-log.h"

#include <dbox_aio.h>
#include <stdlib.h>

/* A process that an administrator runs by hand logs to the terminal: there
   the usual things aren't worth a line. */
static bool log_quietly(void)
{
	return getenv(MASTER_IS_PARENT_ENV) == NULL;
}

static struct event *log_event(void)
{
	struct event *event = event_create(NULL);

	event_set_append_log_prefix(event, "dbox_aio: ");
	return event;
}

static const char *backend_name(uint32_t backend)
{
	return backend == DBOX_AIO_BACKEND_URING ? "io_uring" : "threads";
}

void dbox_reader_log_start(const struct dbox_reader *reader,
			   const struct dbox_aio_options *options)
{
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct event *event = log_event();
	const char *reason = dbox_aio_fallback_reason(reader->ctx);
	const char *text;

	(void)dbox_aio_get_stats(reader->ctx, &stats);
	text = t_strdup_printf("reading with %s%s%s%s, window %u mails, "
		"queue depth %u, at most %"PRIuUOFF_T" MiB",
		backend_name(stats.backend),
		*reason == '\0' ? "" : " (", reason,
		*reason == '\0' ? "" : ")",
		reader->limits.window, options->queue_depth,
		reader->limits.max_bytes / (1024*1024));
	if (log_quietly())
		e_debug(event, "%s", text);
	else
		e_info(event, "%s", text);
	event_unref(&event);
}

void dbox_reader_log_unavailable(int status, const char *error)
{
	struct event *event = log_event();
	const char *todo = "";

	if (status == DBOX_AIO_ELIMIT) {
		todo = t_strdup_printf(" - set service %s { vsz_limit = 0 }",
			t_strcut(master_service_get_name(master_service),
				 ' '));
	}
	e_warning(event, "Mails are read without the library: %s: %s%s",
		  dbox_aio_strerror(status), error, todo);
	event_unref(&event);
}

void dbox_reader_log_failed(const char *error)
{
	struct event *event = log_event();

	e_error(event, "The library has failed, mails are read without it "
		"from now on: %s", error);
	event_unref(&event);
}

void dbox_reader_log_end(const struct dbox_reader *reader)
{
	const struct dbox_reader_counters *c = &reader->counters;
	struct dbox_aio_stats stats = DBOX_AIO_STATS_INIT;
	struct event *event = log_event();
	struct event_passthrough *e;
	const char *text;

	(void)dbox_aio_get_stats(reader->ctx, &stats);
	e = event_create_passthrough(event)->
		set_name("dbox_aio_finished")->
		add_str("backend", backend_name(stats.backend))->
		add_int("submitted", c->submitted)->
		add_int("used", c->used)->
		add_int("refused", c->refused)->
		add_int("cancelled", c->cancelled)->
		add_int("dropped", c->dropped)->
		add_int("batches", c->batches)->
		add_int("ioloop_waits", c->ioloop_waits)->
		add_int("blocking_waits", c->blocking_waits)->
		add_int("opens", stats.opens)->
		add_int("reads", stats.reads)->
		add_int("merged_reads", stats.merged_reads)->
		add_int("immediate", stats.immediate)->
		add_int("bytes_read", stats.bytes_read)->
		add_int("failed", stats.failed);
	text = t_strdup_printf("%llu mails asked for in %llu batches: "
		"%llu used, %llu left to Dovecot, %llu cancelled, "
		"%llu dropped for memory; waited %llu times with the ioloop, "
		"%llu times without; %llu opens, %llu reads, %llu merged, "
		"%llu at once, %llu bytes",
		c->submitted, c->batches, c->used, c->refused, c->cancelled,
		c->dropped, c->ioloop_waits, c->blocking_waits,
		(unsigned long long)stats.opens,
		(unsigned long long)stats.reads,
		(unsigned long long)stats.merged_reads,
		(unsigned long long)stats.immediate,
		(unsigned long long)stats.bytes_read);
	if (log_quietly())
		e_debug(e->event(), "%s", text);
	else
		e_info(e->event(), "%s", text);
	event_unref(&event);
}
