/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/bpf/internal.h"

/* Samples and counts of one key, in whatever order they are read: every drop is told once. */

struct heard {
	struct fact last;
	uint64_t facts, sampled, summed;
};

static void on_fact(void *userdata, struct fact *f)
{
	struct heard *h = userdata;

	h->last = *f;
	h->facts++;
	if (f->type != FACT_DROP)
		return;
	if (f->drop.sampled)
		h->sampled += f->drop.count;
	else
		h->summed += f->drop.count;
}

static const struct kernel kernel = { .lines = { { "" }, { "XfrmInError" }, { "XfrmInNoStates" } },
	.n_lines = 3 };

static struct fold *new_fold(struct heard *h)
{
	const struct source_sink sink = { .userdata = h, .emit = on_fact };
	struct fold *f = NULL;

	assert_int_equal(fold_new(&kernel, &sink, &f), 0);
	return f;
}

static struct drop_key key_of(uint8_t counter)
{
	struct drop_key k = { .netns = 9, .counter = counter, .family = 2, .proto = 50, .spi = 7 };

	memcpy(k.src, "\xc0\x00\x02\x01", 4);
	memcpy(k.dst, "\xc0\x00\x02\x02", 4);
	return k;
}

static void sample(struct fold *f, uint64_t ordinal)
{
	struct drop_sample s = { .key = key_of(2), .ordinal = ordinal, .has = DROP_HAS_SEQNO };

	s.seqno = 11;
	fold_sample(f, &s);
}

static void read_count(struct fold *f, uint64_t n)
{
	const struct drop_key k = key_of(2);
	const struct drop_value v = { .count = n, .first_ns = 1, .last_ns = 2 };

	fold_count(f, 0, &k, &v);
}

static void count(struct fold *f, uint64_t n)
{
	read_count(f, n);
	fold_tell(f, 0);
}

static void samples_are_told_one_by_one_and_the_rest_as_a_sum(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	sample(f, 1);
	assert_string_equal(h.last.drop.counter, "XfrmInNoStates");
	assert_int_equal(h.last.netns, 9);
	assert_int_equal(h.last.drop.spi, 7);
	assert_int_equal(h.last.drop.seqno, 11);
	assert_true(h.last.drop.has_seqno);
	sample(f, 2);
	count(f, 10);
	assert_int_equal(h.sampled, 2);
	assert_int_equal(h.summed, 8);
	count(f, 10);
	assert_int_equal(h.facts, 3);
	count(f, 15);
	assert_int_equal(h.summed, 13);
	assert_int_equal(fold_told(f), 15);
	fold_free(f);
}

static void a_sample_may_come_behind_its_count(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	assert_false(fold_awaits(f, 0, 3));
	sample(f, 1);
	read_count(f, 2);
	assert_true(fold_awaits(f, 0, 3));
	sample(f, 2);
	assert_false(fold_awaits(f, 0, 3));
	fold_tell(f, 0);
	assert_int_equal(h.sampled, 2);
	assert_int_equal(h.summed, 0);
	count(f, 5);
	read_count(f, 8); /* of which no more are sampled */
	assert_false(fold_awaits(f, 0, 3));
	assert_false(fold_awaits(f, 1, 3));
	fold_free(f);
}

static void a_sample_that_came_before_the_count_was_read_is_in_it(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	read_count(f, 1);
	sample(f, 2); /* the first found no room */
	fold_tell(f, 0);
	count(f, 2);
	assert_int_equal(h.sampled, 1);
	assert_int_equal(h.summed, 1);
	fold_free(f);
}

static void a_sample_behind_its_sum_is_not_told_again(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	count(f, 3);
	sample(f, 2);
	sample(f, 3);
	assert_int_equal(h.sampled, 0);
	sample(f, 4);
	count(f, 4);
	assert_int_equal(h.sampled + h.summed, 4);
	fold_free(f);
}

static void a_lost_sample_is_in_the_sum(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	sample(f, 1);
	sample(f, 3); /* the second found no room */
	count(f, 3);
	assert_int_equal(h.sampled, 2);
	assert_int_equal(h.summed, 1);
	fold_free(f);
}

static void a_new_generation_counts_from_zero(void **state)
{
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	count(f, 5);
	fold_forget(f, 0);
	assert_int_equal(fold_keys(f, 0), 0);
	count(f, 2);
	assert_int_equal(h.summed, 7);
	fold_free(f);
}

static void an_unknown_line_is_left_to_the_counters(void **state)
{
	const struct drop_value v = { .count = 1 };
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	for (unsigned line = 0; line < 256; line++) {
		const struct drop_key k = key_of((uint8_t)line);

		fold_count(f, 2, &k, &v);
	}
	fold_tell(f, 2);
	assert_int_equal(h.facts, 2); /* lines 1 and 2 */
	fold_free(f);
}

static void results_of_the_sad_are_told_by_difference(void **state)
{
	const struct sad_key done = { .netns = 9, .op = SAD_ADD },
			     failed = { .netns = 9, .op = SAD_ADD, .error = -17 };
	struct heard h = { 0 };
	struct fold *f = new_fold(&h);

	(void)state;
	fold_sad(f, &done, 3);
	assert_int_equal(h.last.type, FACT_SAD_RESULT);
	assert_int_equal(h.last.sad_result.count, 3);
	fold_sad(f, &done, 3);
	assert_int_equal(h.facts, 1);
	fold_sad(f, &done, 5);
	assert_int_equal(h.last.sad_result.count, 2);
	fold_sad(f, &failed, 1);
	assert_int_equal(h.last.sad_result.error, 17);
	fold_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_told_one_by_one_and_the_rest_as_a_sum),
		cmocka_unit_test(a_sample_may_come_behind_its_count),
		cmocka_unit_test(a_sample_that_came_before_the_count_was_read_is_in_it),
		cmocka_unit_test(a_sample_behind_its_sum_is_not_told_again),
		cmocka_unit_test(a_lost_sample_is_in_the_sum),
		cmocka_unit_test(a_new_generation_counts_from_zero),
		cmocka_unit_test(an_unknown_line_is_left_to_the_counters),
		cmocka_unit_test(results_of_the_sad_are_told_by_difference),
	};

	return cmocka_run_group_tests_name("source/fold", tests, NULL, NULL);
}
