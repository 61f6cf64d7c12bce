/* SPDX-License-Identifier: Apache-2.0 */
#include "match/meet.h"

#include <linux/xfrm.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the live kernel can't be asked where it has no ESP: SAs. The rest is in test/find. */

static const struct addr here = { AF_INET, { 192, 0, 2, 1 } }, peer = { AF_INET, { 192, 0, 2, 2 } },
			 any = { AF_INET, { 0 } };
static const struct flow flow = { .src = { AF_INET, { 10, 1, 0, 1 } },
	.dst = { AF_INET, { 10, 2, 0, 1 } },
	.proto = IPPROTO_TCP };

static struct template a_template(void)
{
	return (struct template){
		.src = here, .dst = peer, .reqid = 7, .proto = IPPROTO_ESP, .mode = IPSEC_TUNNEL
	};
}

static struct sa an_sa(void)
{
	return (struct sa){ .src = here,
		.dst = peer,
		.proto = IPPROTO_ESP,
		.spi = 1,
		.mode = IPSEC_TUNNEL,
		.reqid = 7 };
}

/* Each change alone makes it another SA than the template wants. */
#define UNFIT(change) \
	do { \
		struct sa sa = an_sa(); \
		struct template t = a_template(); \
		struct policy p = { 0 }; \
		change; \
		assert_false(template_sends_by(&t, &p, &flow, &t.src, &t.dst, &sa)); \
	} while (0)
#define FIT(change) \
	do { \
		struct sa sa = an_sa(); \
		struct template t = a_template(); \
		struct policy p = { 0 }; \
		change; \
		assert_true(template_sends_by(&t, &p, &flow, &t.src, &t.dst, &sa)); \
	} while (0)

static void an_sa_to_send_by(void **state)
{
	(void)state;
	FIT((void)p);
	UNFIT(sa.reqid = 8);
	UNFIT(t.reqid = 0); /* outbound 0 is no wildcard */
	UNFIT(sa.proto = IPPROTO_AH);
	UNFIT(sa.mode = IPSEC_TRANSPORT);
	UNFIT(sa.dst = here);
	UNFIT(sa.src = peer);
	FIT(sa.src = any);
	FIT(t.src = any);
	UNFIT(t.spi = 2);
	FIT(t.spi = 1);
	UNFIT(sa.if_id = 1);
	FIT(sa.if_id = p.if_id = 1);
	UNFIT((sa.mark = 1, sa.mark_mask = 1));
	FIT((sa.mark = 1, sa.mark_mask = 1, p.mark = 3, p.mark_mask = 3));
	UNFIT(sa.larval = true);
	UNFIT(sa.flags = XFRM_STATE_WILDRECV);
	UNFIT((sa.selector.dst = (struct prefix){ peer, 32 }, sa.selector.src.addr = any));
	FIT((sa.selector.dst = (struct prefix){ flow.dst, 16 }, sa.selector.src.addr = any));
}

static void the_newer_sa_is_preferred(void **state)
{
	struct sa old = an_sa(), new = an_sa();

	(void)state;
	old.added_s = 5;
	new.added_s = 6;
	assert_true(sa_preferred(&new, &old));
	assert_false(sa_preferred(&old, &new));
}

static void an_sa_to_come_by(void **state)
{
	struct template t = a_template();
	struct sa sa = an_sa();

	(void)state;
	assert_true(template_accepts(&t, &flow, &sa));
	sa.reqid = 8;
	assert_false(template_accepts(&t, &flow, &sa));
	t.reqid = 0; /* inbound it is one */
	assert_true(template_accepts(&t, &flow, &sa));
	sa.src = peer;
	assert_false(template_accepts(&t, &flow, &sa));
	t.mode = sa.mode = IPSEC_TRANSPORT; /* whose addresses nobody compares */
	assert_true(template_accepts(&t, &flow, &sa));
	t.spi = 9;
	assert_false(template_accepts(&t, &flow, &sa));
}

static void outcomes(void **state)
{
	struct policy allow = { 0 }, block = { .block = true }, esp = { .n_templates = 1 },
		      use = { .n_templates = 1, .templates = { { .optional = true } } },
		      six = { .n_templates = POLICY_TEMPLATES };

	(void)state;
	assert_int_equal(meeting_outcome(POLICY_IN, NULL, NULL, false), OUTCOME_NO_POLICY);
	assert_int_equal(meeting_outcome(POLICY_IN, NULL, NULL, true), OUTCOME_DEFAULT_BLOCK);
	assert_int_equal(meeting_outcome(POLICY_IN, &allow, NULL, true), OUTCOME_BYPASS);
	assert_int_equal(meeting_outcome(POLICY_IN, &allow, &block, false), OUTCOME_BLOCK);
	assert_int_equal(meeting_outcome(POLICY_IN, &allow, &esp, false), OUTCOME_PROTECT);
	assert_int_equal(meeting_outcome(POLICY_IN, &use, &allow, false), OUTCOME_OPTIONAL);
	assert_int_equal(meeting_outcome(POLICY_IN, &six, &block, false), OUTCOME_TOO_MANY);
	assert_int_equal(meeting_outcome(POLICY_OUT, &six, &block, false), OUTCOME_BLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sa_to_send_by),
		cmocka_unit_test(the_newer_sa_is_preferred),
		cmocka_unit_test(an_sa_to_come_by),
		cmocka_unit_test(outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
