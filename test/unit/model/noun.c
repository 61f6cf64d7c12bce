/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/event.h"
#include "model/ike_rows.h"
#include "model/link.h"
#include "model/value.h"

/* Others build on these names and their order. */
static void assert_keys(const struct noun *n, const char *keys)
{
	char *copy = strdup(keys), *save = NULL;
	size_t i = 0;

	for (char *key = strtok_r(copy, " ", &save); key; key = strtok_r(NULL, " ", &save), i++) {
		assert_true(i < n->n_fields);
		assert_string_equal(n->fields[i].key, key);
	}
	free(copy);
}

static void fixed_keys_stand_in_their_order(void **state)
{
	(void)state;
	assert_keys(&noun_event, "v seq time id name log subcategory outcome level host boot count "
				 "counter first last netns dir iface "
				 "src dst proto sport dport spi seqno flowlabel mark if_id reqid "
				 "policy tunnel peer evidence message "
				 "detail");
	assert_keys(&noun_sa,
		"netns src dst proto spi mode reqid if_id direction encryption integrity bytes "
		"packets added used "
		"replay_window seq oseq replayed late integrity_failed encap offload expires");
	assert_keys(&noun_reconcile,
		"netns counter kernel attributed unattributed suppressed difference");
}

static void every_field_says_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; nouns[i]; i++) {
		for (size_t k = 0; k < nouns[i]->n_fields; k++) {
			const struct field *f = &nouns[i]->fields[k];

			assert_non_null(f->get);
			assert_true(f->help[0] != '\0' && f->title[0] != '\0');
			assert_ptr_equal(noun_field(nouns[i], f->key), f); /* no key twice */
		}
		assert_ptr_equal(noun_find(nouns[i]->name), nouns[i]);
	}
}

static void what_is_unknown_is_left_out_of_an_event(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct event e = { .id = 4965, .seq = 1, .has_spi = true, .spi = 0xffffffff };

	(void)state;
	event_json(&e, &out);
	assert_string_equal(out.p, "{\"v\":1,\"seq\":1,\"id\":4965,\"count\":0,\"spi\":4294967295,"
				   "\"detail\":{}}");
}

static void what_is_unknown_is_null_in_other_rows(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	const struct link link = { .name = "eth0" };
	const struct link_row row = { .link = &link };

	(void)state;
	noun_json(&noun_link, &row, &out);
	for (size_t i = 0; i < noun_link.n_fields; i++)
		assert_non_null(strstr(out.p, noun_link.fields[i].key));
	assert_non_null(strstr(out.p, "\"kind\":null"));
}

static void a_setting_is_of_the_addresss_family(void **state)
{
	CLEANUP_BUF struct buf out = { 0 };
	const struct link link = { .name = "eth0",
		.disable_xfrm = SETTING_ON,
		.disable_policy = SETTING_OFF,
		.disable_policy6 = SETTING_ON };
	struct link_row row = { .link = &link };
	struct prefix p;

	(void)state;
	noun_json(&noun_link, &row, &out);
	assert_non_null(strstr(out.p, "\"disable_policy\":false,\"disable_xfrm\":true"));
	assert_int_equal(prefix_parse("10.1.0.1", &p, NULL), 0);
	row.addr = &p;
	buf_clear(&out);
	noun_json(&noun_link, &row, &out);
	assert_non_null(strstr(out.p, "\"disable_policy\":false,\"disable_xfrm\":true"));
	assert_int_equal(prefix_parse("fd10::1", &p, NULL), 0);
	buf_clear(&out);
	noun_json(&noun_link, &row, &out);
	assert_non_null(strstr(out.p, "\"disable_policy\":true,\"disable_xfrm\":null"));
}

/* Libreswan tells neither the reqid nor ESN nor UDP, and of the counts only octets. */
static void what_the_daemon_does_not_tell_of_a_child_the_kernel_does(void **state)
{
	CLEANUP_BUF struct buf out = { 0 }, none = { 0 };
	const struct sa kernel = { .reqid = 16393, .esn = true, .encap = 2, .packets = 5 };
	const struct child_sa sa = {
		.counted = true, .octets_only = true, .bytes_in = 190, .bytes_out = 0
	};
	struct child_sa_row row = { .sa = &sa, .in = &kernel, .out = &kernel };

	(void)state;
	noun_json(&noun_child_sa, &row, &out);
	assert_non_null(strstr(out.p, "\"reqid\":16393,"));
	assert_non_null(strstr(out.p, "\"encap\":true,\"esn\":true,"));
	assert_non_null(strstr(out.p, "\"packets_in\":5,"));
	assert_non_null(strstr(out.p, "\"daemon_bytes_in\":190,\"daemon_bytes_out\":0,"));
	assert_non_null(strstr(out.p, "\"daemon_packets_in\":null,\"daemon_packets_out\":null,"));
	row.in = row.out = NULL;
	noun_json(&noun_child_sa, &row, &none);
	assert_non_null(strstr(none.p, "\"reqid\":null,"));
	assert_non_null(strstr(none.p, "\"encap\":false,\"esn\":false,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_keys_stand_in_their_order),
		cmocka_unit_test(every_field_says_what_it_is),
		cmocka_unit_test(what_is_unknown_is_left_out_of_an_event),
		cmocka_unit_test(what_is_unknown_is_null_in_other_rows),
		cmocka_unit_test(a_setting_is_of_the_addresss_family),
		cmocka_unit_test(what_the_daemon_does_not_tell_of_a_child_the_kernel_does),
	};

	return cmocka_run_group_tests_name("model/noun", tests, NULL, NULL);
}
