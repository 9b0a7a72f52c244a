/* decompress.h: bodies that Dovecot's zlib or mail_compress plugin wrote */
#ifndef DECOMPRESS_H
#define DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	/* recognized only */
	COMPRESSION_BZIP2,
	COMPRESSION_XZ,
	COMPRESSION_LZ4
};

/* Tells by the first bytes, as Dovecot does. */
enum compression compression_of(const unsigned char *data, size_t size);
const char *compression_name(enum compression compression);
/* "zlib 1.2.13, zstd 1.5.4", or without which of them it was built. */
void decompress_versions(char *buf, size_t size);

struct decompressor;
/* Takes what was decompressed. false: no more is wanted. */
typedef bool decompress_sink_t(void *context, const unsigned char *data,
			       size_t size);

/* Starts decompressing; NULL with *error_r if it can't be done. */
struct decompressor *decompress_start(enum compression compression,
				      decompress_sink_t *sink, void *context,
				      const char **error_r);
/* Decompresses the next piece. 1 if the sink wants no more, 0 if it does, -1
   with *error_r if the data is not what it should be. */
int decompress_more(struct decompressor *d, const unsigned char *data,
		    size_t size, const char **error_r);
/* Frees it. Returns false if the data has not come to its end. */
bool decompress_end(struct decompressor **d);

#endif
