/*
 * dbox_aio.h: asynchronous reading of Dovecot's dbox mail files (sdbox and
 * mdbox) from any event loop.
 *
 *	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
 *	struct dbox_aio *ctx;
 *
 *	if (dbox_aio_init(&ctx, NULL) < 0)
 *		... dbox_aio_last_error() says what to do about it
 *	request.op = DBOX_AIO_READ;
 *	request.path = "/var/vmail/u/dbox-Mails/u.1";
 *	request.callback = mail_was_read;
 *	dbox_aio_submit(ctx, &request, 1, NULL);
 *	... poll dbox_aio_fd(ctx); when it is readable:
 *	dbox_aio_dispatch(ctx, 0);		runs mail_was_read()
 *	dbox_aio_deinit(&ctx);
 *
 * The rules that hold everywhere:
 *
 * Results: a function that returns int gives 0 or a count, or a negative enum
 * dbox_aio_status. Out-parameters end in _r; they are written only on success
 * unless their function says otherwise. Nothing here prints, exits, aborts or
 * returns memory that the caller has to free.
 *
 * Structs: the caller sets struct_size to sizeof, which the _INIT macros do.
 * The library never reads or writes more than that. A program that was built
 * with an older header keeps working; one built with a newer header works
 * as long as the fields that this library does not know are zero, otherwise
 * it gets DBOX_AIO_EINVAL, as for a struct_size below that of version 1.0 or
 * above 4096. Zero is the default of every field.
 *
 * Threads: a context belongs to the thread that called dbox_aio_init(), which
 * must not end before dbox_aio_deinit(). Every call that takes a context
 * returns DBOX_AIO_ETHREAD from any other thread, and does nothing. These may
 * be called from everywhere, after dbox_aio_deinit() too: all functions
 * that begin with dbox_aio_message_, dbox_aio_strerror(),
 * dbox_aio_last_error() and dbox_aio_version(). Several contexts in several
 * threads are independent of each other, and so are several in one thread.
 *
 * Processes: a context belongs to the process that called dbox_aio_init(). In
 * a forked child every call that takes a context returns DBOX_AIO_EFORKED and
 * leaves the parent alone, and so does dbox_aio_init() if its parent had
 * called it: fork first, call dbox_aio_init() in the child.
 *
 * Storage: no call waits for it, except dbox_aio_wait() and
 * dbox_aio_wait_request(), which are there to wait. (On mounts known to be
 * local, a call may take as long as an open or a read that is answered from
 * the kernel's caches takes.)
 *
 * Signals: the library sets no handler that the host could notice, its
 * threads take no signal, and no blocking call of the host returns EINTR
 * because of it. No function here is async-signal-safe.
 */
#ifndef DBOX_AIO_H
#define DBOX_AIO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header. dbox_aio_version() has that of the library. */
#define DBOX_AIO_VERSION_MAJOR 1
#define DBOX_AIO_VERSION_MINOR 0
#define DBOX_AIO_VERSION_PATCH 0
#define DBOX_AIO_VERSION "1.0.0"

/* A context: one queue of requests with one descriptor to poll. */
struct dbox_aio;
/* A mail file that is kept open between requests. */
struct dbox_aio_file;
/* A message, or a part of it, that was read. Counted by references. */
struct dbox_aio_message;
struct dbox_aio_result;

/*
 * What functions return and results carry.
 */
enum dbox_aio_status {
	DBOX_AIO_OK = 0,
	/* An argument is wrong; dbox_aio_last_error() says which. */
	DBOX_AIO_EINVAL = -1,
	/* No memory. */
	DBOX_AIO_ENOMEM = -2,
	/* max_pending requests are pending: run callbacks, then try again. */
	DBOX_AIO_EBUSY = -3,
	/* No such file (neither path nor alt_path), request or metadata. */
	DBOX_AIO_ENOENT = -4,
	/* The file may not be read; sys_errno has EACCES or EPERM. */
	DBOX_AIO_EACCES = -5,
	/* The system reported another error: sys_errno. Symlink loops and
	   paths of PATH_MAX or more are among them. */
	DBOX_AIO_EIO = -6,
	/* The process or the system has no descriptor left (EMFILE, ENFILE).
	   The request can be submitted again once some were closed. */
	DBOX_AIO_EMFILE = -7,
	/* The file breaks a rule of the dbox format: the result's detail and
	   error_offset say which rule, and where. */
	DBOX_AIO_ECORRUPT = -8,
	/* The file ends inside the record, or at or before its offset. A
	   record that is being appended just now can look like this. */
	DBOX_AIO_ETRUNCATED = -9,
	/* The file's version is not one that the library reads. */
	DBOX_AIO_EVERSION = -10,
	/* The record is larger than max_message_size, or what is wanted of it
	   is larger than max_bytes. */
	DBOX_AIO_ETOOBIG = -11,
	/* Not a regular file: a directory, FIFO, socket or device. */
	DBOX_AIO_ENOTFILE = -12,
	/* dbox_aio_cancel() or dbox_aio_cancel_stream(). */
	DBOX_AIO_ECANCELED = -13,
	/* The request's timeout_ms, or the time given to wait, is over. */
	DBOX_AIO_ETIMEDOUT = -14,
	/* The context is being taken down by dbox_aio_deinit(). */
	DBOX_AIO_ESHUTDOWN = -15,
	/* It is done already: too late to cancel, descriptor taken before. */
	DBOX_AIO_EALREADY = -16,
	/* dbox_aio_dispatch() or dbox_aio_wait() inside a callback. */
	DBOX_AIO_EDEADLK = -17,
	/* The context belongs to another thread. */
	DBOX_AIO_ETHREAD = -18,
	/* The context, or the loaded core, belongs to the parent process. */
	DBOX_AIO_EFORKED = -19,
	/* libdbox_aio_core.so.1 could not be loaded, or has another version. */
	DBOX_AIO_ENOCORE = -20,
	/* A resource limit (RLIMIT_AS, RLIMIT_NPROC, a cgroup's pids.max) is
	   too low; dbox_aio_last_error() says which. */
	DBOX_AIO_ELIMIT = -21,
	/* The backend asked for is not to be had on this system. */
	DBOX_AIO_ENOTSUP = -22,
	/* A bug in the library. The context is dead: deinit it. */
	DBOX_AIO_EINTERNAL = -23
};

enum dbox_aio_backend {
	/* io_uring; where it can't be had, threads. */
	DBOX_AIO_BACKEND_AUTO = 0,
	DBOX_AIO_BACKEND_URING = 1,
	DBOX_AIO_BACKEND_THREADS = 2
};

enum dbox_aio_op {
	/* Opens the file and checks its header: file_version, create_time,
	   file_size. With a handle the file stays open; with a path this only
	   checks. */
	DBOX_AIO_OPEN = 1,
	/* Reads one record: message. */
	DBOX_AIO_READ = 2,
	/* From offset on, one callback with DBOX_AIO_MORE and a message for
	   each record, then a final callback without either. Every record is
	   checked to its end. A broken record ends the scan with its status
	   and offset (but see DBOX_AIO_RESYNC). Zero bytes behind the last
	   record, and a file without records, are a good end. A scan pauses
	   while max_bytes is used up. */
	DBOX_AIO_SCAN = 3,
	/* file_size, device, inode, nlink, mtime, ctime. The content is not
	   looked at. */
	DBOX_AIO_STAT = 4
};

enum dbox_aio_request_flags {
	/* Record header and metadata only; the body is not in the message.
	   (SCAN still checks it.) */
	DBOX_AIO_NO_BODY = 0x01,
	/* Metadata is neither read nor checked. */
	DBOX_AIO_NO_METADATA = 0x02,
	/* Body up to and with its first empty line, however long; all of it
	   if there is none. Not together with body_offset or body_limit. */
	DBOX_AIO_HEADERS_ONLY = 0x04,
	/* Keep a descriptor for dbox_aio_message_take_fd(). */
	DBOX_AIO_WANT_FD = 0x08,
	/* SCAN: report a broken record with DBOX_AIO_MORE, its status and
	   offset, and go on at the next record that can be found. One report
	   for each gap; the final status is that of the first broken record,
	   or DBOX_AIO_OK. */
	DBOX_AIO_RESYNC = 0x10
};

enum dbox_aio_result_flags {
	/* SCAN: not the final callback of this request. */
	DBOX_AIO_MORE = 0x01,
	/* The file was found at alt_path. */
	DBOX_AIO_FROM_ALT = 0x02,
	/* The metadata has an X: parts of the body are in other files. */
	DBOX_AIO_EXTERNAL = 0x04,
	/* Metadata was read and is whole. */
	DBOX_AIO_HAVE_METADATA = 0x08,
	/* The message holds less than the whole body. */
	DBOX_AIO_PARTIAL_BODY = 0x10
};

/*
 * Requests and results
 */

/* Called once for each request that dbox_aio_submit() accepted; for a SCAN
   also once for each record, with DBOX_AIO_MORE set in result->flags. It
   runs on the context's thread, and only inside dbox_aio_dispatch(),
   dbox_aio_wait(), dbox_aio_wait_request() and dbox_aio_deinit().

   result and what it points to are valid until the callback returns; the
   message can be kept with dbox_aio_message_ref(). Everything may be called
   inside but dbox_aio_dispatch() and dbox_aio_wait(), which return
   DBOX_AIO_EDEADLK. Leaving it by longjmp() or a C++ exception is
   undefined. */
typedef void dbox_aio_callback_t(struct dbox_aio *ctx,
				 const struct dbox_aio_result *result);

struct dbox_aio_request {
	uint32_t struct_size;
	/* enum dbox_aio_op */
	uint32_t op;
	/* enum dbox_aio_request_flags */
	uint32_t flags;
	/* 0 normal; 1 background: prefetch, indexing, scans */
	uint32_t priority;
	/* The request gets DBOX_AIO_ETIMEDOUT after this time; 0 = none. Of a
	   SCAN: for each record. */
	uint32_t timeout_ms;
	/* must be 0 */
	uint32_t reserved;
	/* Of the record in the file; 0 = the first record. */
	uint64_t offset;
	/* Size of the whole record, its header and metadata included; 0 =
	   unknown. It only decides how much is read at first: a wrong one
	   costs time, never an error. */
	uint64_t size_hint;
	/* The part of the body wanted: body_limit bytes from body_offset on;
	   body_limit 0 = up to the end. A window that begins at or behind the
	   end of the body gives an empty body, and is no error. */
	uint64_t body_offset;
	uint64_t body_limit;
	/* Whose request this is, any number. Streams get their turns one
	   after another, and are cancelled by dbox_aio_cancel_stream(). */
	uint64_t stream;
	/* The file: a handle of the same context, or a path; never both.
	   alt_path (or NULL) is tried where path gives ENOENT, then path once
	   more. A path is opened afresh for the request; the descriptor is
	   shared only with requests on the same path that are waiting or in
	   flight at that time and were submitted with the same rights. A file
	   is opened with the rights (ids, groups, capabilities) that the
	   thread had when the request was submitted; a handle's with those of
	   the request that opens it. Paths are copied. */
	struct dbox_aio_file *file;
	const char *path;
	const char *alt_path;
	/* must be set */
	dbox_aio_callback_t *callback;
	/* For the callback; the library does not touch it. */
	void *context;
};
#define DBOX_AIO_REQUEST_INIT \
	{ sizeof(struct dbox_aio_request), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
	  NULL, NULL, NULL, NULL, NULL }

struct dbox_aio_result {
	uint32_t struct_size;
	/* enum dbox_aio_status */
	int32_t status;
	/* enum dbox_aio_op, of the request */
	uint32_t op;
	/* enum dbox_aio_result_flags */
	uint32_t flags;
	/* The errno behind status, with EIO, EACCES, EMFILE and the like, or
	   0. */
	int32_t sys_errno;
	/* From the file header, where it was read. */
	uint32_t file_version;
	uint32_t file_header_size;
	uint32_t message_header_size;
	/* As dbox_aio_submit() gave it. */
	uint64_t id;
	/* Of the request. */
	uint64_t stream;
	/* Of the record in the file, its header included. */
	uint64_t record_offset;
	/* Where in the file a rule is broken (ECORRUPT, ETRUNCATED,
	   EVERSION). */
	uint64_t error_offset;
	uint64_t file_size;
	uint64_t device;
	uint64_t inode;
	uint64_t nlink;
	/* From dbox_aio_submit() until the result was ready; of a SCAN: since
	   its result before. */
	uint64_t latency_us;
	/* From the file header; Unix seconds. */
	int64_t create_time;
	/* STAT; Unix seconds. */
	int64_t mtime;
	int64_t ctime;
	uint32_t mtime_nsec;
	uint32_t ctime_nsec;
	/* Of the request. */
	void *context;
	/* Of the request; NULL if it had a path, or if the handle was closed
	   meanwhile. */
	struct dbox_aio_file *file;
	/* READ, SCAN: the message, or NULL. The reference belongs to the
	   library and ends with the callback. */
	struct dbox_aio_message *message;
	/* Which rule is broken, or what failed, in a few words; or NULL. The
	   text is static: it may be kept. */
	const char *detail;
};

/*
 * Contexts
 */

struct dbox_aio_options {
	uint32_t struct_size;
	/* enum dbox_aio_backend. AUTO falls back to threads where io_uring
	   can't be had, and says why in stats and
	   dbox_aio_fallback_reason(). */
	uint32_t backend;
	/* Operations given to the kernel at once. 0 = 128, at most 4096. */
	uint32_t queue_depth;
	/* Requests that were accepted and are not called back yet. 0 = 65536,
	   at most 16777215. */
	uint32_t max_pending;
	/* Blocking workers, the library's or the kernel's. One mount takes at
	   most half of them. 0 = 64, at most 1024. */
	uint32_t max_workers;
	/* The longest time that one submit or dispatch works, not counting
	   callbacks, in microseconds. 0 = 1000, otherwise 50 to 10000000. */
	uint32_t stall_us;
	/* All message buffers together, those that the host holds included.
	   0 = 256 MiB, otherwise 64 KiB to 1 TiB. */
	uint64_t max_bytes;
	/* A larger record gets DBOX_AIO_ETOOBIG unread. 0 = no limit. */
	uint64_t max_message_size;
};
#define DBOX_AIO_OPTIONS_INIT \
	{ sizeof(struct dbox_aio_options), 0, 0, 0, 0, 0, 0, 0 }

/* Makes a context for this thread; options NULL are the defaults. The first
   call in a process loads the core library from the directory of this one,
   which starts its threads. *ctx_r is set to NULL on failure.

   EINVAL: an option is out of range. ENOMEM, EMFILE: no memory, no
   descriptors. ENOTSUP: the backend asked for can't be had. ENOCORE, ELIMIT,
   EFORKED: see there. A later call may succeed, except after EFORKED.
   dbox_aio_last_error() says more. */
int dbox_aio_init(struct dbox_aio **ctx_r,
		  const struct dbox_aio_options *options);

/* Returns the descriptor to poll for reading, level-triggered. It is the same
   one for the life of the context, and the library's: do nothing with it but
   poll. It is readable whenever dbox_aio_dispatch() could run a callback or
   move work on. */
int dbox_aio_fd(const struct dbox_aio *ctx);

/* Submits count requests. They are copied with their paths; the array is the
   caller's again at once. All of them have the same struct_size, which is the
   array's stride. ids_r, if not NULL, has room for count ids; those of the
   accepted requests are written. An id is never 0 and never used again. No
   callback runs inside.

   Returns the number accepted, always the first ones. Fewer than count, or
   EBUSY for none, means that max_pending requests are pending; the descriptor
   becomes readable when there is room again. EINVAL: none was accepted, and
   at least one is malformed: an unknown op, flag or priority, reserved not 0,
   no callback, both or neither of file and path, an empty path or alt_path,
   alt_path with file, HEADERS_ONLY with body_offset or body_limit, file of
   another context, struct_sizes that differ. EINTERNAL, ENOMEM: none was
   accepted; if some were accepted before, their number is returned. */
int dbox_aio_submit(struct dbox_aio *ctx,
		    const struct dbox_aio_request *requests, size_t count,
		    uint64_t *ids_r);

/* Moves work on and runs the callbacks of what is ready, but not more than
   max (0 = no such limit), and for not longer than stall_us. If anything is
   left the descriptor stays readable. Cheap when it is not readable.

   Returns the number of callbacks run, those with DBOX_AIO_MORE included.
   EDEADLK inside a callback. ESHUTDOWN: a callback called dbox_aio_deinit(),
   and the context is gone. EINTERNAL: the context is dead, and all callbacks
   that it could still run were run. */
int dbox_aio_dispatch(struct dbox_aio *ctx, unsigned int max);

/* Dispatches until min_results requests have had their final callback,
   nothing is pending any more, or timeout_ms are over (-1 = no limit of
   time). min_results 0: runs what is ready and does not wait.

   Returns the number of callbacks run, those with DBOX_AIO_MORE included, as
   they are not in min_results; 0 at once if nothing is pending. Errors as
   for dbox_aio_dispatch(); EINVAL for a timeout below -1. Signals do not end
   the wait. */
int dbox_aio_wait(struct dbox_aio *ctx, unsigned int min_results,
		  int timeout_ms);

/* Waits for one request: puts it first in the queue, waits until it is done,
   at most timeout_ms (-1 = no limit), and runs its callback, of a SCAN all
   its callbacks, and no other's. Allowed inside callbacks.

   0: its final callback was run. ENOENT: there is no such request, or it was
   called back before. ETIMEDOUT: it is still pending. ESHUTDOWN: a callback
   called dbox_aio_deinit(). Called outside of callbacks, the context is gone
   then. EINTERNAL: the context is dead. */
int dbox_aio_wait_request(struct dbox_aio *ctx, uint64_t id, int timeout_ms);

/* 0: the request is cancelled, and its callback with DBOX_AIO_ECANCELED runs
   at the next dispatch, even if the kernel is still busy with it; records of a
   SCAN that were ready may come before that. EALREADY:
   it is complete and its callback will run with its real result. ENOENT: it
   was called back already (or is inside its final callback), or there never
   was such a request. */
int dbox_aio_cancel(struct dbox_aio *ctx, uint64_t id);

/* Cancels all requests of a stream, as dbox_aio_cancel() does, and returns how
   many it cancelled. Stream 0 is that of the requests which set none, and is
   cancelled like any other. */
int dbox_aio_cancel_stream(struct dbox_aio *ctx, uint64_t stream);

/* Returns the number of requests that were accepted and whose final callback
   has not begun. */
int dbox_aio_pending(const struct dbox_aio *ctx);

/* Runs the callbacks of all pending requests with DBOX_AIO_ESHUTDOWN, closes
   all files, frees the context and sets *ctx to NULL. Returns within a
   second, whatever the storage does; what the kernel still works on is
   released when it lets go. Messages outlive the context. In the callbacks
   that it runs, every call with the context returns ESHUTDOWN (dispatch and
   wait EDEADLK).

   Inside a callback it only marks the context: it takes effect as soon as the
   outermost callback returns; the dispatch, wait or wait_request that ran it
   then returns ESHUTDOWN. Until then every call with the context returns
   ESHUTDOWN.

   In a forked child it frees what is this process's, sets *ctx to NULL and
   returns EFORKED. From another thread: ETHREAD, and *ctx is left alone.
   EINVAL if ctx is NULL; 0 if *ctx is NULL. */
int dbox_aio_deinit(struct dbox_aio **ctx);

/*
 * Files
 */

/* Makes a handle for a file. It is only a name: the first request on it opens
   the file (alt_path, which may be NULL, if path gives ENOENT). From then on
   the handle is that very file, also after the path was replaced, moved or
   unlinked, until it is closed. A handle whose file could not be opened
   tries again with its next request. The paths are copied. */
int dbox_aio_file_open(struct dbox_aio *ctx, const char *path,
		       const char *alt_path, struct dbox_aio_file **file_r);

/* Frees the handle and sets *file to NULL; 0 if it was NULL. Requests on it
   that are pending go on and finish, with NULL as their result's file; the
   file is closed after the last of them. dbox_aio_deinit() closes all that
   are left. EINVAL: the handle is another context's. */
int dbox_aio_file_close(struct dbox_aio *ctx, struct dbox_aio_file **file);

/*
 * Messages
 *
 * A message is read-only. Its pointers stay valid until its last reference is
 * dropped. All functions take NULL: there is nothing in it.
 */

/* Adds a reference, from any thread, and returns message. */
struct dbox_aio_message *
dbox_aio_message_ref(struct dbox_aio_message *message);

/* Drops a reference, on any thread, and sets *message to NULL. The last one
   gives the buffer back to its context, which may then go on with requests
   that waited for bytes, and closes the descriptor if it was not taken. */
void dbox_aio_message_unref(struct dbox_aio_message **message);

/* Returns the part of the body that was read, as it is on disk: line ends
   stay as they are, compressed stays compressed. No NUL follows it. NULL
   without a body (DBOX_AIO_NO_BODY); *size_r (may be NULL) is 0 then. */
const unsigned char *
dbox_aio_message_body(const struct dbox_aio_message *message, size_t *size_r);

/* Returns the size of the whole body, as the record header says. */
uint64_t dbox_aio_message_body_size(const struct dbox_aio_message *message);

/* Returns the size of the whole record with its header and metadata; 0 if the
   metadata was not read. */
uint64_t dbox_aio_message_record_size(const struct dbox_aio_message *message);

/* Returns what was read as one piece, for hosts with a parser of their own:
   the record from its magic on, or, for the first record of a file that was
   read whole, the file from its header on. *file_offset_r is its place in the
   file, *size_r its size (both may be NULL). NULL where body and metadata
   were read apart. */
const unsigned char *
dbox_aio_message_raw(const struct dbox_aio_message *message,
		     uint64_t *file_offset_r, size_t *size_r);

/* Returns the value of the first metadata line with this key, or NULL. It ends
   with a NUL that *size_r (may be NULL) does not count. */
const char *
dbox_aio_message_metadata(const struct dbox_aio_message *message, char key,
			  size_t *size_r);

/* Returns the number of metadata lines, repeated keys counted each. */
size_t
dbox_aio_message_metadata_count(const struct dbox_aio_message *message);

/* Returns the value of metadata line i, in the order of the file, and its key
   and size (both may be NULL); NULL if there are not as many. */
const char *
dbox_aio_message_metadata_at(const struct dbox_aio_message *message, size_t i,
			     char *key_r, size_t *size_r);

/* The time the message was received (R). 0; ENOENT: there is no such metadata,
   or it was not read; ECORRUPT: it is not a number. EINVAL for NULL, here and
   below. */
int dbox_aio_message_received_time(const struct dbox_aio_message *message,
				   int64_t *unix_time_r);

/* The size with all line ends counted as CRLF (V). Results as above. */
int dbox_aio_message_virtual_size(const struct dbox_aio_message *message,
				  uint64_t *size_r);

/* The size of the body after decompression: Z, or the body's size if there is
   no Z. ENOENT: metadata was not read. */
int dbox_aio_message_plaintext_size(const struct dbox_aio_message *message,
				    uint64_t *size_r);

/* Hands over the descriptor of a message that was read with DBOX_AIO_WANT_FD:
   O_RDONLY, O_CLOEXEC, with a file offset of its own; only those that were read
   through one handle on storage that is not local share the offset. It is the
   caller's to close; dbox_aio_close_fd() does that without waiting. Returns the
   descriptor.
   EALREADY: it was taken before. EINVAL: WANT_FD was not set. */
int dbox_aio_message_take_fd(struct dbox_aio_message *message);

/* Closes a descriptor without waiting for storage, which close() can do on
   network file systems. Any descriptor of the host's, who has it no longer
   when this returns 0; there it is open for a moment more. EINVAL: it is not
   an open descriptor. */
int dbox_aio_close_fd(struct dbox_aio *ctx, int fd);

/*
 * Statistics, errors, version
 */

struct dbox_aio_stats {
	uint32_t struct_size;
	/* enum dbox_aio_backend: the one in use */
	uint32_t backend;
	/* Why AUTO took threads, or 0. */
	int32_t fallback_errno;
	/* Descriptors of mail files that the context has open. */
	uint32_t open_files;
	/* Requests accepted; all final callbacks; and of these the ones with
	   an error that is not one of the two that follow, ECANCELED,
	   ETIMEDOUT. */
	uint64_t submitted;
	uint64_t completed;
	uint64_t failed;
	uint64_t cancelled;
	uint64_t timed_out;
	/* The kernel answered after the request had timed out. */
	uint64_t late;
	uint64_t opens;
	uint64_t reads;
	/* Requests served by another one's read. */
	uint64_t merged_reads;
	uint64_t bytes_read;
	/* Answered from the page cache inside submit or dispatch. */
	uint64_t immediate;
	/* Message buffers in use, those that the host holds included. */
	uint64_t bytes_held;
	uint64_t pending;
	/* Callbacks not counted. */
	uint64_t longest_submit_us;
	uint64_t longest_dispatch_us;
	/* Histograms: bucket i counts times of 2^i to 2^(i+1) - 1
	   microseconds. Until the first operation was given to storage; from
	   then until the result. */
	uint64_t queue_wait_us[32];
	uint64_t storage_us[32];
	/* How long each submit took, and each dispatch that found the
	   descriptor readable; callbacks not counted. */
	uint64_t submit_us[32];
	uint64_t dispatch_us[32];
};
#define DBOX_AIO_STATS_INIT \
	{ sizeof(struct dbox_aio_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
	  0, 0, 0, 0, 0, 0, { 0 }, { 0 }, { 0 }, { 0 } }

/* Fills *stats_r, of which only struct_size must be set. If it is larger than
   this library's struct the rest is set to zero; a size that no version had is
   EINVAL. */
int dbox_aio_get_stats(const struct dbox_aio *ctx,
		       struct dbox_aio_stats *stats_r);

/* Returns one sentence about a status; never NULL. Static text. */
const char *dbox_aio_strerror(int status);

/* Writes what went wrong in the last call of this thread that failed, and what
   to do about it, to buf, cut to size - 1 bytes and ended with a NUL. Returns
   the length of the whole text; 0 if no call of this thread has failed. buf
   may be NULL if size is 0. */
int dbox_aio_last_error(char *buf, size_t size);

/* Returns why AUTO took threads; "" if it did not. Valid until
   dbox_aio_deinit(). "" also where other calls return an error. */
const char *dbox_aio_fallback_reason(const struct dbox_aio *ctx);

/* The library's version; each argument may be NULL. */
void dbox_aio_version(int *major_r, int *minor_r, int *patch_r);

#ifdef __cplusplus
}
#endif

#endif
