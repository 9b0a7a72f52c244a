#ifndef DBOX_READ_H
#define DBOX_READ_H

/* One mail's read: queued, submitted together with others, and done with a
   message or without. A read that did not give a perfect message is worth
   nothing: its owner lets Dovecot read the mail. */

struct mail_user;
struct dbox_aio_message;
struct dbox_aio_mount;
struct dbox_read;
struct dbox_read_file;

enum dbox_read_flags {
	/* only the header is wanted */
	DBOX_READ_FLAG_HEADER		= 0x01,
	/* no more than the metadata is wanted */
	DBOX_READ_FLAG_METADATA_ONLY	= 0x02,
	/* metadata isn't wanted */
	DBOX_READ_FLAG_NO_METADATA	= 0x04,
	/* keep the file's descriptor */
	DBOX_READ_FLAG_WANT_FD		= 0x08
};

enum dbox_read_state {
	/* waits to be submitted */
	DBOX_READ_STATE_QUEUED,
	/* the library has it */
	DBOX_READ_STATE_SUBMITTED,
	/* see dbox_read_result.message */
	DBOX_READ_STATE_DONE
};

struct dbox_read_result {
	/* NULL if Dovecot has to read the mail itself. */
	struct dbox_aio_message *message;
	/* The file's header is broken, in this way: Dovecot panics when it meets
	   such a file for the second time. NULL otherwise. */
	const char *broken_header;
	bool broken_in_alt;
	/* the file's descriptor, or -1; and whether it came with the message */
	int fd;
	bool fd_kept;
	uoff_t record_offset, file_size;
	/* where in the body the message's part of it begins */
	uoff_t body_offset;
	unsigned int file_version, file_header_size, msg_header_size;
	time_t create_time;
	bool from_alt;
	bool have_metadata;
	bool partial_body;
};

struct dbox_read_settings {
	/* the file: this, or the paths */
	struct dbox_read_file *file;
	const char *path, *alt_path;
	/* of the record, and its size with metadata; 0 = unknown */
	uoff_t offset, size;
	/* the part of the body that is wanted; limit 0 = all of it. A hint:
	   the rest is read when it is needed. */
	uoff_t body_offset, body_limit;
	enum dbox_read_flags flags;
	/* whose read this is */
	const void *owner;
	/* learns whether storage had to be waited for */
	struct dbox_aio_mount *mount;
};

typedef void dbox_read_callback_t(void *context);

/* Somebody who waits for a read in the ioloop */
struct dbox_read_waiter {
	struct dbox_read_waiter *prev, *next;
	struct dbox_read *read;
	dbox_read_callback_t *callback;
	void *context;
	bool pending;
};

/* Queue a read. Returns NULL if there is no reader. */
struct dbox_read *
dbox_read_queue(struct mail_user *user, const struct dbox_read_settings *set);
/* The read isn't wanted any more. A message that was taken stays. */
void dbox_read_unref(struct dbox_read **read);

/* Submit what is queued, as far as memory allows. The read in question
   (may be NULL) is submitted in any case. Those that are answered at once
   are done afterwards. */
void dbox_read_submit(struct dbox_read *urgent);
/* As dbox_read_submit(), if there is enough for a batch. */
void dbox_read_submit_batch(void);

enum dbox_read_state dbox_read_get_state(const struct dbox_read *read);
/* Returns TRUE if the read is done, or can be found to be without waiting. */
bool dbox_read_is_done(struct dbox_read *read);
/* Wait until the read is done. Blocks the process. */
void dbox_read_wait(struct dbox_read *read);
/* Returns the result of a read that is done, which is the caller's from now on:
   a message is given back with dbox_read_result_free(). */
void dbox_read_take_result(struct dbox_read *read,
			   struct dbox_read_result *result_r);
void dbox_read_result_free(struct dbox_read_result *result);

/* Call back from the ioloop, once, when the read is done or isn't wanted any
   more. The callback runs without any user's ioloop context. The waiter must
   be zero, or have been used before and be over. */
void dbox_read_waiter_start(struct dbox_read_waiter *waiter,
			    struct dbox_read *read,
			    dbox_read_callback_t *callback, void *context);
#define dbox_read_waiter_start(waiter, read, callback, context) \
	dbox_read_waiter_start(waiter - \
		CALLBACK_TYPECHECK(callback, void (*)(typeof(context))), \
		read, (dbox_read_callback_t *)callback, context)
/* Don't call back. Nothing if the waiter isn't waiting. */
void dbox_read_waiter_stop(struct dbox_read_waiter *waiter);

/* Run the callbacks of waiters whose reads were found to be done. */
void dbox_read_run_callbacks(void);
/* No read is left in the library, all that are pending are done. */
void dbox_read_deinit(void);

#endif
