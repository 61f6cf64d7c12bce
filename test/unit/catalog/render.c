/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/catalog.h"

static void optional_parts_go_with_their_null(void **state)
{
	struct event e;

	(void)state;
	catalog_event_init(&e, EVENT_INTEGRITY_FAILED);
	e.count = 1;
	catalog_render(&e);
	assert_string_equal(e.message, "1 packet dropped: integrity check failed");
	e.count = 7;
	e.has_spi = true;
	e.spi = 0x1001;
	(void)addr_parse("2001:db8::1", &e.src);
	(void)snprintf(e.detail, sizeof(e.detail), "{\"suspicion\":\"too \\\"old\\\"\",\"x\":1}");
	catalog_render(&e);
	assert_string_equal(e.message, "7 packets dropped: integrity check failed from "
				       "2001:db8::1, SPI 0x00001001: too \"old\"");
}

/* Whatever an event lacks, its message is whole: no brace, bracket or empty text is left. */
static void every_message_renders(void **state)
{
	(void)state;
	for (size_t i = 0; i < catalog_n_events; i++) {
		struct event e;

		catalog_event_init(&e, catalog_events[i].id);
		catalog_render(&e);
		assert_true(e.message[0] != '\0');
		assert_null(strpbrk(e.message, "{}[]"));
		assert_ptr_equal(catalog_event(catalog_events[i].id), &catalog_events[i]);
	}
	assert_null(catalog_event(1));
}

static void every_counter_has_its_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < catalog_n_counters; i++)
		assert_non_null(catalog_event(catalog_counters[i].event));
	assert_int_equal(catalog_counter("XfrmInNoStates")->event, EVENT_UNKNOWN_SPI);
	assert_null(catalog_counter("XfrmNever"));
	assert_int_equal(catalog_subcategory("ipsec driver"), SUBCATEGORY_IPSEC_DRIVER);
	assert_int_equal(catalog_subcategory("nonsense"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(optional_parts_go_with_their_null),
		cmocka_unit_test(every_message_renders),
		cmocka_unit_test(every_counter_has_its_event),
	};

	return cmocka_run_group_tests_name("catalog/render", tests, NULL, NULL);
}
