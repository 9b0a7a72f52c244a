#ifndef DBOX_AIO_SEARCH_H
#define DBOX_AIO_SEARCH_H

/* How searches meet with reads: they read ahead, and they may end early. */

struct dbox_read;

/* The searches that are made until dbox_aio_search_async_end() belong to
   somebody who goes on later if they aren't finished: they don't wait for
   reads, and don't take longer than a slice of time. */
void dbox_aio_search_async_begin(bool postpone);
/* Returns the read that the last search wanted to wait for, or NULL. */
struct dbox_read *dbox_aio_search_async_end(void);

#endif
