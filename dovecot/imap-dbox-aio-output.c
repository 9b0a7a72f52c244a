/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "imap-common.h"
#include "istream.h"
#include "ostream-private.h"
#include "imap-dbox-aio-plugin.h"

/* How much of a mail is sent before the clock is looked at */
#define OUTPUT_SLICE_SIZE (256 * 1024)

typedef enum ostream_send_istream_result
send_istream_t(struct ostream_private *outstream, struct istream *instream);

/* the output of the FETCH that is being executed, or NULL */
static struct ostream *output;
static struct client_command_context *output_cmd;
static send_istream_t *send_istream_super;

/* A client that takes whatever is sent gets a mail of any size in one go, and
   all others wait. Send it in pieces instead, and say after some time that the
   client has to take something first. The command goes on after others have had
   their turn. */
static enum ostream_send_istream_result
output_send_istream(struct ostream_private *outstream, struct istream *instream)
{
	enum ostream_send_istream_result res;
	struct istream *piece;
	uoff_t size;
	bool last;

	if (imap_dbox_aio_command_is_early(output_cmd)) {
		imap_dbox_aio_command_wait(output_cmd, NULL);
		return OSTREAM_SEND_ISTREAM_RESULT_WAIT_OUTPUT;
	}
	do {
		/* What the kernel sends by itself it sends up to the size that
		   a stream says it has: a piece must not be longer than what
		   is left. */
		if (instream->readable_fd &&
		    (i_stream_get_size(instream, TRUE, &size) <= 0 ||
		     size < instream->v_offset + OUTPUT_SLICE_SIZE))
			return send_istream_super(outstream, instream);
		piece = i_stream_create_limit(instream, OUTPUT_SLICE_SIZE);
		res = send_istream_super(outstream, piece);
		last = piece->v_offset < OUTPUT_SLICE_SIZE;
		/* leaves instream where the piece was read up to */
		i_stream_unref(&piece);
		if (res != OSTREAM_SEND_ISTREAM_RESULT_FINISHED || last)
			return res;
	} while (!imap_dbox_aio_command_is_over(output_cmd));
	imap_dbox_aio_command_wait(output_cmd, NULL);
	return OSTREAM_SEND_ISTREAM_RESULT_WAIT_OUTPUT;
}

void imap_dbox_aio_output_begin(struct client_command_context *cmd)
{
	struct ostream_private *stream = cmd->client->output->real_stream;

	if (output != NULL || imap_client_count <= 1 ||
	    cmd->client->output->blocking)
		return;
	output = cmd->client->output;
	o_stream_ref(output);
	output_cmd = cmd;
	send_istream_super = stream->send_istream;
	stream->send_istream = output_send_istream;
}

void imap_dbox_aio_output_end(void)
{
	if (output == NULL)
		return;
	output->real_stream->send_istream = send_istream_super;
	output_cmd = NULL;
	o_stream_unref(&output);
}
