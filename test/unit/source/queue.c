/* SPDX-License-Identifier: Apache-2.0 */
#include "main/observe/queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Facts here are 1000 octets: four digits of their number, then dots. */
static int put(struct queue *q, uint64_t seq, bool claim)
{
	char octets[1001];

	memset(octets, '.', sizeof(octets));
	snprintf(octets, sizeof(octets), "%04u", (unsigned)seq);
	octets[4] = '.';
	return queue_put(q, seq, claim, span_of(octets, 1000));
}

/* The number of the fact that is sent next, which is sent at once in pieces of n. */
static unsigned send_one(struct queue *q, size_t n)
{
	struct iovec part;
	char octets[1001] = "";
	unsigned seq = 0;

	for (size_t sent = 0; sent < 1000;) {
		if (queue_next(q, &part, 1) == 0)
			return 0;
		if (part.iov_len < n)
			n = part.iov_len;
		memcpy(octets + sent, part.iov_base, n);
		queue_sent(q, n);
		sent += n;
	}
	assert_int_equal(octets[999], '.');
	sscanf(octets, "%u", &seq);
	return seq;
}

static void kept_until_acknowledged(void **state)
{
	struct queue *q = NULL;

	(void)state;
	assert_int_equal(queue_new(1 << 20, &q), 0);
	for (unsigned i = 1; i <= 300; i++)
		assert_int_equal(put(q, i, false), 0);
	for (unsigned i = 1; i <= 200; i++)
		assert_int_equal(send_one(q, 333), i);
	queue_ack(q, 150);
	queue_rewind(q); /* a new core */
	for (unsigned i = 151; i <= 300; i++)
		assert_int_equal(send_one(q, 1000), i);
	assert_true(queue_all_sent(q));
	assert_int_equal(send_one(q, 1000), 0);
	queue_ack(q, 300);
	assert_int_equal(queue_octets(q), 0);
	assert_int_equal(put(q, 301, false), 0);
	assert_false(queue_all_sent(q));
	assert_int_equal(send_one(q, 1000), 301);
	queue_free(q);
}

static void the_oldest_claims_go_first(void **state)
{
	struct queue *q = NULL;
	unsigned last = 0, n = 0, seq;

	(void)state;
	assert_int_equal(queue_new(600000, &q), 0);
	for (unsigned i = 1; i <= 900; i++)
		assert_int_equal(put(q, i, i % 2), 0); /* odd ones are claims */
	assert_true(queue_octets(q) <= 600000);
	assert_true(queue_claims_lost(q) >= 300);
	while ((seq = send_one(q, 1000))) {
		assert_true(seq > last); /* in order */
		last = seq;
		n += seq % 2 == 0;
	}
	assert_int_equal(n, 450); /* nothing else went */
	queue_free(q);
}

static void what_has_no_place_is_refused(void **state)
{
	struct queue *q = NULL;

	(void)state;
	assert_int_equal(queue_new(100000, &q), 0);
	for (unsigned i = 1; i <= 98; i++)
		assert_int_equal(put(q, i, false), 0);
	assert_int_equal(put(q, 99, false), -ENOSPC);
	assert_int_equal(put(q, 100, true), -ENOSPC);
	assert_int_equal(queue_claims_lost(q), 1);
	queue_ack(q, 98);
	assert_int_equal(put(q, 101, false), 0);
	assert_int_equal(send_one(q, 1000), 101);
	queue_free(q);
}

/* The half-sent fact must arrive whole although all around it goes. */
static void a_fact_on_its_way_stays(void **state)
{
	struct queue *q = NULL;
	struct iovec part;
	unsigned n = 0;

	(void)state;
	assert_int_equal(queue_new(300000, &q), 0);
	for (unsigned i = 1; i <= 290; i++)
		assert_int_equal(put(q, i, true), 0);
	assert_int_equal(send_one(q, 1000), 1);
	assert_int_equal(queue_next(q, &part, 1), 1);
	queue_sent(q, 500);
	for (unsigned i = 291; i <= 600; i++)
		assert_int_equal(put(q, i, true), 0);
	assert_int_equal(queue_next(q, &part, 1), 1);
	assert_int_equal(part.iov_len, 500);
	queue_sent(q, 500);
	assert_int_equal(send_one(q, 1000), 3);
	while (send_one(q, 1000))
		n++;
	assert_int_equal(n + 3 + queue_claims_lost(q), 600);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_until_acknowledged),
		cmocka_unit_test(the_oldest_claims_go_first),
		cmocka_unit_test(what_has_no_place_is_refused),
		cmocka_unit_test(a_fact_on_its_way_stays),
	};

	return cmocka_run_group_tests_name("main/observe/queue", tests, NULL, NULL);
}
