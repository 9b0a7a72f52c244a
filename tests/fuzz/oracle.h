/*
 * oracle.h: which records are in the bytes of a file, by a parser that has no
 * line in common with the library's and looks at whole files only.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stddef.h>
#include <stdint.h>

struct oracle_file {
	const unsigned char *data;
	size_t size;
	/* from the file header */
	size_t header_size;
	size_t message_header_size;
	uint64_t create_time;
};

struct oracle_record {
	size_t offset;
	size_t body, body_size;         /* both are in the file */
	size_t metadata, metadata_size; /* its magic and empty line included */
};

/* What is whole of a record. */
enum oracle_whole {
	ORACLE_NOTHING,
	ORACLE_BODY,            /* header and body */
	ORACLE_RECORD           /* and metadata */
};

/* Returns 1 if the file header is good. */
int oracle_header(const void *data, size_t size, struct oracle_file *file_r);

enum oracle_whole
oracle_record(const struct oracle_file *file, size_t offset,
	      struct oracle_record *record_r);

/* The bytes of a body up to and with its first empty line; all if there is
   none. */
size_t oracle_headers(const struct oracle_file *file,
		      const struct oracle_record *record);

/* Steps from one metadata line to the next: *at is 0 at first. Returns 0 behind
   the last one. */
int oracle_metadata(const struct oracle_file *file,
		    const struct oracle_record *record, size_t *at,
		    char *key_r, const char **value_r, size_t *size_r);

/* The metadata contains the beginning of other metadata: somebody who walks
   from record to record has lost one. */
int oracle_is_unended(const struct oracle_file *file,
		      const struct oracle_record *record);

#endif
