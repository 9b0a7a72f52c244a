#ifndef ISTREAM_DBOX_MESSAGE_H
#define ISTREAM_DBOX_MESSAGE_H

struct dbox_aio;
struct dbox_read_result;

/* Create an input stream of a dbox file of which only one record has been read.
   Its offsets are those of the file. What is not in memory, the rest of a
   partial body for example, is read from the file: from the result's descriptor
   if it has one, otherwise from path, or from alt_path (may be NULL) if it was
   moved there meanwhile, opened when it is needed.

   The result belongs to the stream from now on. */
struct istream *
i_stream_create_dbox_message(const struct dbox_read_result *result,
			     const char *path, const char *alt_path);

#endif
