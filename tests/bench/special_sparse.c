/* special_sparse.c: one request every 10 ms, in a host that does nothing else. */
#include <err.h>
#include <time.h>
#include "bench.h"

#define INTERVAL_NS 10000000

struct sparse {
	const struct peer *peer;
	const struct store *store;
	unsigned int requests;
};

struct sparse_result {
	double cpu_us, switches;	/* a request */
};

static const struct peer peer_none = {
	"none", "only the wait of 10 ms", NULL, NULL, NULL, NULL, NULL
};
static const struct peer *const sparse_peers[] = {
	&peer_none, &peer_sequential, &peer_uring, &peer_library,
	&peer_library_threads
};
#define PEERS (sizeof(sparse_peers) / sizeof(sparse_peers[0]))

static void request_run(const struct sparse *sparse, unsigned int i)
{
	const struct message *msg =
		&sparse->store->messages[i % sparse->store->count];
	const unsigned int before = delivered_count();

	if (sparse->peer->submit == NULL)
		return;
	sparse->peer->submit(&msg, 1);
	while (delivered_count() == before)
		sparse->peer->turn();
}

static void tick(struct timespec *next)
{
	next->tv_nsec += INTERVAL_NS;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static void sparse_run(const void *arg, void *data)
{
	static const struct peer_setup setup = { .remote = 0 };
	const struct sparse *sparse = arg;
	struct sparse_result *result = data;
	struct usage before, after;
	struct timespec next;
	unsigned int i;

	if (sparse->peer->init != NULL)
		sparse->peer->init(&setup);
	for (i = 0; i < 100; i++)
		request_run(sparse, i);
	clock_gettime(CLOCK_MONOTONIC, &next);
	/* what the start has left behind comes to rest */
	for (i = 0; i < 10; i++)
		tick(&next);
	usage_get(&before);
	for (i = 0; i < sparse->requests; i++) {
		tick(&next);
		request_run(sparse, i);
	}
	usage_get(&after);
	result->cpu_us = (double)(after.user_us - before.user_us +
				  after.system_us - before.system_us) /
		sparse->requests;
	result->switches = (double)(after.switches - before.switches) /
		sparse->requests;
}

void special_sparse(const struct run *run)
{
	struct store store;
	struct sparse sparse = { .store = &store };
	struct sparse_result result;
	unsigned int round, i;

	sparse.requests = run->quick ? 50 : 100;
	store_sdbox(run, &store);
	for (round = 1; round <= run->rounds_count; round++) {
		for (i = 0; i < PEERS; i++) {
			sparse.peer = sparse_peers[i];
			child_call(sparse_run, &sparse, &result,
				   sizeof(result));
			special_row(run, "sparse_cpu_us", sparse.peer->name,
				    round, result.cpu_us);
			special_row(run, "sparse_switches", sparse.peer->name,
				    round, result.switches);
		}
	}
}
