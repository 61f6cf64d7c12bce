/* SPDX-License-Identifier: Apache-2.0 */
#include "main/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/event.h"

static struct config parsed(const char *text)
{
	struct diag diag = { "" };
	struct config c;

	memset(&c, 0xaa, sizeof(c));
	if (config_parse("test.conf", span_text(text), &c, &diag) != 0)
		fail_msg("%s: %s", text, diag.text);
	return c;
}

static void ike_daemons(void **state)
{
	struct config c = parsed("ike = {libreswan}\nvici_sockets = {\"/run/a\", \"/run/b\"}\n"
				 "error_notify = true\nerror_notify_sockets = {\"/run/c\"}\n"
				 "libreswan_log = \"/var/log/pluto.log\"\nwhack = /opt/whack\n");

	(void)state;
	assert_int_equal(c.ipc.ike, 1 << DAEMON_LIBRESWAN);
	assert_int_equal(c.vici.n, 2);
	assert_string_equal(c.vici.path[1], "/run/b");
	assert_int_equal(c.error_notify.n, 1);
	assert_string_equal(c.error_notify.path[0], "/run/c");
	assert_string_equal(c.libreswan_log, "/var/log/pluto.log");
	assert_string_equal(c.whack, "/opt/whack");
	assert_int_equal(parsed("ike = {}\n").ipc.ike, 0);
}

static void refused(const char *text, const char *words)
{
	struct diag diag = { "" };
	struct config c = { .n_netns = 77 };

	assert_int_equal(config_parse("test.conf", span_text(text), &c, &diag), -EINVAL);
	assert_int_equal(c.n_netns, 77);
	if (!strstr(diag.text, words))
		fail_msg("'%s' gives '%s', not '%s'", text, diag.text, words);
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct config c = parsed("");

	(void)state;
	assert_int_equal(
		c.ipc.evidence, EVIDENCE_BIT(EVIDENCE_COUNTER) | EVIDENCE_BIT(EVIDENCE_BPF) |
					EVIDENCE_BIT(EVIDENCE_AUDIT) | EVIDENCE_BIT(EVIDENCE_SA));
	assert_int_equal(c.ipc.bpf_hooks, 0);
	assert_int_equal(c.ipc.poll_ms, 5000);
	assert_int_equal(c.ipc.settle_ms, 1200);
	assert_int_equal(c.ipc.first_packets, 10);
	assert_int_equal(c.ipc.rate_threshold, 100);
	assert_int_equal(c.ipc.rate_window_s, 10);
	assert_int_equal(c.ipc.netlink_buffer, 16 << 20);
	assert_int_equal(c.ipc.segment_size, 64 << 20);
	assert_int_equal(c.ipc.keep_size, 1 << 30);
	assert_int_equal(c.ipc.keep_age_s, 90 * 86400);
	assert_false(c.ipc.journald);
	assert_string_equal(c.ipc.syslog, "");
	assert_int_equal(c.ipc.ike, 1 << DAEMON_STRONGSWAN | 1 << DAEMON_LIBRESWAN);
	assert_int_equal(c.vici.n, 2);
	assert_string_equal(c.vici.path[0], "/run/charon.vici");
	assert_int_equal(c.error_notify.n, 0);
	assert_string_equal(c.libreswan_log, "");
	assert_string_equal(c.whack, "");
	assert_true(config_wants_netns(&c, "init"));
	assert_string_equal(
		c.ipc.digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void every_key_is_taken(void **state)
{
	struct config c = parsed(
		"# ours\n"
		"evidence = {sa}\nbpf_hooks = tracepoint\npoll_interval = 100\nsettle = 60000\n"
		"netns = {init, \"red-*\"}\nfirst_packets = 0\nrate_threshold = 1\n"
		"rate_window = 0\nnetlink_buffer = 64K\n"
		"segment_size = \"128 MiB\"\nkeep_size = 0\nkeep_age = 36h\n"
		"journal = true\nsyslog = \"udp:[2001:db8::1]:514\"\n");

	(void)state;
	assert_int_equal(
		c.ipc.evidence, EVIDENCE_BIT(EVIDENCE_COUNTER) | EVIDENCE_BIT(EVIDENCE_SA));
	assert_int_equal(c.ipc.bpf_hooks, 2);
	assert_int_equal(c.ipc.poll_ms, 100);
	assert_int_equal(c.ipc.settle_ms, 60000);
	assert_int_equal(c.ipc.first_packets, 0);
	assert_int_equal(c.ipc.rate_threshold, 1);
	assert_int_equal(c.ipc.rate_window_s, 0);
	assert_int_equal(c.ipc.netlink_buffer, 65536);
	assert_int_equal(c.ipc.segment_size, 128 << 20);
	assert_int_equal(c.ipc.keep_size, 0);
	assert_int_equal(c.ipc.keep_age_s, 36 * 3600);
	assert_true(c.ipc.journald);
	assert_string_equal(c.ipc.syslog, "udp:[2001:db8::1]:514");
	assert_true(config_wants_netns(&c, "init"));
	assert_true(config_wants_netns(&c, "red-1"));
	assert_false(config_wants_netns(&c, "blue"));
}

static void nothing_but_counters_is_a_choice(void **state)
{
	(void)state;
	assert_int_equal(parsed("evidence = {}").ipc.evidence, EVIDENCE_BIT(EVIDENCE_COUNTER));
}

static void errors_name_line_and_remedy(void **state)
{
	(void)state;
	refused("\n\npol_interval = 3\n", "test.conf:3: ");
	refused("pol_interval = 3\n", "pol_interval");
	refused("poll_interval = 99\n", "poll_interval must be 100 to 600000 (milliseconds)");
	refused("\npoll_interval = 600001\n", "test.conf:2: poll_interval");
	refused("poll_interval = soon\n", "poll_interval");
	refused("poll_interval = -5\n", "poll_interval");
	refused("poll_interval = 4294967396\n", "poll_interval"); /* 100 in 32 bits */
	refused("keep_size = 1000\n", "keep_size must be 1M");
	refused("keep_size = 18446744073709551615G\n", "keep_size");
	refused("keep_age = 3w\n", "keep_age");
	refused("keep_age = -3d\n", "keep_age");
	refused("netlink_buffer = 2G\n", "netlink_buffer");
	refused("evidence = {ebpf}\n", "no 'ebpf'");
	refused("evidence = {counter}\n", "no 'counter'");
	refused("bpf_hooks = all\n", "no 'all'");
	refused("netns = {\"\"}\n", "netns");
	refused("journal = perhaps\n", "journal");
	refused("ike = {charon}\n", "there are strongswan and libreswan");
	refused("vici_sockets = {\"unix:///run/charon.vici\"}\n", "without unix://");
	refused("libreswan_log = pluto.log\n", "libreswan_log must be");
	refused("whack = \"/\"\n", "whack must be");
	refused("syslog = udp:localhost:514\n", "syslog must be");
	refused("syslog = udp:192.0.2.1:70000\n", "syslog must be");
	refused("syslog = udp:2001:db8::1:514\n", "syslog must be");
	refused("syslog = tcp:192.0.2.1:514\n", "syslog must be");
	refused("evidence = {audit\n", "test.conf:");
	refused("\n\"settle = 500\n", "not closed");
	refused("/* settle = 500\n", "not closed");
	refused("syslog = \"\nsettle = 500\n", "test.conf:");
}

static void only_texts_are_read(void **state)
{
	struct config c;
	struct diag diag = { "" };

	(void)state;
	assert_int_equal(config_parse("x", span_of("settle\0= 1", 10), &c, &diag), -EINVAL);
	assert_non_null(strstr(diag.text, "text file"));
	assert_int_equal(config_load("/nonexistent", false, &c, &diag), -ENOENT);
	assert_int_equal(config_load("/nonexistent", true, &c, &diag), 0);
	assert_int_equal(config_load("/", true, &c, &diag), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(ike_daemons),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(nothing_but_counters_is_a_choice),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(only_texts_are_read),
	};

	return cmocka_run_group_tests_name("main/config", tests, NULL, NULL);
}
