/* ls.c: the records of a mail file */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include "dboxaio.h"

struct listing {
	const char *path;
	bool json, broken, failed;
};

static void metadata_value(const struct dbox_aio_message *message, char key,
			   bool json, const char *name)
{
	size_t size;
	const char *value = dbox_aio_message_metadata(message, key, &size);

	if (json) {
		printf(",\"%s\":", name);
		if (value == NULL)
			fputs("null", stdout);
		else
			text_put_json(stdout, value, size);
	} else if (value == NULL || size == 0) {
		printf("%-32s", "-");
	} else {
		text_put(stdout, value, size);
		printf("%*s", size < 32 ? 32 - (int)size : 0, "");
	}
}

static void print_json(const struct dbox_aio_result *result)
{
	const struct dbox_aio_message *message = result->message;
	uint64_t size;
	int64_t received;

	printf("{\"offset\":%" PRIu64 ",\"size\":%" PRIu64
	       ",\"body_size\":%" PRIu64, result->record_offset,
	       dbox_aio_message_record_size(message),
	       dbox_aio_message_body_size(message));
	if (dbox_aio_message_plaintext_size(message, &size) == 0)
		printf(",\"plaintext_size\":%" PRIu64, size);
	metadata_value(message, 'G', true, "guid");
	if (dbox_aio_message_received_time(message, &received) == 0)
		printf(",\"received\":%" PRId64, received);
	printf(",\"compressed\":%s,\"external\":%s}\n",
	       dbox_aio_message_metadata(message, 'Z', NULL) != NULL ?
	       "true" : "false",
	       (result->flags & DBOX_AIO_EXTERNAL) != 0 ? "true" : "false");
}

static void print_line(const struct dbox_aio_result *result)
{
	const struct dbox_aio_message *message = result->message;
	char time[32], flags[8], *flag = flags;
	int64_t received;

	printf("%10" PRIu64 " %10" PRIu64 " ", result->record_offset,
	       dbox_aio_message_record_size(message));
	metadata_value(message, 'G', false, NULL);
	if (dbox_aio_message_received_time(message, &received) == 0)
		printf(" %-20s", text_time(received, time));
	else
		printf(" %-20s", "-");
	if (dbox_aio_message_metadata(message, 'Z', NULL) != NULL)
		*flag++ = 'z';
	if ((result->flags & DBOX_AIO_EXTERNAL) != 0)
		*flag++ = 'x';
	if (dbox_aio_message_metadata(message, 'P', NULL) != NULL)
		*flag++ = 'p';
	if (flag == flags)
		*flag++ = '-';
	*flag = '\0';
	printf(" %s\n", flags);
}

static void print_broken(const struct listing *listing,
			 const struct dbox_aio_result *result)
{
	const char *rule = text_error(result);

	if (!listing->json) {
		printf("%10" PRIu64 "     broken %s (at byte %" PRIu64 ")\n",
		       result->record_offset, rule, result->error_offset);
		return;
	}
	printf("{\"offset\":%" PRIu64 ",\"error_offset\":%" PRIu64
	       ",\"status\":\"%s\",\"rule\":", result->record_offset,
	       result->error_offset, text_status(result->status));
	text_put_json(stdout, rule, strlen(rule));
	fputs("}\n", stdout);
}

static void listed(struct dbox_aio *ctx, const struct dbox_aio_result *result)
{
	struct listing *listing = result->context;

	(void)ctx;
	if ((result->flags & DBOX_AIO_MORE) != 0) {
		if (result->status == DBOX_AIO_OK) {
			(listing->json ? print_json : print_line)(result);
		} else {
			print_broken(listing, result);
			listing->broken = true;
		}
		return;
	}
	switch (result->status) {
	case DBOX_AIO_OK:
		break;
	case DBOX_AIO_ECORRUPT:
	case DBOX_AIO_ETRUNCATED:
	case DBOX_AIO_EVERSION:
		/* of its header, unless records were broken */
		if (!listing->broken)
			print_broken(listing, result);
		listing->broken = true;
		break;
	default:
		fflush(stdout);
		fputs("dboxaio: ", stderr);
		text_puts(stderr, listing->path);
		fprintf(stderr, ": %s\n", text_error(result));
		listing->failed = true;
	}
}

static int ls_run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct dbox_aio_request request = DBOX_AIO_REQUEST_INIT;
	struct listing listing = { NULL, false, false, false };
	struct dbox_aio *ctx;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'J': listing.json = true; break;
		case 'h': tool_help(&ls_command);
		default: tool_usage(&ls_command, NULL);
		}
	}
	if (argc - optind != 1 || *argv[optind] == '\0')
		tool_usage(&ls_command, "which file?");
	ctx = tool_context(NULL);
	request.op = DBOX_AIO_SCAN;
	request.flags = DBOX_AIO_NO_BODY | DBOX_AIO_RESYNC;
	request.path = listing.path = argv[optind];
	request.callback = listed;
	request.context = &listing;
	if (!listing.json)
		printf("%10s %10s %-32s %-20s %s\n", "#   offset", "size",
		       "guid", "received", "flags");
	if (dbox_aio_submit(ctx, &request, 1, NULL) != 1 ||
	    dbox_aio_wait(ctx, 1, -1) < 0)
		tool_die("the library refused the request");
	(void)dbox_aio_deinit(&ctx);
	return listing.failed ? TOOL_TROUBLE :
		listing.broken ? TOOL_BROKEN : TOOL_GOOD;
}

const struct tool_command ls_command = {
	"ls", ls_run,
	"list the records of a mail file",
	"ls [OPTION...] FILE",
	"Lists the records of a mail file: offset, size with header and metadata, guid,\n"
	"when the message was received, and flags: z compressed, x parts of it are in\n"
	"other files, p it has a POP3 UIDL. Broken records are told in their place.\n"
	"\n"
	"      --json             JSON, one object a line\n"
	"      --help             this text\n"
	"\n"
	"Exit codes: 0; 1 something is broken; 2 wrong usage, or the file can't be read.\n"
};
