/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit/pending.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "source/audit/parse.h"

static struct fact f;
static struct audit_actor actor;

static enum parse_result ipsec(const char *text)
{
	return audit_parse_ipsec(span_text(text), &f);
}

static enum parse_result syscall_record(const char *text)
{
	return audit_parse_syscall(span_text(text), &actor);
}

static void drops(void **state)
{
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(
		ipsec("audit(1795311590.363:32): op=SA-icv-failure src=10.9.0.1 dst=10.9.0.2 "
		      "spi=4097(0x1001) seqno=5"),
		PARSE_OK);
	assert_true(f.type == FACT_AUDIT_DROP && f.audit_drop.op == AUDIT_DROP_ICV);
	assert_true(f.audit_drop.spi == 0x1001 && f.audit_drop.seqno == 5);
	assert_true(f.audit_drop.record_us == 1795311590363000 && f.audit_drop.serial == 32);
	assert_int_equal(ipsec("audit(1.0:1): op=SA-notfound "
			       "src=fd09:0000:0000:0000:0000:0000:0000:0001 "
			       "dst=fd09:0000:0000:0000:0000:0000:0000:0002 flowlbl=0xfcf1d "
			       "spi=4097(0x1001) seqno=5"),
		PARSE_OK);
	assert_string_equal(addr_format(&f.audit_drop.src, text), "fd09::1");
	assert_true(f.audit_drop.has_flowlabel && f.audit_drop.flowlabel == 0xfcf1d);
	assert_int_equal(ipsec("audit(1.0:1): op=SA-replay-overflow src=1.1.1.1 dst=2.2.2.2 "
			       "spi=1(0x1)"),
		PARSE_OK);
	assert_true(f.audit_drop.has_spi && !f.audit_drop.has_seqno);
	assert_int_equal(ipsec("audit(1.0:1): op=SA-notfound src=1.1.1.1 dst=2.2.2.2"), PARSE_OK);
	assert_false(f.audit_drop.has_spi);
}

static void changes(void **state)
{
	char text[PREFIX_TEXT_SIZE];

	(void)state;
	assert_int_equal(ipsec("audit(1.5:9): op=SPD-add auid=1000 ses=3 subj=unconfined res=1 "
			       "src=10.1.0.0 src_prefixlen=16 dst=10.2.0.1"),
		PARSE_OK);
	assert_true(f.type == FACT_AUDIT_CHANGE && f.audit_change.op == AUDIT_SPD_ADD);
	assert_true(f.audit_change.auid == 1000 && f.audit_change.ses == 3 && f.audit_change.ok);
	assert_string_equal(prefix_format(&f.audit_change.src, text), "10.1.0.0/16");
	assert_int_equal(f.audit_change.dst.length, 32);
	assert_true(!f.audit_change.has_actor && f.audit_change.pid == UINT32_MAX);
}

static void a_forged_label_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		ipsec("audit(1.5:9): op=SAD-add auid=7 ses=3 subj=x op=SAD-delete auid=0 "
		      "src=6.6.6.6 spi=6(0x6) res=0 y src=1.1.1.1 dst=2.2.2.2 spi=1(0x1) res=1"),
		PARSE_OK);
	assert_true(f.audit_change.op == AUDIT_SAD_ADD && f.audit_change.auid == 7);
	assert_true(f.audit_change.spi == 1 && f.audit_change.ok);
	assert_int_equal(f.audit_change.src.addr.octets[0], 1);
}

static void lies(void **state)
{
	(void)state;
	assert_int_equal(ipsec(""), PARSE_MALFORMED);
	assert_int_equal(ipsec("audit(1.5000:9): op=SA-notfound"), PARSE_MALFORMED);
	assert_int_equal(ipsec("audit(99999999999999999999.0:9): "), PARSE_MALFORMED);
	assert_int_equal(ipsec("audit(1.5:9): src=1.1.1.1"), PARSE_TRUNCATED);
	assert_int_equal(ipsec("audit(1.5:9): op=SA-new src=1.1.1.1 dst=1.1.1.1"), PARSE_UNKNOWN);
	assert_int_equal(
		ipsec("audit(1.5:9): op=SA-notfound src=1.1.1.1 dst=fd::1"), PARSE_TRUNCATED);
	assert_int_equal(
		ipsec("audit(1.5:9): op=SA-notfound src=1.1.1.1.1 dst=1.1.1.1"), PARSE_TRUNCATED);
	/* Number and hexadecimal must agree. */
	assert_int_equal(
		ipsec("audit(1.5:9): op=SA-notfound src=1.1.1.1 dst=2.2.2.2 spi=1(0x2)"), PARSE_OK);
	assert_false(f.audit_drop.has_spi);
}

static void who_did_it(void **state)
{
	(void)state;
	assert_int_equal(
		syscall_record("arch=c000003e syscall=46 success=yes ppid=1 pid=772 auid=5 "
			       "uid=0 comm=\"ip\" exe=\"/usr/bin/ip\" subj=kernel key=(null)"),
		PARSE_OK);
	assert_true(actor.sends && actor.pid == 772 && actor.uid == 0);
	assert_string_equal(actor.comm, "ip");
	assert_string_equal(actor.exe, "/usr/bin/ip");
	/* "i p\n" in hex; a NUL inside shows. */
	assert_int_equal(
		syscall_record("arch=c000003e syscall=0 pid=1 uid=2 comm=692070000A exe=(null)"),
		PARSE_OK);
	assert_false(actor.sends); /* read(): whom a timer interrupted */
	assert_string_equal(actor.comm, "i p?\n");
	assert_string_equal(actor.exe, "");
	assert_int_equal(syscall_record("arch=c000003e pid=1 uid=2"), PARSE_TRUNCATED);
}

static unsigned n_taken;

static void count(void *userdata, const struct pending_change *c)
{
	(void)userdata;
	(void)c;
	n_taken++;
}

static void changes_wait_for_their_actor(void **state)
{
	struct pending p = { 0 };

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		f = (struct fact){ .type = FACT_AUDIT_CHANGE };
		f.audit_change.serial = i % 3;
		assert_int_equal(pending_add(&p, &f), 0);
	}
	assert_true(pending_has(&p, 2) && !pending_has(&p, 3));
	pending_take(&p, 2, count, NULL);
	assert_int_equal(n_taken, 100);
	pending_sweep(&p, count, NULL);
	assert_int_equal(n_taken, 100); /* they have had no second chance yet */
	pending_sweep(&p, count, NULL);
	assert_int_equal(n_taken, 300);
	for (unsigned i = 0; i < PENDING_MAX; i++)
		assert_int_equal(pending_add(&p, &f), 0);
	assert_int_equal(pending_add(&p, &f), -ENOSPC);
	pending_done(&p);
}

static void crashes(void **state)
{
	struct audit_crash c = { 0 };

	(void)state;
	assert_int_equal(
		audit_parse_crash(span_text("audit(1795311590.363:40): auid=4294967295 uid=0 gid=0 "
					    "ses=4294967295 subj=a pid=1 sig=6 b pid=4711 "
					    "comm=\"charon\" exe=\"/usr/lib/ipsec/charon\" sig=11 "
					    "res=1"),
			&c),
		PARSE_OK);
	assert_true(c.pid == 4711 && c.signal == 11);
	assert_int_equal(
		audit_parse_crash(span_text("audit(1.0:1): pid=4711 res=1"), &c), PARSE_TRUNCATED);
	assert_int_equal(
		audit_parse_crash(span_text("audit(1.0:1): pid=4711 sig=65"), &c), PARSE_MALFORMED);
	assert_int_equal(audit_parse_crash(span_text("pid=4711 sig=11"), &c), PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops),
		cmocka_unit_test(changes),
		cmocka_unit_test(a_forged_label_changes_nothing),
		cmocka_unit_test(lies),
		cmocka_unit_test(who_did_it),
		cmocka_unit_test(crashes),
		cmocka_unit_test(changes_wait_for_their_actor),
	};

	return cmocka_run_group_tests_name("source/audit", tests, NULL, NULL);
}
