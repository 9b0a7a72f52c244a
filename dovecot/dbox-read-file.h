#ifndef DBOX_READ_FILE_H
#define DBOX_READ_FILE_H

/* Multi-dbox files that are kept open between reads, as Dovecot keeps them:
   one open then does for many mails, and mails that lie side by side are read
   together. */

struct dbox_aio;
struct dbox_aio_file;
struct dbox_reader;
struct dbox_read_file;

struct dbox_read_file_key {
	/* whose file this is: an address, only compared */
	const void *storage;
	uint32_t file_id;
	/* another one makes this another file: offsets may have changed */
	uint32_t generation;
};

/* Returns the file with a reference. path and alt_path are only looked at if
   it isn't open yet. NULL: it can't be had. */
struct dbox_read_file *
dbox_read_file_get(struct dbox_reader *reader,
		   const struct dbox_read_file_key *key,
		   const char *path, const char *alt_path);
void dbox_read_file_ref(struct dbox_read_file *file);
void dbox_read_file_unref(struct dbox_read_file **file);
/* Returns the library's handle, or NULL if it has been closed. */
struct dbox_aio_file *dbox_read_file_handle(const struct dbox_read_file *file);

/* Forget the files of a storage that is going away. */
void dbox_read_files_forget(const void *storage);
/* Close all files. Those that are still referenced have no handle then. */
void dbox_read_files_deinit(struct dbox_aio *ctx);

#endif
