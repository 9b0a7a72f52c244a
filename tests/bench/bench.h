/*
 * bench.h: what the parts of the benchmark know of each other.
 *
 * main.c starts one process for each peer (peer_*.c) and case, and has them run
 * rounds in turn (child.c, round.c). A peer is one way to read messages from
 * an event loop (loop.c). All of them parse what they read (record.c) and
 * deliver the body of every message (deliver.c), which is checked.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Messages (store.c)
 */

struct message {
	/* Where peers find it, and below the store's directory. */
	const char *path, *name;
	/* Of the record. 0: the file has this message alone (sdbox), and the
	   size of its record is not known before it is read. Otherwise the
	   record's size is what Dovecot's map says. */
	uint64_t offset, record_size;
	unsigned int number;
	/* What its body must look like, see deliver.c */
	uint64_t check;
};

struct store {
	struct message *messages;
	unsigned int count;
	char *root;
};

enum layout {
	LAYOUT_SDBOX, LAYOUT_MDBOX, LAYOUT_SHUFFLED,
	/* sdbox, of messages that have 1.5 MB each */
	LAYOUT_LARGE,
	LAYOUT_COUNT
};
extern const char *const layout_names[LAYOUT_COUNT];

/* Finds the messages of the files PREFIX1, PREFIX2 ... below dir. */
void store_find(struct store *store_r, const char *dir, const char *prefix);
void store_shuffle(struct store *store);
/* Peers find the messages below the directory to, which shows the same files
   as from. */
void store_move(struct store *store, const char *from, const char *to);
/* Makes count sdbox files with bodies of this size, unless they are there. */
void store_make(const char *dir, unsigned int count, size_t body_size);
/* Drops what the kernel has cached of the store: pages, and with all set
   directories and inodes too. Returns how. */
const char *store_drop(const struct store *store, int all);

/*
 * Parsing (record.c)
 */

/* The longest file header that is looked for. */
#define FILE_HEADER_MAX 128
/* Size of a message header. A file can say otherwise. */
#define MESSAGE_HEADER_SIZE 30

/* Returns the size of the file header, 0 if its end is not in data. */
size_t file_header_parse(const unsigned char *data, size_t size,
			 unsigned int *message_header_size_r);

struct record {
	const unsigned char *body;
	size_t body_size;
	/* with both headers and the metadata */
	size_t size;
	unsigned int metadata_lines;
};

/* Parses a record. Returns 1, or 0 if it does not end in data. */
int record_parse(const unsigned char *data, size_t size,
		 unsigned int message_header_size, struct record *record_r);

/*
 * Delivering (deliver.c)
 */

/* What delivered messages are counted by: the same for the same messages in
   any order. */
uint64_t body_check(unsigned int number, const unsigned char *body,
		    size_t size);
/* Takes a message's body. */
void deliver(const struct message *msg, const unsigned char *body,
	     size_t size);
/* Parses what was read of a message from its offset on, the file header with
   it if that is 0, and delivers its body. Returns 1, or 0 if data does not
   have all of it. */
int deliver_record(const struct message *msg, const unsigned char *data,
		   size_t size, unsigned int message_header_size);
/* Messages delivered, and the sum of their checks, since the last call. */
unsigned int delivered_count(void);
uint64_t delivered_take(void);

/*
 * Peers
 */

struct peer_setup {
	/* The storage is not a local disk: whatever could wait must go to
	   a worker. */
	int remote;
};

struct peer {
	/* One word, and what it is in the table. */
	const char *name, *title;
	/* NULL: all layouts */
	const enum layout *only;
	void (*init)(const struct peer_setup *setup);
	/* Starts reading these messages, or, of peers that block, reads
	   them. */
	void (*submit)(const struct message *const *messages,
		       unsigned int count);
	/* Handles what is ready without waiting for it, or NULL. */
	void (*poke)(void);
	/* Waits in the event loop once, and handles what is ready then. */
	void (*turn)(void);
};

extern const struct peer peer_sequential, peer_fadvise, peer_uv, peer_pool,
	peer_uring, peer_merge, peer_library, peer_library_threads;
extern const struct peer *const peers[];

/* Blocking calls, for the peers that make them (blocking.c). */
struct buffer {
	unsigned char *data;
	size_t size;
};
void buffer_grow(struct buffer *buf, size_t size);
/* How much to read at first of a message. */
size_t message_read_size(const struct message *msg);
/* Opens a message's file. Returns the descriptor, and the size of its message
   headers where that is not in the same read as the message. */
int message_open(const struct message *msg,
		 unsigned int *message_header_size_r);
/* Reads a message of an open file, which is size bytes at its offset, or
   (0) as much as there is. Returns how much of buf is filled. */
size_t message_read(int fd, const struct message *msg, size_t size,
		    struct buffer *buf);

/*
 * The event loop (loop.c)
 */

/* Begins with one descriptor to poll, edge-triggered or not. */
void loop_init(int fd, int edge);
/* Waits until it is readable. */
void loop_wait(void);
/* As loop_wait(), for so long at most; -1 is for ever. */
void loop_wait_for(int timeout_ms);
/* For loops that wait by themselves, or could here: the loop goes into
   its wait, and comes out of it. */
void loop_sleeps(void);
void loop_wakes(void);
/* The longest time between the two, and how often a wait was interrupted,
   since the last call. */
uint64_t loop_longest(void);
unsigned int loop_interrupted(void);

/*
 * Rounds (round.c) and the processes that run them (child.c)
 */

struct order {
	/* messages of the store, read passes times in batches */
	unsigned int messages, passes, batch;
	/* Without the event loop, if everything is there at once. */
	int direct;
};

struct outcome {
	unsigned int messages, interrupted;
	uint64_t wall_ns, user_us, system_us;
	uint64_t switches, preemptions, longest_ns;
	/* of the process; 0 if not counted */
	uint64_t calls;
	/* something else was delivered than is in the store */
	int wrong;
};

void round_run(const struct peer *peer, const struct store *store,
	       const struct order *order, struct outcome *outcome_r);

struct child;
/* count: count system calls, which makes them slower. */
struct child *child_start(const struct peer *peer,
			  const struct peer_setup *setup,
			  const struct store *store, int count);
void child_run(struct child *child, const struct order *order,
	       struct outcome *outcome_r);
void child_stop(struct child *child);

/* Runs a function in a process of its own, and waits for what it writes to
   *data, size bytes. */
void child_call(void (*func)(const void *arg, void *data), const void *arg,
		void *data, size_t size);

/*
 * Slow storage (mount.c)
 */

struct mount;
/* Shows source through build/slowfs with these options (NULL-terminated). */
struct mount *mount_start(const char *source, const char *const *options);
const char *mount_path(const struct mount *mount);
/* One of slowfs's commands, such as "hang open read". */
void mount_command(struct mount *mount, const char *command);
void mount_stop(struct mount *mount);
/* Why there is no slow storage here, or NULL. */
const char *mount_impossible(void);

/*
 * Cases (cases.c)
 */

#define MAX_ROUNDS 1000

struct run {
	/* where the figures go: one row a round */
	FILE *rounds, *specials;
	/* where stores are made */
	const char *dir;
	unsigned int rounds_count;
	int quick, guard;
	/* cases whose names have this, or NULL */
	const char *only;
	/* the one peer, or NULL */
	const char *peer;
};

void cases_run(const struct run *run);

/* Special measurements (specials.c): all, or the one of this name */
void specials_run(const struct run *run, const char *only);
/* One figure of one. */
void special_row(const struct run *run, const char *figure,
		 const char *variant, unsigned int round, double value);
void special_skip(const struct run *run, const char *figure,
		  const char *reason);
/* The store that cases read as sdbox, one of 12,000 messages of 4 KiB, and one of
   40 of 1.5 MB. */
void store_sdbox(const struct run *run, struct store *store_r);
void store_small(const struct run *run, struct store *store_r);
void store_large(const struct run *run, struct store *store_r);
void special_sparse(const struct run *run);
void special_stall(const struct run *run);
void special_idle(const struct run *run);
void special_fairness(const struct run *run);
void special_pending(const struct run *run);
void special_flat(const struct run *run);

/*
 * Measuring (measure.c)
 */

uint64_t clock_ns(void);
struct usage {
	uint64_t user_us, system_us, switches, preemptions;
};
void usage_get(struct usage *usage_r);
/* In bytes; peak is since usage_reset_peak(). */
uint64_t memory_resident(void);
uint64_t memory_peak(void);
void memory_reset_peak(void);
/* Counts the system calls of this process and the threads it will start.
   Returns a descriptor, or -1 and why. */
int calls_open(const char **reason_r);
uint64_t calls_read(int fd);
/* Raises the limit of descriptors as far as it can be. */
void raise_descriptors(void);

#endif
