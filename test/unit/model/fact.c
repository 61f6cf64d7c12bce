/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/fact.h"

/* Fills the fact with values that no two members share, by decoding noise until it is accepted. */
static struct fact noise(uint16_t type, unsigned seed)
{
	struct fact f = { .type = type,
		.source = SOURCE_XFRM,
		.epoch = 3,
		.seq = 9,
		.boot_ns = 1,
		.real_us = 2,
		.netns = 77 };
	uint8_t v4[4] = { 192, 0, 2, (uint8_t)seed };
	uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)seed };

	switch (type) {
	case FACT_SA:
		f.sa.op = SA_UPDATED;
		f.sa.sa = (struct sa){ .netns = 77,
			.src = addr_make(AF_INET, v4),
			.dst = addr_make(AF_INET6, v6),
			.spi = 0xdeadbeef,
			.proto = 50,
			.mode = 1,
			.esn = true,
			.bytes = UINT64_MAX,
			.seq = 5,
			.encryption = "cbc(aes)",
			.integrity = "hmac(sha256)",
			.selector = { .sport = 1, .dport_mask = 0xffff } };
		break;
	case FACT_POLICY:
		f.policy.policy = (struct policy){
			.netns = 77, .index = 8, .block = true, .n_templates = POLICY_TEMPLATES
		};
		for (unsigned i = 0; i < POLICY_TEMPLATES; i++)
			f.policy.policy.templates[i] = (struct template){
				.src = addr_make(AF_INET, v4), .reqid = i, .optional = i % 2
			};
		break;
	case FACT_LINK:
		f.link.link = (struct link){ .ifindex = 4,
			.name = "ipsec0",
			.if_id = 42,
			.disable_xfrm = SETTING_ON,
			.disable_policy = SETTING_OFF };
		break;
	case FACT_COUNTERS:
		f.counters.n = COUNTERS_MAX;
		for (unsigned i = 0; i < COUNTERS_MAX; i++) {
			(void)snprintf(f.counters.v[i].name, COUNTER_NAME_SIZE, "XfrmCounter%u", i);
			f.counters.v[i].value = (uint64_t)i << 40;
		}
		break;
	case FACT_RESTORE_RUN:
		f.restore_run.n_pending = 16;
		f.restore_run.pending[15][1] = 16;
		(void)snprintf(f.restore_run.boot, sizeof(f.restore_run.boot), "boot");
		break;
	case FACT_AUDIT_CHANGE:
		(void)snprintf(f.audit_change.comm, sizeof(f.audit_change.comm), "ip");
		memset(f.audit_change.exe, 'x', sizeof(f.audit_change.exe) - 1);
		f.audit_change.src = (struct prefix){ addr_make(AF_INET6, v6), 64 };
		break;
	default:
		break;
	}
	return f;
}

static void every_type_comes_back_as_it_went(void **state)
{
	(void)state;
	for (uint16_t type = 1; fact_type_name(type); type++) {
		CLEANUP_BUF struct buf out = { 0 };
		struct fact f = noise(type, type), back;
		size_t used;

		if (type == FACT_LINK)
			f.link.link.netns = 77;
		if (type == FACT_ADDR)
			f.addr.addr.netns = 77;
		if (type == FACT_SA_GONE || type == FACT_SA_SOFT)
			f.sa_gone.sa.netns = 77;
		if (type == FACT_POLICY_GONE)
			f.policy_gone.policy.netns = 77;
		fact_encode(&f, &out);
		assert_true(out.n <= FACT_LENGTH_MAX);
		assert_int_equal(fact_decode(buf_span(&out), &back, &used), FACT_OK);
		assert_int_equal(used, out.n);
		assert_memory_equal(&f, &back, sizeof(f));
		/* Every shorter text is truncated, never accepted. */
		for (size_t n = 0; n < out.n; n++)
			assert_int_equal(
				fact_decode(span_of(out.p, n), &back, &used), FACT_TRUNCATED);
	}
}

static void an_older_recording_is_read(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct fact f = noise(FACT_LINK, 1), back;
	size_t used;

	(void)state;
	fact_encode(&f, &out);
	out.p[0] -= 3; /* the settings, which came later */
	assert_int_equal(fact_decode(span_of(out.p, out.n - 3), &back, &used), FACT_OK);
	assert_int_equal(used, out.n - 3);
	assert_int_equal(back.link.link.if_id, 42);
	assert_int_equal(back.link.link.disable_xfrm, SETTING_UNKNOWN);
	/* All of them are there, or none. */
	out.p[0]++;
	assert_int_equal(fact_decode(span_of(out.p, out.n - 2), &back, &used), FACT_MALFORMED);
	out.p[0] -= 2;
	assert_int_equal(fact_decode(span_of(out.p, out.n - 4), &back, &used), FACT_MALFORMED);
}

static void a_foreign_or_future_file_is_told_apart(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	uint32_t version = 0;

	(void)state;
	fact_header_encode(&out);
	assert_int_equal(out.n, FACT_HEADER_SIZE);
	assert_int_equal(fact_header_decode(buf_span(&out), &version), FACT_OK);
	assert_int_equal(fact_header_decode(span_of(out.p, 19), &version), FACT_TRUNCATED);
	out.p[16] = 2;
	assert_int_equal(fact_header_decode(buf_span(&out), &version), FACT_FOREIGN);
	assert_int_equal(version, 2);
	assert_int_equal(fact_header_decode(span_text("#!/bin/sh"), &version), FACT_FOREIGN);
}

static void lies_are_malformed(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct fact f = noise(FACT_SOURCE, 1), back;
	size_t used;

	(void)state;
	fact_encode(&f, &out);
	out.p[4] = 99; /* no such type */
	assert_int_equal(fact_decode(buf_span(&out), &back, &used), FACT_MALFORMED);
	buf_clear(&out);
	fact_encode(&f, &out);
	buf_char(&out, 'x'); /* longer than its type wants */
	out.p[0]++;
	assert_int_equal(fact_decode(buf_span(&out), &back, &used), FACT_MALFORMED);
	buf_clear(&out);
	buf_u32(&out, FACT_LENGTH_MAX + 1);
	assert_int_equal(fact_decode(buf_span(&out), &back, &used), FACT_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_went),
		cmocka_unit_test(an_older_recording_is_read),
		cmocka_unit_test(a_foreign_or_future_file_is_told_apart),
		cmocka_unit_test(lies_are_malformed),
	};

	return cmocka_run_group_tests_name("model/fact", tests, NULL, NULL);
}
