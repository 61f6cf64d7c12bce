/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define MESSAGE \
	"1 packet dropped: no SA for the SPI 0xdeadbeef from 10.1.2.3 to fe80::1, ours (until " \
	"2026-11-22T04:41:07Z), \xc3\xa9t\xc3\xa9."

static bool finds(const char *what, const char *in)
{
	struct words w;
	bool found;

	assert_int_equal(words_parse(what, &w, NULL), 0);
	found = words_match(&w, span_text(in));
	words_done(&w);
	return found;
}

static void words_are_whole_and_all_wanted(void **state)
{
	static const char *const there[] = { "packet", "PACKET Dropped", "dropped:", "10.1.2.3",
		"0xDEADBEEF", "fe80::1", "2026-11-22T04:41:07Z", "until (ours)", "drop* 0xdead*",
		"10.1*", "\xc3\xa9t\xc3\xa9", "" };
	static const char *const missing[] = { "pack", "packet received", "10.1.2", "10.1.2.30",
		"0xdead", "fe80", "ropped*", "dead*" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		if (!finds(there[i], MESSAGE))
			fail_msg("%s", there[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		if (finds(missing[i], MESSAGE))
			fail_msg("%s", missing[i]);
	}
}

static void what_is_no_question(void **state)
{
	char text[WORDS_TEXT_MAX * 2] = "";
	struct words w = { 0 };
	struct diag d = { "" };

	(void)state;
	assert_int_equal(words_parse("-- ;", &w, &d), -EINVAL);
	assert_non_null(strstr(d.text, "no word"));
	for (unsigned i = 0; i <= WORDS_MAX; i++)
		memcpy(text + i * 2, "a ", 3);
	assert_int_equal(words_parse(text, &w, &d), -EINVAL);
	memset(text, 'a', sizeof(text) - 1);
	assert_int_equal(words_parse(text, &w, &d), -EINVAL);
	assert_int_equal(words_parse(NULL, &w, &d), 0);
	assert_int_equal(w.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_whole_and_all_wanted),
		cmocka_unit_test(what_is_no_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
