/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000000000u

static struct arguments a;
static struct diag d;

/* Splits at blanks; "ipsecmon" goes in front. */
static int parse(const char *line)
{
	static char text[512];
	char *argv[64] = { (char[]){ "ipsecmon" } }, *save = NULL;
	int argc = 1;

	strcpy(text, line);
	for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	d.text[0] = '\0';
	return arguments_parse(argc, argv, NOW, &a, &d);
}

static void is(const char *line, const char *first, const char *second)
{
	if (parse(line) < 0)
		fail_msg("%s: %s", line, d.text);
	assert_string_equal(a.command->words[0], first);
	if (second)
		assert_string_equal(a.command->words[1], second);
	else
		assert_null(a.command->words[1]);
}

static void refused(const char *line, const char *part)
{
	if (parse(line) == 0)
		fail_msg("%s: taken", line);
	if (!strstr(d.text, part))
		fail_msg("%s: '%s' has no '%s'", line, d.text, part);
}

static void commands_and_their_prefixes(void **state)
{
	(void)state;
	is("", "status", NULL);
	is("status", "status", NULL);
	is("show sa", "show", "sa");
	is("sh pol", "show", "policy");
	is("show mainmode sas", "show", "mainmode");
	assert_string_equal(a.command->words[2], "sas");
	is("show q sp", "show", "quickmode");
	assert_string_equal(a.command->words[2], "specific-filters");
	is("show tunnel net/lan", "show", "tunnel");
	assert_string_equal(a.args[0], "net/lan");
	is("help show mainmode", "help", NULL);
	assert_string_equal(a.about->words[2], "generic-filters");
	assert_int_equal(a.about_words, 2);
	is("st", "status", NULL);
	is("ev", "events", NULL);
	is("au rec", "audit", "reconcile");
	is("a v", "audit", "verify");
	is("audit verify /tmp", "audit", "verify");
	assert_string_equal(a.args[0], "/tmp");
}

static void wrong_words_say_what_was_meant(void **state)
{
	(void)state;
	refused("stauts", "did you mean 'status'");
	refused("sa", "did you mean 'show sa'");
	refused("s", "may mean: status, show");
	refused("show s", "may mean: sa, shunt, source, service, statistic");
	refused("show", "show what? There are: sa, policy, tunnel");
	refused("show polcy", "did you mean 'policy'");
	refused("show xylophone", "there are: sa, policy");
	refused("show mainmode",
		"show mainmode what? There are: generic-filters, specific-filters");
	refused("show mainmode sa x", "one word too many");
	refused("show mainmode polices", "no show mainmode 'polices'; did you mean 'policies'?");
	refused("quux", "there are: status, show");
	refused("version now", "one word too many");
	refused("audit export", "something is missing: ipsecmon audit export DIR");
	refused("audit set none", "audit set NAME SETTING");
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	is("-j show --where proto=esp sa -ospi,src --sort=-bytes", "show", "sa");
	assert_true(arguments_has(&a, OPTION_JSON));
	assert_string_equal(a.values[OPTION_WHERE], "proto=esp");
	assert_string_equal(a.values[OPTION_COLUMNS], "spi,src");
	assert_string_equal(a.values[OPTION_SORT], "-bytes");
	is("events -nf --since 1h", "events", NULL);
	assert_true(arguments_has(&a, OPTION_NUMERIC) && arguments_has(&a, OPTION_FOLLOW));
	assert_true(a.since_us == NOW - 3600000000u);
	is("show sa --colu spi", "show", "sa");
	assert_string_equal(a.values[OPTION_COLUMNS], "spi");
	is("show sa --watch", "show", "sa");
	assert_int_equal(a.watch_ms, 2000);
	is("show --watch tunnel net", "show", "tunnel");
	assert_string_equal(a.args[0], "net");
	is("show sa --watch 0.5 --limit 7 --color never", "show", "sa");
	assert_int_equal(a.watch_ms, 500);
	assert_int_equal(a.limit, 7);
	assert_int_equal(a.color, COLOR_NEVER);
	is("audit verify -- -odd", "audit", "verify");
	assert_string_equal(a.args[0], "-odd");
}

static void wrong_options_say_what_was_meant(void **state)
{
	(void)state;
	refused("show sa --wehre x=1", "did you mean '--where'");
	refused("show sa --w x=1", "may mean: --where, --watch");
	refused("status -q", "no option '-q'");
	refused("show sa --where", "--where needs CONDITIONS");
	refused("show sa --json=1", "takes no value");
	refused("status --id 4960", "'status' does not take --id; these do: events");
	refused("show sa -jt", "not both");
	refused("bridge --serial --listen x", "one end");
	refused("events -f --until 1h", "--follow");
	refused("events --since 1h --until 2h", "behind");
	refused("show sa --watch 0.1", "0.2");
	refused("show sa --watch=nan", "0.2");
	refused("show sa --watch 1x", "0.2");
	refused("show sa --limit 0", "number from 1");
	refused("show sa --limit -3", "number from 1");
	refused("show sa --color maybe", "auto, always or never");
	refused("events --since yesterday", "--since:");
}

static void help_and_version_win(void **state)
{
	(void)state;
	is("--help", "help", NULL);
	assert_null(a.about);
	is("show sa --help", "help", NULL);
	assert_string_equal(a.about->words[1], "sa");
	is("help show", "help", NULL);
	assert_int_equal(a.about_words, 1);
	is("help audit set", "help", NULL);
	assert_string_equal(a.about->words[1], "set");
	is("events -V", "version", NULL);
	refused("help shwo", "did you mean 'show'");
	refused("help events now", "no command 'events now'");
}

static void nothing_is_written_on_failure(void **state)
{
	struct arguments before;

	(void)state;
	memset(&a, 0x5a, sizeof(a));
	before = a;
	refused("stauts", "status");
	assert_memory_equal(&a, &before, sizeof(a));
}

static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPTION_N; i++) {
		assert_int_equal(option_specs[i].id, i);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(option_specs[i].name, option_specs[k].name);
			if (option_specs[i].letter)
				assert_int_not_equal(
					option_specs[i].letter, option_specs[k].letter);
		}
	}
	for (size_t i = 0; i < n_commands; i++) {
		assert_non_null(commands[i].run);
		assert_true(commands[i].max <= ARGUMENTS_MAX);
		assert_true(strlen(commands[i].help) <= 80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_their_prefixes),
		cmocka_unit_test(wrong_words_say_what_was_meant),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(wrong_options_say_what_was_meant),
		cmocka_unit_test(help_and_version_win),
		cmocka_unit_test(nothing_is_written_on_failure),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests_name("cli/arguments", tests, NULL, NULL);
}
