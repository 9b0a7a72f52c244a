#ifndef DBOX_READER_LOG_H
#define DBOX_READER_LOG_H

struct dbox_reader;
struct dbox_aio_options;

/* The library is in use, with these limits. */
void dbox_reader_log_start(const struct dbox_reader *reader,
			   const struct dbox_aio_options *options);
/* The library can't be used: what to do about it. */
void dbox_reader_log_unavailable(int status, const char *error);
/* The library was in use, but has failed. */
void dbox_reader_log_failed(const char *error);
/* Statistics, as a line in the log and as event dbox_aio_finished. */
void dbox_reader_log_end(const struct dbox_reader *reader);

#endif
