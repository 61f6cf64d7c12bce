/* SPDX-License-Identifier: Apache-2.0 */
#include "view/doc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void members_are_read_by_kind(void **state)
{
	CLEANUP(doc) struct doc *d = NULL;
	CLEANUP(doc) struct doc *item = NULL;
	struct doc *none = NULL;
	uint64_t v = 7;

	(void)state;
	assert_int_equal(doc_parse(span_text("{\"a\":\"x\",\"n\":5,\"m\":-1,\"z\":null,"
					     "\"l\":[1,{\"a\":\"y\"}]}"),
				 &d, NULL),
		0);
	assert_string_equal(doc_text(d, "a"), "x");
	assert_null(doc_text(d, "n"));
	assert_null(doc_text(d, "z"));
	assert_null(doc_text(d, "b"));
	assert_false(doc_u64(d, "a", &v));
	assert_false(doc_u64(d, "m", &v));
	assert_int_equal(v, 7);
	assert_true(doc_u64(d, "n", &v));
	assert_int_equal(v, 5);
	assert_int_equal(doc_item(d, "l", 0, &none), -ENOENT);
	assert_int_equal(doc_item(d, "l", 2, &none), -ENOENT);
	assert_int_equal(doc_item(d, "l", 1, &item), 0);
	assert_string_equal(doc_text(item, "a"), "y");
	assert_string_equal(doc_key(d, 0), "a");
	assert_string_equal(doc_key(d, 4), "l");
	assert_null(doc_key(d, 5));
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "5", "{", "{\"a\":1,\"a\":2}", "{}x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct doc *d = NULL;
		struct diag why = { 0 };

		assert_int_equal(doc_parse(span_text(bad[i]), &d, &why), -EINVAL);
		assert_null(d);
		assert_true(why.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_read_by_kind),
		cmocka_unit_test(what_is_no_object_is_refused),
	};

	return cmocka_run_group_tests_name("view/doc", tests, NULL, NULL);
}
