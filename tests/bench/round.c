/* round.c: one peer reads the messages of a store once, or a few times. */
#include <stdlib.h>
#include <err.h>
#include "bench.h"

#define MAX_BATCH 1000

static void batch_run(const struct peer *peer,
		      const struct message *const *batch, unsigned int count,
		      int direct)
{
	const unsigned int all = delivered_count() + count;

	loop_wakes();
	peer->submit(batch, count);
	if (direct && peer->poke != NULL)
		peer->poke();
	while (delivered_count() != all)
		peer->turn();
	loop_sleeps();
}

static void pass_run(const struct peer *peer, const struct store *store,
		     const struct order *order)
{
	const struct message *batch[MAX_BATCH];
	unsigned int i, count = 0;

	if (order->batch > MAX_BATCH)
		errx(1, "a batch of %u", order->batch);
	for (i = 0; i < order->messages; i++) {
		batch[count++] = &store->messages[i % store->count];
		if (count == order->batch || i + 1 == order->messages) {
			batch_run(peer, batch, count, order->direct);
			count = 0;
		}
	}
}

static uint64_t expected(const struct store *store, const struct order *order)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < order->messages; i++)
		sum += store->messages[i % store->count].check;
	return sum * order->passes;
}

void round_run(const struct peer *peer, const struct store *store,
	       const struct order *order, struct outcome *outcome_r)
{
	struct usage before, after;
	uint64_t begin;
	unsigned int i;

	delivered_take();
	loop_longest();
	loop_interrupted();
	usage_get(&before);
	begin = clock_ns();
	for (i = 0; i < order->passes; i++)
		pass_run(peer, store, order);
	outcome_r->wall_ns = clock_ns() - begin;
	usage_get(&after);

	outcome_r->messages = delivered_count();
	outcome_r->interrupted = loop_interrupted();
	outcome_r->user_us = after.user_us - before.user_us;
	outcome_r->system_us = after.system_us - before.system_us;
	outcome_r->switches = after.switches - before.switches;
	outcome_r->preemptions = after.preemptions - before.preemptions;
	outcome_r->longest_ns = loop_longest();
	outcome_r->calls = 0;
	outcome_r->wrong = outcome_r->messages !=
		order->messages * order->passes ||
		delivered_take() != expected(store, order);
}
