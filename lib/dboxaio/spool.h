/* spool.h: finds the mail files below directories, by threads of its own, as
   directories of slow storage take their time. Its memory does not grow with
   what it finds. */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>

struct spool_options {
	/* Follow Dovecot's link to a store's alternative storage. */
	bool alternatives;
	/* Give shares: each directory is read twice then. */
	bool shares;
};

struct spool_entry {
	/* the caller's to free */
	char *path;
	/* 0: it is a mail file. Otherwise the errno of a directory, or of a
	   file, that can't be looked at. */
	int error;
	/* How large a part of all it is, as far as can be told before all is
	   seen: each directory's part is shared out among what is in it. */
	double share;
};

struct spool;

/* Starts looking below roots, which must stay. A root that is no directory is
   taken for a mail file, whatever its name. NULL if no thread can be had. */
struct spool *spool_start(char *const *roots, unsigned int count,
			  const struct spool_options *options);
/* Returns a descriptor that is readable when spool_next() should be called. */
int spool_fd(const struct spool *spool);
/* Returns 1 if *entry_r is the next one, 0 if there is none yet, -1 if that
   was all. */
int spool_next(struct spool *spool, struct spool_entry *entry_r);
/* Returns the share of directories with nothing in them. */
double spool_empty_share(struct spool *spool);

#endif
