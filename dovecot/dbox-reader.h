#ifndef DBOX_READER_H
#define DBOX_READER_H

/* What the whole process shares: the library's context, its place in the
   ioloop, how much may be read ahead, and what became of it.

   Whatever goes wrong here is no error to anybody: there is no reader then,
   and Dovecot reads mails the way it does without this plugin. */

struct mail_user;
struct dbox_aio;

/* Most mails that one search reads ahead. */
#define DBOX_READER_MAX_WINDOW 256

struct dbox_reader_limits {
	/* mails that a search reads ahead of the one that is being handled */
	unsigned int window;
	/* queued reads that are worth a submission of their own */
	unsigned int batch;
	/* memory for all messages, and the part of it that prefetching uses */
	uoff_t max_bytes, prefetch_bytes;
	/* multi-dbox files kept open, descriptors kept with messages */
	unsigned int max_files, max_kept_fds;
};

struct dbox_reader_counters {
	/* reads that were submitted, that gave Dovecot the mail, that did not
	   and left it to Dovecot, that were cancelled, dropped for memory */
	unsigned long long submitted, used, refused, cancelled, dropped;
	/* batches; how often something waited for a read: with the ioloop
	   running, and blocking the process */
	unsigned long long batches, ioloop_waits, blocking_waits;
	uoff_t bytes;
};

struct dbox_reader {
	struct dbox_aio *ctx;
	struct dbox_reader_limits limits;
	struct dbox_reader_counters counters;
};

/* Returns the process's reader, or NULL if there can't be one, which was
   logged once. user is who asks for it: the first one's settings count. */
struct dbox_reader *dbox_reader_get(struct mail_user *user);
/* Returns how many mails a search of the user's reads ahead. */
unsigned int dbox_reader_window(struct mail_user *user);
/* Returns the reader if there is one already. */
struct dbox_reader *dbox_reader_find(void);
/* Returns TRUE if dbox_reader_get() is known to fail. */
bool dbox_reader_has_failed(void);

/* The library's context can't be used any more: do without it from now on.
   The requests are called back with an error. */
void dbox_reader_fail(const char *reason);

/* Ends everything, logs what was done. Takes at most a second. */
void dbox_reader_deinit(void);

#endif
