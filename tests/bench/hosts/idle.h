/* idle.h: a host that waits. */
#ifndef IDLE_H
#define IDLE_H

/* Prints the resident memory (KiB), which is called for when everything is set
   up, and, after the seconds, how often any thread of the process has woken
   up meanwhile. */
void idle_memory(void);
void idle_wakeups(unsigned int seconds);

#endif
