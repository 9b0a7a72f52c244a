/*
 * reserve.h: what the Go runtime needs of the C library and ends the process
 * without: threads while it starts, a few bytes for each later one.
 */
#ifndef DBOX_RESERVE_H
#define DBOX_RESERVE_H

/* Ends the threads that were made for the start and were not needed. */
void dbox_reserve_end(void);

#endif
