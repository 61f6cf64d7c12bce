/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct audit_words w;
static struct diag d;

static int parse(const char *line)
{
	static char text[256];
	const char *words[16];
	char *save = NULL;
	size_t n = 0;

	strcpy(text, line);
	for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
		words[n++] = p;
	d.text[0] = '\0';
	return audit_words_parse(words, n, &w, &d);
}

static void is(const char *line, const char *name, bool category, const char *setting)
{
	if (parse(line) < 0)
		fail_msg("%s: %s", line, d.text);
	assert_string_equal(w.name, name);
	assert_int_equal(w.category, category);
	assert_string_equal(w.setting, setting);
}

static void refused(const char *line, const char *part)
{
	if (parse(line) == 0)
		fail_msg("%s: taken", line);
	if (!strstr(d.text, part))
		fail_msg("%s: '%s' has no '%s'", line, d.text, part);
}

static void names_and_settings(void **state)
{
	(void)state;
	is("ipsec driver none", "IPsec Driver", false, "none");
	is("IPsec-Driver BOTH", "IPsec Driver", false, "both");
	is("driver success", "IPsec Driver", false, "success");
	is("main failure", "IPsec Main Mode", false, "failure");
	is("system both", "System", true, "both");
	is("policy change none", "Policy Change", true, "none");
	is("ipsec policy change none", "IPsec Policy Change", false, "none");
	is("driver not configured", "IPsec Driver", false, "not configured");
	is("driver not-configured", "IPsec Driver", false, "not configured");
	is("logon success and failure", "Logon", true, "both");
}

static void one_word_with_blanks(void **state)
{
	const char *const words[] = { "IPsec Main Mode", "not configured" };

	(void)state;
	assert_int_equal(audit_words_parse(words, 2, &w, &d), 0);
	assert_string_equal(w.name, "IPsec Main Mode");
	assert_string_equal(w.setting, "not configured");
}

static void wrong_ones(void **state)
{
	(void)state;
	refused("driver nome", "did you mean 'none'");
	refused("driver", "no setting");
	refused("mode none", "may mean: IPsec Main Mode, IPsec Quick Mode");
	refused("ipsec drivre none", "did you mean 'IPsec Driver'");
	refused("xylophone none", "there are: IPsec Driver");
	refused("none none none none", "no category");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_settings),
		cmocka_unit_test(one_word_with_blanks),
		cmocka_unit_test(wrong_ones),
	};

	return cmocka_run_group_tests_name("cli/audit_words", tests, NULL, NULL);
}
