/* cat.c: one message */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include "dboxaio.h"
#include "decompress.h"

/* A body is read in pieces of this size, however large it is; for headers in
   smaller ones. */
#define PIECE (4 << 20)
#define HEADERS_PIECE (64 << 10)

struct cat {
	struct dbox_aio *ctx;
	struct dbox_aio_file *file;
	uint64_t offset;
	const char *path;
	bool headers, metadata, decompress;

	/* of the piece that was read last */
	int status;
	uint64_t body_size;
	uint64_t plaintext_size;
	bool external, failed;
	/* It is broken, and not looked at. */
	bool no_metadata;
	bool quiet;		/* the error was told */

	uint64_t done;		/* of the body, as it is on disk */
	uint64_t written;
	bool ended;		/* all headers are written */
	/* of the headers: at the beginning of a line, or behind its CR */
	bool line_start, cr;
	struct decompressor *decompressor;
};

static const char *metadata_name(char key)
{
	switch (key) {
	case 'G': return "guid";
	case 'R': return "received";
	case 'V': return "virtual-size";
	case 'Z': return "plaintext-size";
	case 'P': return "pop3-uidl";
	case 'O': return "pop3-order";
	case 'X': return "external";
	case 'B': return "original-mailbox";
	default: return "-";
	}
}

static void print_metadata(const struct dbox_aio_message *message)
{
	size_t i, size, count = dbox_aio_message_metadata_count(message);
	const char *value;
	char key, buf[32];
	int64_t received;
	uint64_t number;

	for (i = 0; i < count; i++) {
		value = dbox_aio_message_metadata_at(message, i, &key, &size);
		text_put(stdout, &key, 1);
		printf("\t%s\t", metadata_name(key));
		text_put(stdout, value, size);
		if (key == 'R' &&
		    dbox_aio_message_received_time(message, &received) == 0)
			printf("\t%s", text_time(received, buf));
		else if (key == 'V' &&
			 dbox_aio_message_virtual_size(message, &number) == 0)
			printf("\t%" PRIu64, number);
		else if (key == 'Z' &&
			 dbox_aio_message_plaintext_size(message, &number) == 0)
			printf("\t%" PRIu64, number);
		fputc('\n', stdout);
	}
}

/* Returns how many bytes of data still belong to the headers, and sets ended
   behind their empty line. */
static size_t headers_part(struct cat *cat, const unsigned char *data,
			   size_t size)
{
	size_t i;

	for (i = 0; i < size && !cat->ended; i++) {
		if (data[i] == '\n') {
			cat->ended = cat->line_start;
			cat->line_start = true;
			cat->cr = false;
		} else if (data[i] == '\r' && cat->line_start && !cat->cr) {
			cat->cr = true;
		} else {
			cat->line_start = cat->cr = false;
		}
	}
	return i;
}

static bool write_out(void *context, const unsigned char *data, size_t size)
{
	struct cat *cat = context;

	if (cat->headers)
		size = headers_part(cat, data, size);
	if (fwrite(data, 1, size, stdout) != size)
		tool_die("standard output: %s", strerror(errno));
	cat->written += size;
	return !cat->ended;
}

static void complain(struct cat *cat, const char *what)
{
	fflush(stdout);
	fputs("dboxaio: ", stderr);
	text_puts(stderr, cat->path);
	fprintf(stderr, ": %s\n", what);
	cat->failed = true;
	cat->ended = true;
}

static void begin_body(struct cat *cat, const unsigned char *data, size_t size)
{
	enum compression compression = compression_of(data, size);
	const char *error;

	if (compression == COMPRESSION_NONE)
		return;
	if (cat->decompress) {
		cat->decompressor = decompress_start(compression, write_out,
						     cat, &error);
		if (cat->decompressor == NULL)
			complain(cat, error);
	} else if (cat->headers) {
		complain(cat, "the message is compressed: add --decompress");
	}
}

static void add_body(struct cat *cat, const unsigned char *data, size_t size)
{
	const char *error;

	if (cat->done == 0)
		begin_body(cat, data, size);
	cat->done += size;
	if (cat->ended)
		return;
	if (cat->decompressor == NULL)
		(void)write_out(cat, data, size);
	else if (decompress_more(cat->decompressor, data, size, &error) < 0)
		complain(cat, error);
}

static void piece_read(struct dbox_aio *ctx,
		       const struct dbox_aio_result *result)
{
	struct cat *cat = result->context;
	const unsigned char *data;
	size_t size;

	(void)ctx;
	cat->status = result->status;
	if (result->status != DBOX_AIO_OK) {
		if (cat->quiet)
			return;		/* the same as before */
		fflush(stdout);
		fputs("dboxaio: ", stderr);
		text_puts(stderr, cat->path);
		fprintf(stderr, ": %s", text_error(result));
		if (result->error_offset != 0)
			fprintf(stderr, " (at byte %" PRIu64 ")",
				result->error_offset);
		fputc('\n', stderr);
		return;
	}
	cat->body_size = dbox_aio_message_body_size(result->message);
	if ((result->flags & DBOX_AIO_HAVE_METADATA) != 0) {
		cat->external = (result->flags & DBOX_AIO_EXTERNAL) != 0;
		if (dbox_aio_message_plaintext_size(result->message,
						    &cat->plaintext_size) < 0)
			cat->plaintext_size = cat->body_size;
	}
	if (cat->metadata) {
		print_metadata(result->message);
		return;
	}
	data = dbox_aio_message_body(result->message, &size);
	add_body(cat, data, size);
}

static void read_piece(struct cat *cat)
{
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	uint64_t id;

	request.op = DBOX_AIO_READ;
	request.file = cat->file;
	request.offset = cat->offset;
	if (cat->metadata) {
		request.flags = DBOX_AIO_NO_BODY;
	} else {
		request.body_offset = cat->done;
		request.body_limit = cat->headers ? HEADERS_PIECE : PIECE;
		if (cat->done > 0 || cat->no_metadata)
			request.flags = DBOX_AIO_NO_METADATA;
	}
	request.callback = piece_read;
	request.context = cat;
	if (dbox_aio_submit(cat->ctx, &request, 1, &id) != 1 ||
	    dbox_aio_wait_request(cat->ctx, id, -1) < 0)
		tool_die("the library refused the request");
}

/* If only the metadata is broken, which was told, the message can be saved. */
static void read_first(struct cat *cat)
{
	read_piece(cat);
	if (cat->metadata || (cat->status != DBOX_AIO_ECORRUPT &&
			      cat->status != DBOX_AIO_ETRUNCATED))
		return;
	cat->no_metadata = cat->quiet = true;
	read_piece(cat);
	cat->quiet = false;
}

/* After the last piece: is what was written what the record says it is? */
static void end_body(struct cat *cat)
{
	bool compressed = cat->decompressor != NULL;
	bool whole = decompress_end(&cat->decompressor);

	if (cat->failed || cat->headers)
		return;
	if (!whole)
		complain(cat, "the compressed data ends early");
	else if (compressed && !cat->external && !cat->no_metadata &&
		 cat->written != cat->plaintext_size)
		complain(cat, "the message has another size than its metadata "
			 "says (Z)");
	if (cat->external)
		fprintf(stderr, "dboxaio: parts of this message are in other "
			"files (X in its metadata)\n");
}

static int cat_message(struct cat *cat)
{
	cat->ctx = tool_context(NULL);
	if (dbox_aio_file_open(cat->ctx, cat->path, NULL, &cat->file) < 0)
		tool_die("out of memory");
	read_first(cat);
	while (cat->status == DBOX_AIO_OK && !cat->metadata && !cat->ended &&
	       cat->done < cat->body_size)
		read_piece(cat);
	if (cat->status == DBOX_AIO_OK && !cat->metadata)
		end_body(cat);
	(void)dbox_aio_file_close(cat->ctx, &cat->file);
	(void)dbox_aio_deinit(&cat->ctx);
	switch (cat->status) {
	case DBOX_AIO_OK:
		return cat->failed || cat->no_metadata ?
			TOOL_BROKEN : TOOL_GOOD;
	case DBOX_AIO_ECORRUPT:
	case DBOX_AIO_ETRUNCATED:
	case DBOX_AIO_EVERSION:
		return TOOL_BROKEN;
	default:
		return TOOL_TROUBLE;
	}
}

static int cat_run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "headers", no_argument, NULL, 'H' },
		{ "metadata", no_argument, NULL, 'M' },
		{ "decompress", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cat cat;
	int c;

	memset(&cat, 0, sizeof(cat));
	cat.line_start = true;
	while ((c = getopt_long(argc, argv, "d", longs, NULL)) != -1) {
		switch (c) {
		case 'H': cat.headers = true; break;
		case 'M': cat.metadata = true; break;
		case 'd': cat.decompress = true; break;
		case 'h': tool_help(&cat_command);
		default: tool_usage(&cat_command, NULL);
		}
	}
	if (cat.metadata && (cat.headers || cat.decompress))
		tool_usage(&cat_command, "--metadata goes by itself");
	if (argc - optind < 1 || argc - optind > 2 || *argv[optind] == '\0')
		tool_usage(&cat_command, "which file?");
	if (argc - optind == 2 &&
	    !text_parse_number(argv[optind + 1], INT64_MAX, &cat.offset))
		tool_usage(&cat_command, "the offset is a number, as dboxaio "
			   "ls tells it");
	cat.path = argv[optind];
	return cat_message(&cat);
}

const struct tool_command cat_command = {
	"cat", cat_run,
	"write one message to standard output",
	"cat [OPTION...] FILE [OFFSET]",
	"Writes the message of the record at an offset, as dboxaio ls tells it, or of the\n"
	"first record, as it is on disk.\n"
	"\n"
	"      --headers          only the mail's headers, up to the empty line\n"
	"      --metadata         Dovecot's metadata instead: key, name, value, meaning\n"
	"  -d, --decompress       decompress it (gzip, zstd), if it is compressed\n"
	"      --help             this text\n"
	"\n"
	"Exit codes: 0; 1 the record, or what is compressed in it, is broken; 2 wrong\n"
	"usage, or the file can't be read.\n"
};
