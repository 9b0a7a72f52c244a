/*
 * resident.h: memory that the core occupies without needing it.
 */
#ifndef DBOX_RESIDENT_H
#define DBOX_RESIDENT_H

/* Lets go of the pages of the core's file that are only read: relocations,
   symbols, and tables of the Go runtime, most of which nobody reads again once
   it is loaded. Those that somebody does read come back from the page cache. */
void dbox_resident_trim(void);

#endif
