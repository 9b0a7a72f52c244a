/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "settings-parser.h"
#include "mail-user.h"
#include "mail-storage-settings.h"
#include "dbox-aio-settings.h"

#include <sys/resource.h>

#define SETTING_PREFIX "dbox_aio_"

#define DEFAULT_WINDOW 32
#define DEFAULT_QUEUE_DEPTH 64
#define DEFAULT_MAX_BYTES (128 * 1024 * 1024)
#define MIN_MAX_BYTES (1024 * 1024)
#define MAX_QUEUE_DEPTH 4096

/* Descriptors that Dovecot needs for itself: clients, indexes, logs. */
#define RESERVED_FDS 64

/* The window is asked for before anything is used: what is wrong is logged
   when it is. */
static bool settings_are_quiet;

static void
setting_is_wrong(struct mail_user *user, const char *key, const char *value,
		 const char *error)
{
	if (settings_are_quiet)
		return;
	e_error(user->event, "plugin { "SETTING_PREFIX"%s = %s } is ignored: %s",
		key, value, error);
}

static unsigned int
setting_get_uint(struct mail_user *user, const char *key,
		 unsigned int max, unsigned int fallback)
{
	const char *value;
	unsigned int num;

	value = mail_user_plugin_getenv(user,
			t_strconcat(SETTING_PREFIX, key, NULL));
	if (value == NULL || *value == '\0')
		return fallback;
	if (str_to_uint(value, &num) < 0 || num > max) {
		setting_is_wrong(user, key, value, t_strdup_printf(
			"must be a number up to %u", max));
		return fallback;
	}
	return num == 0 ? fallback : num;
}

static uoff_t
setting_get_size(struct mail_user *user, const char *key,
		 uoff_t min, uoff_t fallback)
{
	const char *value, *error;
	uoff_t size;

	value = mail_user_plugin_getenv(user,
			t_strconcat(SETTING_PREFIX, key, NULL));
	if (value == NULL || *value == '\0')
		return fallback;
	if (settings_get_size(value, &size, &error) < 0) {
		setting_is_wrong(user, key, value, error);
		return fallback;
	}
	if (size < min) {
		setting_is_wrong(user, key, value, t_strdup_printf(
			"must be at least %"PRIuUOFF_T, min));
		return fallback;
	}
	return size;
}

static uint32_t setting_get_backend(struct mail_user *user)
{
	const char *value;

	value = mail_user_plugin_getenv(user, SETTING_PREFIX"backend");
	if (value == NULL || *value == '\0' || strcmp(value, "auto") == 0)
		return DBOX_AIO_BACKEND_AUTO;
	if (strcmp(value, "io_uring") == 0 || strcmp(value, "uring") == 0)
		return DBOX_AIO_BACKEND_URING;
	if (strcmp(value, "threads") == 0)
		return DBOX_AIO_BACKEND_THREADS;
	setting_is_wrong(user, "backend", value,
			 "must be auto, io_uring or threads");
	return DBOX_AIO_BACKEND_AUTO;
}

static unsigned int fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	return limit.rlim_cur;
}

static unsigned int window_get(struct mail_user *user)
{
	unsigned int count =
		mail_user_set_get_storage_set(user)->mail_prefetch_count;

	return setting_get_uint(user, "window", DBOX_READER_MAX_WINDOW,
		count == 0 ? DEFAULT_WINDOW :
		I_MIN(count, DBOX_READER_MAX_WINDOW));
}

unsigned int dbox_aio_settings_get_window(struct mail_user *user)
{
	unsigned int window;

	settings_are_quiet = TRUE;
	window = window_get(user);
	settings_are_quiet = FALSE;
	return window;
}

void dbox_aio_settings_read(struct mail_user *user,
			    struct dbox_aio_settings *set_r)
{
	const struct dbox_aio_options defaults = DBOX_AIO_OPTIONS_INIT;
	unsigned int fds = fd_limit(), depth;

	i_zero(set_r);
	set_r->limits.window = window_get(user);
	set_r->limits.batch = (set_r->limits.window + 1) / 2;
	set_r->limits.max_bytes = setting_get_size(user, "max_bytes",
		MIN_MAX_BYTES, DEFAULT_MAX_BYTES);
	set_r->limits.prefetch_bytes = set_r->limits.max_bytes / 2;

	/* Each operation can have a descriptor. What is left to Dovecot is
	   more than what is taken. */
	fds = fds > RESERVED_FDS ? fds - RESERVED_FDS : 0;
	depth = setting_get_uint(user, "queue_depth", MAX_QUEUE_DEPTH,
				 DEFAULT_QUEUE_DEPTH);
	set_r->limits.max_files = I_MIN(fds / 16, 128);
	set_r->limits.max_kept_fds = I_MIN(fds / 16, 256);

	set_r->options = defaults;
	set_r->options.backend = setting_get_backend(user);
	set_r->options.queue_depth = I_MAX(I_MIN(depth, fds / 4), 1);
	set_r->options.max_bytes = set_r->limits.max_bytes;
	/* A mail that would take more than this isn't read as a whole. */
	set_r->options.max_message_size = set_r->limits.max_bytes / 2;
}
