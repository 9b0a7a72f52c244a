#ifndef IMAP_DBOX_AIO_PLUGIN_H
#define IMAP_DBOX_AIO_PLUGIN_H

struct module;
struct client_command_context;
struct dbox_read;

extern const char *imap_dbox_aio_plugin_version;
extern const char *imap_dbox_aio_plugin_dependencies[];
extern const char imap_dbox_aio_plugin_binary_dependency[];

/* Commands that wait with the ioloop running */
void imap_dbox_aio_commands_init(void);
void imap_dbox_aio_commands_deinit(void);
/* Returns the FETCH command that is being executed, or NULL. */
struct client_command_context *imap_dbox_aio_command_fetching(void);
/* The command returns to the ioloop now, and is continued when the read is
   done; with NULL after others have had their turn. */
void imap_dbox_aio_command_wait(struct client_command_context *cmd,
				struct dbox_read *read);
/* Returns TRUE if the command has run so long that others should have a
   turn. */
bool imap_dbox_aio_command_is_over(struct client_command_context *cmd);

/* Returns TRUE if the command is executed before what it waits for has come.
   It must wait again. */
bool imap_dbox_aio_command_is_early(struct client_command_context *cmd);

/* While a FETCH command is executed: a mail that takes long to send doesn't keep
   others waiting. */
void imap_dbox_aio_output_begin(struct client_command_context *cmd);
void imap_dbox_aio_output_end(void);

/* An item of the FETCH command that is being executed wants all of mails'
   bodies, or (not NULL) a part. */
struct dbox_aio_partial;
void imap_dbox_aio_command_want_body(const struct dbox_aio_partial *partial);

/* FETCH items that may have to read the mail */
void imap_dbox_aio_fetch_init(void);
void imap_dbox_aio_fetch_deinit(void);

void imap_dbox_aio_plugin_init(struct module *module);
void imap_dbox_aio_plugin_deinit(void);

#endif
