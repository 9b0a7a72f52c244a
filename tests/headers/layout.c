/*
 * layout.c: the ABI of version 1: sizes, offsets and numbers are promises. What
 * comes before the pointers of a struct is the same on all platforms. It
 * compiles as C89 and as C++.
 */
#include "dbox_aio.h"

#define ASSERT(name, condition) typedef char name[(condition) ? 1 : -1]
#define SIZE(type, size) \
	ASSERT(sizeof_##type, sizeof(struct type) == (size))
#define FIELD(type, field, offset) \
	ASSERT(offset_##type##_##field, \
	       offsetof(struct type, field) == (offset))
#define NUMBER(name, number) ASSERT(number_##name, name == (number))

/* Every struct is a multiple of the alignment that 64 bits have in it: 8, but
   4 in those of i386. */
struct aligned { char first; uint64_t number; };
#define POINTER sizeof(void *)
#define ROUNDED(size) \
	(((size) + offsetof(struct aligned, number) - 1) / \
	 offsetof(struct aligned, number) * offsetof(struct aligned, number))

SIZE(dbox_aio_options, 40);
FIELD(dbox_aio_options, struct_size, 0);
FIELD(dbox_aio_options, backend, 4);
FIELD(dbox_aio_options, queue_depth, 8);
FIELD(dbox_aio_options, max_pending, 12);
FIELD(dbox_aio_options, max_workers, 16);
FIELD(dbox_aio_options, stall_us, 20);
FIELD(dbox_aio_options, max_bytes, 24);
FIELD(dbox_aio_options, max_message_size, 32);

SIZE(dbox_aio_request, ROUNDED(64 + 5 * POINTER));
FIELD(dbox_aio_request, struct_size, 0);
FIELD(dbox_aio_request, op, 4);
FIELD(dbox_aio_request, flags, 8);
FIELD(dbox_aio_request, priority, 12);
FIELD(dbox_aio_request, timeout_ms, 16);
FIELD(dbox_aio_request, reserved, 20);
FIELD(dbox_aio_request, offset, 24);
FIELD(dbox_aio_request, size_hint, 32);
FIELD(dbox_aio_request, body_offset, 40);
FIELD(dbox_aio_request, body_limit, 48);
FIELD(dbox_aio_request, stream, 56);
FIELD(dbox_aio_request, file, 64);
FIELD(dbox_aio_request, path, 64 + POINTER);
FIELD(dbox_aio_request, alt_path, 64 + 2 * POINTER);
FIELD(dbox_aio_request, callback, 64 + 3 * POINTER);
FIELD(dbox_aio_request, context, 64 + 4 * POINTER);

SIZE(dbox_aio_result, ROUNDED(136 + 4 * POINTER));
FIELD(dbox_aio_result, struct_size, 0);
FIELD(dbox_aio_result, status, 4);
FIELD(dbox_aio_result, op, 8);
FIELD(dbox_aio_result, flags, 12);
FIELD(dbox_aio_result, sys_errno, 16);
FIELD(dbox_aio_result, file_version, 20);
FIELD(dbox_aio_result, file_header_size, 24);
FIELD(dbox_aio_result, message_header_size, 28);
FIELD(dbox_aio_result, id, 32);
FIELD(dbox_aio_result, stream, 40);
FIELD(dbox_aio_result, record_offset, 48);
FIELD(dbox_aio_result, error_offset, 56);
FIELD(dbox_aio_result, file_size, 64);
FIELD(dbox_aio_result, device, 72);
FIELD(dbox_aio_result, inode, 80);
FIELD(dbox_aio_result, nlink, 88);
FIELD(dbox_aio_result, latency_us, 96);
FIELD(dbox_aio_result, create_time, 104);
FIELD(dbox_aio_result, mtime, 112);
FIELD(dbox_aio_result, ctime, 120);
FIELD(dbox_aio_result, mtime_nsec, 128);
FIELD(dbox_aio_result, ctime_nsec, 132);
FIELD(dbox_aio_result, context, 136);
FIELD(dbox_aio_result, file, 136 + POINTER);
FIELD(dbox_aio_result, message, 136 + 2 * POINTER);
FIELD(dbox_aio_result, detail, 136 + 3 * POINTER);

SIZE(dbox_aio_stats, 1160);
FIELD(dbox_aio_stats, struct_size, 0);
FIELD(dbox_aio_stats, backend, 4);
FIELD(dbox_aio_stats, fallback_errno, 8);
FIELD(dbox_aio_stats, open_files, 12);
FIELD(dbox_aio_stats, submitted, 16);
FIELD(dbox_aio_stats, completed, 24);
FIELD(dbox_aio_stats, failed, 32);
FIELD(dbox_aio_stats, cancelled, 40);
FIELD(dbox_aio_stats, timed_out, 48);
FIELD(dbox_aio_stats, late, 56);
FIELD(dbox_aio_stats, opens, 64);
FIELD(dbox_aio_stats, reads, 72);
FIELD(dbox_aio_stats, merged_reads, 80);
FIELD(dbox_aio_stats, bytes_read, 88);
FIELD(dbox_aio_stats, immediate, 96);
FIELD(dbox_aio_stats, bytes_held, 104);
FIELD(dbox_aio_stats, pending, 112);
FIELD(dbox_aio_stats, longest_submit_us, 120);
FIELD(dbox_aio_stats, longest_dispatch_us, 128);
FIELD(dbox_aio_stats, queue_wait_us, 136);
FIELD(dbox_aio_stats, storage_us, 392);
FIELD(dbox_aio_stats, submit_us, 648);
FIELD(dbox_aio_stats, dispatch_us, 904);

NUMBER(DBOX_AIO_OK, 0);
NUMBER(DBOX_AIO_EINVAL, -1);
NUMBER(DBOX_AIO_ENOMEM, -2);
NUMBER(DBOX_AIO_EBUSY, -3);
NUMBER(DBOX_AIO_ENOENT, -4);
NUMBER(DBOX_AIO_EACCES, -5);
NUMBER(DBOX_AIO_EIO, -6);
NUMBER(DBOX_AIO_EMFILE, -7);
NUMBER(DBOX_AIO_ECORRUPT, -8);
NUMBER(DBOX_AIO_ETRUNCATED, -9);
NUMBER(DBOX_AIO_EVERSION, -10);
NUMBER(DBOX_AIO_ETOOBIG, -11);
NUMBER(DBOX_AIO_ENOTFILE, -12);
NUMBER(DBOX_AIO_ECANCELED, -13);
NUMBER(DBOX_AIO_ETIMEDOUT, -14);
NUMBER(DBOX_AIO_ESHUTDOWN, -15);
NUMBER(DBOX_AIO_EALREADY, -16);
NUMBER(DBOX_AIO_EDEADLK, -17);
NUMBER(DBOX_AIO_ETHREAD, -18);
NUMBER(DBOX_AIO_EFORKED, -19);
NUMBER(DBOX_AIO_ENOCORE, -20);
NUMBER(DBOX_AIO_ELIMIT, -21);
NUMBER(DBOX_AIO_ENOTSUP, -22);
NUMBER(DBOX_AIO_EINTERNAL, -23);
NUMBER(DBOX_AIO_BACKEND_AUTO, 0);
NUMBER(DBOX_AIO_BACKEND_URING, 1);
NUMBER(DBOX_AIO_BACKEND_THREADS, 2);
NUMBER(DBOX_AIO_OPEN, 1);
NUMBER(DBOX_AIO_READ, 2);
NUMBER(DBOX_AIO_SCAN, 3);
NUMBER(DBOX_AIO_STAT, 4);
NUMBER(DBOX_AIO_NO_BODY, 0x01);
NUMBER(DBOX_AIO_NO_METADATA, 0x02);
NUMBER(DBOX_AIO_HEADERS_ONLY, 0x04);
NUMBER(DBOX_AIO_WANT_FD, 0x08);
NUMBER(DBOX_AIO_RESYNC, 0x10);
NUMBER(DBOX_AIO_MORE, 0x01);
NUMBER(DBOX_AIO_FROM_ALT, 0x02);
NUMBER(DBOX_AIO_EXTERNAL, 0x04);
NUMBER(DBOX_AIO_HAVE_METADATA, 0x08);
NUMBER(DBOX_AIO_PARTIAL_BODY, 0x10);

int dbox_aio_layout_is_checked;
