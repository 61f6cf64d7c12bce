/* SPDX-License-Identifier: Apache-2.0 */
#include "match/lint.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Each rule by a policy that breaks it, and by its like that does not. */

#define MOST 8u

static struct policy policies[MOST];
static size_t n_policies;

static const struct policy *other(void *userdata, uint64_t netns, uint32_t index)
{
	(void)userdata;
	(void)netns;
	for (size_t i = 0; i < n_policies; i++) {
		if (policies[i].index == index)
			return &policies[i];
	}
	return NULL;
}

static bool is_local(void *userdata, uint64_t netns, const struct addr *a)
{
	(void)userdata;
	(void)netns;
	return a->octets[3] == 1;
}

static bool has_if_id(void *userdata, uint32_t if_id)
{
	(void)userdata;
	return if_id == 1;
}

static bool agree(const struct policy *a, const struct policy *b)
{
	return a->block == b->block;
}

/* An allow or a block without a template: nothing is wrong with it. */
static struct policy *given(uint8_t direction, const char *src, const char *dst)
{
	struct policy *p = &policies[n_policies++];

	*p = (struct policy){ .netns = 1, .index = (uint32_t)n_policies * 8, .priority = 100 };
	p->direction = direction;
	assert_int_equal(prefix_parse(src, &p->selector.src, NULL), 0);
	assert_int_equal(prefix_parse(dst, &p->selector.dst, NULL), 0);
	return p;
}

static struct policy *protected_by(struct policy *p, uint8_t mode)
{
	p->n_templates = 1;
	p->templates[0] = (struct template){ .proto = IPPROTO_ESP, .mode = mode };
	return p;
}

static struct lint_finding findings[LINT_N];

static unsigned lint(const struct policy *p)
{
	struct match *m = NULL;
	struct lint_world w = {
		.policy = other, .is_local = is_local, .has_if_id = has_if_id, .agree = agree
	};
	unsigned n;

	assert_int_equal(match_new(1, &m), 0);
	for (size_t i = 0; i < n_policies; i++)
		assert_int_equal(match_add(m, &policies[i]), 0);
	w.match = m;
	n = lint_policy(&w, p, findings);
	match_free(m);
	return n;
}

static void expect_rule(const struct policy *p, enum lint_rule rule)
{
	unsigned n = lint(p);

	for (unsigned i = 0; i < n; i++) {
		if (findings[i].rule == rule) {
			assert_true(strlen(findings[i].cause) > 0);
			return;
		}
	}
	fail_msg("%s is not found", lint_texts[rule].name);
}

static void expect_nothing(const struct policy *p)
{
	unsigned n = lint(p);

	if (n > 0)
		fail_msg("%s: %s", lint_texts[findings[0].rule].name, findings[0].cause);
}

static int anew(void **state)
{
	(void)state;
	n_policies = 0;
	return 0;
}

static void selectors_that_no_packet_fits(void **state)
{
	struct policy *p = given(POLICY_OUT, "10.1.0.0/16", "10.2.0.0/16");

	(void)state;
	expect_nothing(p);
	p->selector.src.length = 33;
	expect_rule(p, LINT_NEVER_MATCHES);
	p->selector.src.length = 16;
	p->selector.proto = IPPROTO_ESP;
	p->selector.dport_mask = 0xffff;
	expect_nothing(p); /* port 0 is what the kernel compares with */
	p->selector.dport = 7;
	expect_rule(p, LINT_NEVER_MATCHES);
	p->selector.proto = IPPROTO_UDP;
	expect_nothing(p);
	p->selector.proto = IPPROTO_ICMP;
	p->selector.dport = 256;
	expect_rule(p, LINT_NEVER_MATCHES);
	p->selector.dport_mask = 0;
	expect_nothing(p);
	p->selector.ifindex = 3;
	expect_nothing(p);
	p->direction = POLICY_IN;
	expect_rule(p, LINT_NEVER_MATCHES);
	p->selector.ifindex = LOOPBACK_IFINDEX;
	expect_nothing(p);
	p = given(POLICY_OUT, "2001:db8::/32", "::/0");
	p->selector.proto = IPPROTO_ICMP;
	expect_rule(p, LINT_NEVER_MATCHES);
}

static void policies_in_the_shadow_of_another(void **state)
{
	struct policy *p = given(POLICY_OUT, "10.1.1.0/24", "10.2.0.0/16"),
		      *q = given(POLICY_OUT, "10.1.0.0/16", "0.0.0.0/0");

	(void)state;
	p->selector.proto = IPPROTO_TCP;
	q->priority = 99;
	q->block = true;
	expect_rule(p, LINT_SHADOWED);
	assert_true(findings[0].has_other);
	assert_int_equal(findings[0].other, q->index);
	expect_nothing(q);
	q->block = false;
	expect_rule(p, LINT_REDUNDANT);
	q->selector.proto = IPPROTO_UDP;
	expect_nothing(p);
	q->selector.proto = IPPROTO_TCP;
	q->selector.src.length = 24; /* 10.1.0.0/24: beside it */
	expect_nothing(p);
	q->selector.src.length = 16;
	q->if_id = 1;
	expect_nothing(p);
	q->if_id = 0;
	q->priority = 101;
	expect_nothing(p);
	expect_nothing(q);
}

static void equal_priorities_with_another_outcome(void **state)
{
	struct policy *p = given(POLICY_OUT, "10.1.0.0/16", "0.0.0.0/0"),
		      *q = given(POLICY_OUT, "10.1.1.0/24", "10.2.0.0/16");

	(void)state;
	expect_nothing(p); /* installed first, and wider */
	expect_rule(q, LINT_REDUNDANT);
	q->block = true;
	expect_rule(q, LINT_CONTRADICTED);
	assert_int_equal(findings[0].other, p->index);
}

static void tunnels_without_their_twins(void **state)
{
	struct policy *in = protected_by(
			      given(POLICY_IN, "10.2.0.0/16", "10.1.0.0/16"), IPSEC_TUNNEL),
		      *out, *fwd;

	(void)state;
	expect_rule(in, LINT_NO_REVERSE);
	expect_rule(in, LINT_NO_FORWARD);
	out = protected_by(given(POLICY_OUT, "10.1.0.0/16", "10.2.0.0/16"), IPSEC_TUNNEL);
	expect_nothing(out);
	assert_int_equal(lint(in), 1);
	fwd = protected_by(given(POLICY_FWD, "10.2.0.0/16", "10.1.0.0/16"), IPSEC_TUNNEL);
	expect_nothing(in);
	expect_nothing(fwd);
	in->selector.dst.length = 24; /* not the same any more */
	expect_rule(in, LINT_NO_FORWARD);
	expect_nothing(out); /* there is still fwd */
	fwd->selector.dst.length = 24;
	expect_rule(out, LINT_NO_REVERSE);
}

static void ports_turn_round_on_the_way_back(void **state)
{
	struct policy *out = protected_by(
			      given(POLICY_OUT, "10.1.0.1", "10.2.0.1"), IPSEC_TRANSPORT),
		      *in = protected_by(given(POLICY_IN, "10.2.0.1", "10.1.0.1"), IPSEC_TRANSPORT);

	(void)state;
	out->selector.proto = in->selector.proto = IPPROTO_TCP;
	out->selector.dport = in->selector.sport = 80;
	out->selector.dport_mask = in->selector.sport_mask = 0xffff;
	expect_nothing(out);
	expect_nothing(in);
	in->selector.sport = 81;
	expect_rule(out, LINT_NO_REVERSE);
}

static void a_host_of_this_machine_needs_no_fwd(void **state)
{
	struct policy *in = protected_by(given(POLICY_IN, "10.2.0.0/16", "10.1.0.1"), IPSEC_TUNNEL);

	(void)state;
	(void)protected_by(given(POLICY_OUT, "10.1.0.1", "10.2.0.0/16"), IPSEC_TUNNEL);
	expect_nothing(in);
	in->selector.dst.addr.octets[3] = policies[1].selector.src.addr.octets[3] = 2;
	expect_rule(in, LINT_NO_FORWARD);
}

static void templates_and_interfaces(void **state)
{
	struct policy *fwd =
		protected_by(given(POLICY_FWD, "10.2.0.0/16", "10.1.0.0/16"), IPSEC_TUNNEL);

	(void)state;
	expect_nothing(fwd);
	fwd->templates[0].optional = true;
	expect_rule(fwd, LINT_OPTIONAL);
	fwd->n_templates = POLICY_TEMPLATES;
	expect_rule(fwd, LINT_TOO_MANY_TEMPLATES);
	fwd->block = true;
	expect_nothing(fwd);
	fwd->if_id = 1;
	expect_nothing(fwd);
	fwd->if_id = 2;
	expect_rule(fwd, LINT_NO_INTERFACE);
	fwd->direction = POLICY_SOCKET_IN;
	expect_nothing(fwd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(selectors_that_no_packet_fits, anew),
		cmocka_unit_test_setup(policies_in_the_shadow_of_another, anew),
		cmocka_unit_test_setup(equal_priorities_with_another_outcome, anew),
		cmocka_unit_test_setup(tunnels_without_their_twins, anew),
		cmocka_unit_test_setup(ports_turn_round_on_the_way_back, anew),
		cmocka_unit_test_setup(a_host_of_this_machine_needs_no_fwd, anew),
		cmocka_unit_test_setup(templates_and_interfaces, anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
