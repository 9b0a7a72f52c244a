/*
 * cases.c: which storage, which messages, how many in a batch; and for each
 * case all peers, one round after another.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

/* A round of cached messages goes on for this long at least. */
#define WARM_NS 60000000u
#define WARM_NS_QUICK 30000000u
/* One of slow storage reads fewer messages than there are if it would take
   longer, but a whole batch; and a peer that takes longer than the last for
   one batch is left out. */
#define ROUND_NS 1500000000u
#define ROUND_NS_QUICK 300000000u
#define BATCH_NS 4000000000u

#define MAX_PASSES 8
#define PEERS 8

enum storage {
	STORAGE_WARM, STORAGE_COLD, STORAGE_PAGES, STORAGE_SLOW
};

static const struct state {
	const char *name;
	enum storage storage;
	/* of slowfs */
	const char *options[8];
} states[] = {
	{ "warm", STORAGE_WARM, { NULL } },
	{ "cold", STORAGE_COLD, { NULL } },
	/* as cold, but directories and inodes are cached */
	{ "pages", STORAGE_PAGES, { NULL } },
	/* Names and attributes are cached, as network file systems do. If they
	   were not, the CPU that slowfs needs would be what is measured. */
	{ "fuse1-direct", STORAGE_SLOW,
	  { "-open", "1ms", "-read", "1ms", "-ttl", "60s", "-direct", NULL } },
	{ "fuse1-cached", STORAGE_SLOW,
	  { "-open", "1ms", "-read", "1ms", "-ttl", "60s", NULL } },
	{ "fuse5-direct", STORAGE_SLOW,
	  { "-open", "5ms", "-read", "5ms", "-ttl", "60s", "-direct", NULL } },
	{ "fuse5-cached", STORAGE_SLOW,
	  { "-open", "5ms", "-read", "5ms", "-ttl", "60s", NULL } },
};
#define STATES (sizeof(states) / sizeof(states[0]))

static const unsigned int batches[] = { 1, 10, 100, 1000 };
#define BATCHES (sizeof(batches) / sizeof(batches[0]))

/* What a quick run has: state, layout, batch, direct. */
static const struct selection {
	const char *state;
	enum layout layout;
	unsigned int batch;
	int direct, guard;
} quick[] = {
	{ "warm", LAYOUT_SDBOX, 1, 0, 1 },
	{ "warm", LAYOUT_SDBOX, 1, 1, 1 },
	{ "warm", LAYOUT_SDBOX, 10, 0, 0 },
	{ "warm", LAYOUT_SDBOX, 100, 0, 1 },
	{ "warm", LAYOUT_MDBOX, 100, 0, 1 },
	{ "warm", LAYOUT_LARGE, 10, 0, 1 },
	{ "cold", LAYOUT_SDBOX, 100, 0, 1 },
	{ "cold", LAYOUT_MDBOX, 100, 0, 1 },
	{ "cold", LAYOUT_SHUFFLED, 100, 0, 0 },
	{ "fuse1-direct", LAYOUT_SDBOX, 100, 0, 0 },
	{ "fuse1-cached", LAYOUT_SDBOX, 100, 0, 0 },
	{ "fuse5-direct", LAYOUT_SDBOX, 100, 0, 1 },
	{ "fuse5-cached", LAYOUT_SDBOX, 100, 0, 0 },
};

const struct peer *const peers[] = {
	&peer_sequential, &peer_fadvise, &peer_uv, &peer_pool, &peer_uring,
	&peer_merge, &peer_library, &peer_library_threads, NULL
};

struct bench_case {
	const struct run *run;
	const struct state *state;
	enum layout layout;
	unsigned int batch;
	int direct;
	const struct store *store;
};

struct player {
	const struct peer *peer;
	struct child *child;
	struct order order;
	double calls;
	/* a message, of each round */
	double wall_us[MAX_ROUNDS];
};

static int layout_fits(const struct peer *peer, enum layout layout)
{
	const enum layout *only = peer->only;

	if (only == NULL)
		return 1;
	while (*only != layout && *only != LAYOUT_COUNT)
		only++;
	return *only == layout;
}

static int quick_wanted(const struct bench_case *c)
{
	unsigned int i;

	for (i = 0; i < sizeof(quick) / sizeof(quick[0]); i++) {
		if (strcmp(quick[i].state, c->state->name) == 0 &&
		    quick[i].layout == c->layout &&
		    quick[i].batch == c->batch &&
		    quick[i].direct == c->direct &&
		    (quick[i].guard || !c->run->guard))
			return 1;
	}
	return 0;
}

/* A file system may answer a direct read short, and slowfs does where a read
   begins in the middle of a page. io_uring then asks for the rest itself, but
   FUSE gives it the beginning once more (Linux 6.18): the peers that read by
   io_uring would get wrong bytes. Reads of sdbox files begin at 0. */
static int case_possible(const struct bench_case *c)
{
	return c->layout == LAYOUT_SDBOX ||
		strstr(c->state->name, "direct") == NULL;
}

static int case_wanted(const struct bench_case *c)
{
	char name[64];

	if (!case_possible(c))
		return 0;
	snprintf(name, sizeof(name), "%s %s %u%s", layout_names[c->layout],
		 c->state->name, c->batch, c->direct ? " direct" : "");
	if (c->run->only != NULL)
		return strstr(name, c->run->only) != NULL;
	if (c->run->quick)
		return quick_wanted(c);
	if (c->layout == LAYOUT_LARGE)
		return c->batch <= 10 && c->state->storage <= STORAGE_COLD;
	if (c->state->storage == STORAGE_PAGES)
		return c->batch == 100;
	if (c->state->storage == STORAGE_SLOW)
		return c->layout == LAYOUT_SDBOX || c->batch == 100;
	return 1;
}

static int player_wanted(const struct bench_case *c, const struct peer *peer)
{
	if (!layout_fits(peer, c->layout))
		return 0;
	if (c->run->peer != NULL)
		return strcmp(c->run->peer, peer->name) == 0;
	/* these take most of the time */
	return !c->run->quick || c->state->storage != STORAGE_SLOW ||
		(peer != &peer_fadvise && peer != &peer_uv);
}

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Runs some messages, so that threads are there and everything is known, and
   finds out how many a round should have. Returns 0 if one batch would take too
   long. */
static int player_prepare(const struct bench_case *c, struct player *player)
{
	const unsigned int count = c->store->count;
	const int slow = c->state->storage == STORAGE_SLOW;
	const int all = c->state->storage == STORAGE_WARM;
	const int small = player->peer == &peer_sequential;
	struct order *order = &player->order;
	struct outcome outcome;
	double each, limit;

	order->passes = 1;
	order->direct = c->direct;
	order->batch = min(c->batch, 100);
	order->messages = all ? count : min(count, c->batch < 100 ? 20 : 100);
	child_run(player->child, order, &outcome);
	each = (double)outcome.wall_ns / outcome.messages;

	order->batch = c->batch;
	order->messages = count;
	limit = c->run->quick ? ROUND_NS_QUICK : ROUND_NS;
	if (slow && each * count > limit) {
		order->messages = (unsigned int)(limit / each) / c->batch *
			c->batch;
		if (order->messages == 0)
			order->messages = c->batch;
		if (small)
			order->messages = (unsigned int)(limit / each) + 1;
	}
	if (all) {
		limit = c->run->quick ? WARM_NS_QUICK : WARM_NS;
		order->passes = min((unsigned int)(limit / (each * count)) + 1,
				    MAX_PASSES);
	}
	return each * order->messages <= BATCH_NS || small;
}

static void case_drop(const struct bench_case *c)
{
	if (c->state->storage == STORAGE_COLD)
		store_drop(c->store, 1);
	else if (c->state->storage == STORAGE_PAGES)
		store_drop(c->store, 0);
}

/* System calls are counted in a process and a round of their own: counting
   makes each of them slower. */
static double calls_count(const struct bench_case *c,
			  const struct player *player,
			  const struct peer_setup *setup)
{
	struct outcome outcome;
	struct child *child;

	child = child_start(player->peer, setup, c->store, 1);
	child_run(child, &player->order, &outcome);
	case_drop(c);
	child_run(child, &player->order, &outcome);
	child_stop(child);
	return (double)outcome.calls / outcome.messages;
}

static unsigned int players_start(const struct bench_case *c,
				  struct player *players)
{
	const struct peer_setup setup = {
		.remote = c->state->storage == STORAGE_SLOW
	};
	const struct peer *const *peer;
	struct player *player;
	unsigned int count = 0;

	for (peer = peers; *peer != NULL; peer++) {
		if (!player_wanted(c, *peer))
			continue;
		player = &players[count++];
		memset(player, 0, sizeof(*player));
		player->peer = *peer;
		player->child = child_start(*peer, &setup, c->store, 0);
		if (!player_prepare(c, player)) {
			child_stop(player->child);
			count--;
			continue;
		}
		if (!c->run->guard)
			player->calls = calls_count(c, player, &setup);
	}
	return count;
}

static void player_row(const struct bench_case *c, const struct player *player,
		       unsigned int round, const struct outcome *outcome)
{
	fprintf(c->run->rounds, "%s,%s,%u,%s,%s,%u,%u,%llu,%llu,%llu,%llu,"
		"%llu,%llu,%u,%.3f\n", layout_names[c->layout],
		c->state->name, c->batch, c->direct ? "direct" : "epoll",
		player->peer->name, round, outcome->messages,
		(unsigned long long)outcome->wall_ns,
		(unsigned long long)outcome->user_us,
		(unsigned long long)outcome->system_us,
		(unsigned long long)outcome->switches,
		(unsigned long long)outcome->preemptions,
		(unsigned long long)outcome->longest_ns / 1000,
		outcome->interrupted, player->calls);
}

static int double_cmp(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), double_cmp);
	return values[count / 2];
}

static void case_run(const struct bench_case *c)
{
	struct player players[PEERS];
	struct outcome outcome;
	unsigned int count, round, i, n;

	fprintf(stderr, "%-8s %-12s %4u%s", layout_names[c->layout],
		c->state->name, c->batch, c->direct ? "*" : " ");
	count = players_start(c, players);
	for (round = 1; round <= c->run->rounds_count; round++) {
		for (i = 0; i < count; i++) {
			/* each comes after each other one now and then */
			n = (round + i) % count;
			if (round % 2 == 0)
				n = count - 1 - n;
			case_drop(c);
			child_run(players[n].child, &players[n].order,
				  &outcome);
			player_row(c, &players[n], round, &outcome);
			players[n].wall_us[round - 1] =
				(double)outcome.wall_ns / 1e3 /
				outcome.messages;
		}
	}
	for (i = 0; i < count; i++) {
		fprintf(stderr, " %s %.1f", players[i].peer->name,
			median(players[i].wall_us, c->run->rounds_count));
		child_stop(players[i].child);
	}
	fprintf(stderr, "\n");
	fflush(c->run->rounds);
}

/* All layouts and batches in one state of the storage, which is mounted if
   anything is to be done there. */
static void state_run(const struct run *run, const struct state *state,
		      struct store *stores)
{
	const int slow = state->storage == STORAGE_SLOW;
	struct bench_case c = { .run = run, .state = state };
	struct mount *mount = NULL;
	unsigned int i;

	for (c.layout = 0; c.layout < LAYOUT_COUNT; c.layout++) {
		c.store = &stores[c.layout];
		for (i = 0; i < 2 * BATCHES; i++) {
			c.batch = batches[i / 2];
			c.direct = i % 2;
			if (!case_wanted(&c) || (c.direct && (c.batch > 1 ||
			    state->storage != STORAGE_WARM)))
				continue;
			if (slow && mount == NULL)
				mount = mount_start(run->dir, state->options);
			if (slow)
				store_move(&stores[c.layout], run->dir,
					   mount_path(mount));
			case_run(&c);
		}
	}
	if (mount != NULL)
		mount_stop(mount);
}

void cases_run(const struct run *run)
{
	struct store stores[LAYOUT_COUNT];
	char dir[4096];
	const char *reason = mount_impossible();
	unsigned int i;

	store_sdbox(run, &stores[LAYOUT_SDBOX]);
	snprintf(dir, sizeof(dir), "%s/store/mdbox/storage", run->dir);
	store_find(&stores[LAYOUT_MDBOX], dir, "m.");
	store_find(&stores[LAYOUT_SHUFFLED], dir, "m.");
	store_shuffle(&stores[LAYOUT_SHUFFLED]);
	store_large(run, &stores[LAYOUT_LARGE]);
	fprintf(run->rounds, "# cold: %s\n",
		store_drop(&stores[LAYOUT_SDBOX], 1));
	fprintf(run->rounds, "layout,state,batch,mode,peer,round,messages,"
		"wall_ns,user_us,system_us,voluntary_switches,"
		"involuntary_switches,longest_us,eintr,calls_a_message\n");
	fprintf(stderr, "microseconds a message:\n");

	for (i = 0; i < STATES; i++) {
		if (states[i].storage == STORAGE_SLOW && reason != NULL) {
			fprintf(run->rounds, "# skip: %s: %s\n",
				states[i].name, reason);
			continue;
		}
		state_run(run, &states[i], stores);
	}
}
