/*
 * demo.h: what the files of the demo share.
 *
 *   dbox-read.c      main: runs the work both ways, prints the table
 *   store.c          finds the messages of a store
 *   server.c         the daemon: one thread, one epoll loop, many clients
 *   read-library.c   reads what they ask for through libdbox_aio
 *   read-blocking.c  the same with open, fstat, read, close
 *   clients.c        the load: one process with all the connections
 *
 * The protocol: a client sends "READ n n n ...\n", numbers of messages in the
 * store. For each the daemon answers "+n size\n" and the body, or
 * "-n reason\n", in any order.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stddef.h>
#include <stdint.h>

#define DEMO_MAX_BATCH 64

/*
 * The store
 */

struct demo_message {
	const char *path;
	uint64_t offset;	/* of the record; 0 in a single-message file */
	uint64_t record_size;	/* 0 in a single-message file: not known */
	uint64_t body_size;
	uint64_t checksum;	/* of the body */
	unsigned int header_size;	/* of the record's header */
};

struct demo_store {
	char **paths;
	size_t paths_count;
	struct demo_message *messages;
	size_t count;
	size_t single_count;	/* how many of them are sdbox's */
	size_t broken_count;	/* files with something that is no record */
	uint64_t bytes;		/* all bodies */
};

/* Finds up to max messages in the Dovecot mail directories below root (sdbox:
   dbox-Mails/u.N, mdbox: storage/m.N) and reads each of them once. */
void store_find(struct demo_store *store, const char *root, size_t max);
/* The same store is to be read at another place. */
void store_move(struct demo_store *store, const char *root, const char *to);
/* Takes the store's files out of the page cache, or puts them in. */
void store_evict(const struct demo_store *store);
void store_warm(const struct demo_store *store);

/* Finds the body of the record that begins at data. Returns -1 if this is no
   record, or its body does not end within size. */
int record_body(const unsigned char *data, size_t size,
		unsigned int header_size, const unsigned char **body_r,
		uint64_t *body_size_r);
/* Length of the file header at data, and the record header size that it
   gives; 0 if it is none. */
size_t file_header(const unsigned char *data, size_t size,
		   unsigned int *header_size_r);

uint64_t demo_checksum(const unsigned char *data, size_t size);
uint64_t demo_now(void);	/* nanoseconds */

/*
 * The daemon
 */

struct server;
struct client;

/* One way to read messages. */
struct reader {
	const char *name;
	void (*init)(struct server *server, const char *backend);
	/* Each number is answered with server_reply() or server_refuse(), now
	   or later. */
	void (*read)(struct client *client, const unsigned int *numbers,
		     unsigned int count);
	/* The round of the loop is over: what was collected can go. */
	void (*flush)(struct server *server);
	/* The client is gone: what it asked for is not needed any more. */
	void (*forget)(struct client *client);
	/* The descriptor given to server_watch() is readable. */
	void (*ready)(struct server *server);
	/* In words: by what the reading is done. */
	void (*describe)(struct server *server, char *buf, size_t size);
	void (*deinit)(struct server *server);
};
extern const struct reader reader_library, reader_blocking;

struct server_result {
	uint64_t longest_stall;	/* of the loop, nanoseconds */
	uint64_t memory;	/* peak of the resident set, bytes */
	unsigned int threads;
	char how[256];
};

/* Serves the clients that connect to listen_fd until the last is gone. */
void server_run(const struct reader *reader, const char *backend,
		const struct demo_store *store, int listen_fd,
		struct server_result *result_r);

/* For readers */
const struct demo_store *server_store(const struct server *server);
void server_watch(struct server *server, int fd);
void server_set_reader_data(struct server *server, void *data);
void *server_reader_data(const struct server *server);
struct server *client_server(const struct client *client);
uint64_t client_id(const struct client *client);	/* never 0 */
/* The body is sent when the client takes it; then release(owner) is called. */
void server_reply(struct client *client, unsigned int number,
		  const unsigned char *body, size_t size,
		  void (*release)(void *owner), void *owner);
void server_refuse(struct client *client, unsigned int number,
		   const char *reason);

/*
 * The load
 */

struct load_options {
	unsigned int clients;
	unsigned int batch;
	unsigned int seconds;	/* no new batch after that */
	int once;		/* each message once, then stop */
};

struct load_result {
	uint64_t messages, bytes;
	uint64_t refused;	/* the daemon could not read them */
	uint64_t wrong;		/* bytes are not those of the store */
	uint64_t elapsed;	/* nanoseconds */
	uint64_t median, slowest;	/* reply to a batch, nanoseconds */
};

void load_run(const struct demo_store *store, const char *socket_path,
	      const struct load_options *options,
	      struct load_result *result_r);

#endif
