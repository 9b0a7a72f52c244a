/* decompress.c: one interface for zlib and libzstd */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#include "decompress.h"

struct decompressor {
	enum compression compression;
	decompress_sink_t *sink;
	void *context;
	bool whole;	/* the end of a stream was the last thing seen */
#ifdef HAVE_ZLIB
	z_stream zlib;
#endif
#ifdef HAVE_ZSTD
	ZSTD_DStream *zstd;
#endif
	unsigned char out[65536];
};

static const struct {
	const char *name, *magic;
	size_t size;
} kinds[] = {
	[COMPRESSION_NONE] = { "none", "", 0 },
	[COMPRESSION_GZIP] = { "gzip", "\x1f\x8b", 2 },
	[COMPRESSION_ZSTD] = { "zstd", "\x28\xb5\x2f\xfd", 4 },
	[COMPRESSION_BZIP2] = { "bzip2", "BZh", 3 },
	[COMPRESSION_XZ] = { "xz", "\xfd" "7zXZ", 6 },
	[COMPRESSION_LZ4] = { "lz4", "Dovecot-LZ4\x0d\x2a\x9b\xc5", 15 }
};

enum compression compression_of(const unsigned char *data, size_t size)
{
	unsigned int i;

	for (i = 1; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (size >= kinds[i].size &&
		    memcmp(data, kinds[i].magic, kinds[i].size) == 0)
			return (enum compression)i;
	}
	return COMPRESSION_NONE;
}

const char *compression_name(enum compression compression)
{
	return kinds[compression].name;
}

void decompress_versions(char *buf, size_t size)
{
#ifdef HAVE_ZLIB
	const char *zlib = zlibVersion();
#else
	const char *zlib = "(built without)";
#endif
#ifdef HAVE_ZSTD
	const char *zstd = ZSTD_versionString();
#else
	const char *zstd = "(built without)";
#endif
	snprintf(buf, size, "zlib %s, zstd %s", zlib, zstd);
}

#ifdef HAVE_ZLIB
static int zlib_more(struct decompressor *d, const unsigned char *data,
		     size_t size, const char **error_r)
{
	int ret;

	d->zlib.next_in = (Bytef *)(uintptr_t)data;
	d->zlib.avail_in = (uInt)size;
	do {
		if (d->whole) {
			/* a gzip file may be several, one behind the other */
			(void)inflateReset(&d->zlib);
			d->whole = false;
		}
		d->zlib.next_out = d->out;
		d->zlib.avail_out = sizeof(d->out);
		ret = inflate(&d->zlib, Z_NO_FLUSH);
		if (ret != Z_OK && ret != Z_STREAM_END && ret != Z_BUF_ERROR) {
			*error_r = d->zlib.msg != NULL ? d->zlib.msg :
				"the compressed data is broken";
			return -1;
		}
		d->whole = ret == Z_STREAM_END;
		if (!d->sink(d->context, d->out,
			     sizeof(d->out) - d->zlib.avail_out))
			return 1;
	} while (d->zlib.avail_in > 0 ||
		 (d->zlib.avail_out == 0 && !d->whole));
	return 0;
}
#endif

#ifdef HAVE_ZSTD
static int zstd_more(struct decompressor *d, const unsigned char *data,
		     size_t size, const char **error_r)
{
	ZSTD_inBuffer in = { data, size, 0 };
	ZSTD_outBuffer out;
	size_t ret;

	do {
		out.dst = d->out;
		out.size = sizeof(d->out);
		out.pos = 0;
		ret = ZSTD_decompressStream(d->zstd, &out, &in);
		if (ZSTD_isError(ret)) {
			*error_r = ZSTD_getErrorName(ret);
			return -1;
		}
		d->whole = ret == 0;
		if (!d->sink(d->context, d->out, out.pos))
			return 1;
	} while (in.pos < in.size || (out.pos == out.size && !d->whole));
	return 0;
}
#endif

struct decompressor *decompress_start(enum compression compression,
				      decompress_sink_t *sink, void *context,
				      const char **error_r)
{
	struct decompressor *d = calloc(1, sizeof(*d));
	bool ok = false;

	*error_r = "out of memory";
	if (d == NULL)
		return NULL;
	d->compression = compression;
	d->sink = sink;
	d->context = context;
	switch (compression) {
	case COMPRESSION_GZIP:
#ifdef HAVE_ZLIB
		ok = inflateInit2(&d->zlib, 16 + MAX_WBITS) == Z_OK;
#else
		*error_r = "compressed with gzip, and dboxaio was built "
			"without zlib";
#endif
		break;
	case COMPRESSION_ZSTD:
#ifdef HAVE_ZSTD
		d->zstd = ZSTD_createDStream();
		ok = d->zstd != NULL;
#else
		*error_r = "compressed with zstd, and dboxaio was built "
			"without it";
#endif
		break;
	case COMPRESSION_BZIP2:
		*error_r = "compressed with bzip2, which dboxaio does not "
			"know: without --decompress, pipe it to bzip2 -d";
		break;
	case COMPRESSION_XZ:
		*error_r = "compressed with xz, which dboxaio does not know: "
			"without --decompress, pipe it to xz -d";
		break;
	default:
		*error_r = "compressed with lz4, which dboxaio does not know";
		break;
	}
	if (ok)
		return d;
	free(d);
	return NULL;
}

int decompress_more(struct decompressor *d, const unsigned char *data,
		    size_t size, const char **error_r)
{
	*error_r = "";
	(void)data;
	(void)size;
	switch (d->compression) {
#ifdef HAVE_ZLIB
	case COMPRESSION_GZIP: return zlib_more(d, data, size, error_r);
#endif
#ifdef HAVE_ZSTD
	case COMPRESSION_ZSTD: return zstd_more(d, data, size, error_r);
#endif
	default: return -1;
	}
}

bool decompress_end(struct decompressor **_d)
{
	struct decompressor *d = *_d;
	bool whole;

	if (d == NULL)
		return true;
	whole = d->whole;
	*_d = NULL;
#ifdef HAVE_ZLIB
	if (d->compression == COMPRESSION_GZIP)
		(void)inflateEnd(&d->zlib);
#endif
#ifdef HAVE_ZSTD
	if (d->compression == COMPRESSION_ZSTD)
		ZSTD_freeDStream(d->zstd);
#endif
	free(d);
	return whole;
}
