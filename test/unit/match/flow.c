/* SPDX-License-Identifier: Apache-2.0 */
#include "match/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_flow_is_read(void **state)
{
	struct flow f;

	(void)state;
	assert_int_equal(flow_parse(&(struct flow_text){ "10.1.0.1", "10.2.0.1", "udp", "500",
					    "4500", "0x10", "7" },
				 &f, NULL),
		0);
	assert_int_equal(f.proto, IPPROTO_UDP);
	assert_int_equal(f.sport, 500);
	assert_int_equal(f.dport, 4500);
	assert_int_equal(f.mark, 16);
	assert_int_equal(f.if_id, 7);
	assert_int_equal(
		flow_parse(
			&(struct flow_text){ .src = "::1", .dst = "::2", .proto = "58" }, &f, NULL),
		0);
	assert_int_equal(f.proto, IPPROTO_ICMPV6);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		struct flow_text text;
		const char *said;
	} cases[] = {
		{ { .dst = "::1" }, "source is missing" },
		{ { .src = "::1" }, "destination is missing" },
		{ { .src = "10.1.0.0/16", .dst = "::1" }, "not an IPv4 or IPv6 address" },
		{ { .src = "10.1.0.1", .dst = "::1" }, "one is IPv4" },
		{ { .src = "::1", .dst = "::1", .proto = "tpc" }, "no protocol 'tpc'" },
		{ { .src = "::1", .dst = "::1", .proto = "256" }, "from 0 to 255" },
		{ { .src = "::1", .dst = "::1", .proto = "tcp", .sport = "65536" }, "source port" },
		{ { .src = "::1", .dst = "::1", .proto = "icmpv6", .dport = "256" }, "ICMP code" },
		{ { .src = "::1", .dst = "::1", .proto = "esp", .sport = "1" }, "no policy asks" },
		{ { .src = "::1", .dst = "::1", .sport = "1" }, "no policy asks" },
		{ { .src = "::1", .dst = "::1", .mark = "-1" }, "mark" },
		{ { .src = "::1", .dst = "::1", .if_id = "4294967296" }, "if_id" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flow f = { .mark = 99 };
		struct diag d = { "" };

		assert_int_equal(flow_parse(&cases[i].text, &f, &d), -EINVAL);
		assert_non_null(strstr(d.text, cases[i].said));
		assert_int_equal(f.mark, 99);
	}
}

static void each_misfit_is_told(void **state)
{
	const struct flow fits = { .src = { AF_INET, { 10, 1, 0, 1 } },
		.dst = { AF_INET, { 10, 2, 0, 1 } },
		.proto = IPPROTO_TCP,
		.sport = 1,
		.dport = 80,
		.mark = 0x15,
		.if_id = 3,
		.ifindex = 2 };
	const struct policy p = { .if_id = 3,
		.mark = 5,
		.mark_mask = 0xf,
		.selector = { .src = { { AF_INET, { 10, 1, 0, 0 } }, 16 },
			.dst = { { AF_INET, { 10, 2, 0, 1 } }, 32 },
			.proto = IPPROTO_TCP,
			.sport_mask = 0xfffe,
			.dport = 80,
			.dport_mask = 0xffff,
			.ifindex = 2 } };
	struct flow f = fits;

	(void)state;
	assert_int_equal(policy_misfits(&p, &f), 0);
	f.src.octets[1] = 2;
	f.dst.octets[3] = 2;
	assert_int_equal(policy_misfits(&p, &f), MISFIT_SRC | MISFIT_DST);
	f = fits;
	f.proto = IPPROTO_UDP;
	f.sport = 2;
	f.dport = 81;
	assert_int_equal(policy_misfits(&p, &f), MISFIT_PROTO | MISFIT_SPORT | MISFIT_DPORT);
	f = fits;
	f.ifindex = 1;
	f.mark = 4;
	f.if_id = 0;
	assert_int_equal(policy_misfits(&p, &f), MISFIT_INTERFACE | MISFIT_MARK | MISFIT_IF_ID);
	f = fits;
	f.src.family = f.dst.family = AF_INET6;
	assert_int_equal(policy_misfits(&p, &f), MISFIT_FAMILY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_read),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(each_misfit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
