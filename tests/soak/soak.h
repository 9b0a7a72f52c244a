/*
 * soak.h: the host that reads for a long time while all goes wrong.
 *
 * load.c      the threads that read, and check what they get
 * disturb.c   what is done to them: faults, forks, signals, changed files
 * figures.c   memory and descriptors, and whether they grow
 * soak.c      all of it together
 */
#ifndef SOAK_H
#define SOAK_H

#include "../storage/slow.h"

#include <pthread.h>

#define LOCAL_MAILS 200
#define SLOW_MAILS 60

struct soak_files {
	const char **local;             /* sdbox files of several sizes */
	const char **slow;              /* on the faulty mount */
	const char *many;               /* a mdbox file with MANY_RECORDS */
	const char *broken, *cut, *none, *directory, *fifo;
};
#define MANY_RECORDS 30

extern struct soak_files soak_files;
extern struct slow *soak_mount;
extern uint32_t soak_backend;
/* Set at the end. */
extern volatile int soak_over;

/* Counters of all threads; atomics. */
struct soak_totals {
	uint64_t submitted, finals, callbacks, good;
	uint64_t io_errors, cancelled, timed_out, shut_down, other;
	uint64_t contexts, forks, signals, faults, replaced;
};
extern struct soak_totals soak_totals;
#define SOAK_ADD(what, n) \
	(void)__atomic_add_fetch(&soak_totals.what, (n), __ATOMIC_RELAXED)

void load_start(unsigned int threads);
/* Waits for the threads, and drops what they have kept. */
void load_end(void);
/* 1 on a thread of the host's own: signals may land there. */
extern __thread int load_is_ours;

void disturb_start(void);
/* Called some twenty times a second. */
void disturb(void);
void disturb_end(void);

/* Prints a line of figures, and remembers them. */
void figures_note(unsigned int second);
/* Fails the test if memory has grown. */
void figures_check(void);

#endif
