/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/audit_words.h"
#include "cli/generate.h"
#include "cli/grammar.h"

/* A case of the shell: the command's words, quoted. */
static void put_case(struct buf *out, const struct command *c)
{
	buf_text(out, "\t'");
	command_name(c, out);
	buf_text(out, "') echo '");
}

static void first_words(struct buf *out)
{
	buf_text(out, "_ipsecmon_first='");
	for (size_t i = 0; i < n_commands; i++) {
		if (i == 0 || strcmp(commands[i].words[0], commands[i - 1].words[0]) != 0)
			buf_printf(out, "%s%s", i ? " " : "", commands[i].words[0]);
	}
	buf_text(out, "'\n");
}

/* Is it the first command that begins with its first n words? */
static bool is_first(size_t at, size_t n)
{
	return at == 0 || !command_begins(&commands[at - 1], commands[at].words, n);
}

/* The words that may follow each beginning of a command. */
static void next_words(struct buf *out)
{
	buf_text(out, "_ipsecmon_next()\n{\n\tcase $1 in\n");
	for (size_t n = 1; n < COMMAND_WORDS; n++) {
		for (size_t i = 0; i < n_commands; i++) {
			const struct command *c = &commands[i];

			if (command_words(c) <= n || !is_first(i, n + 1))
				continue;
			if (is_first(i, n)) {
				buf_text(out, "\t'");
				for (size_t k = 0; k < n; k++)
					buf_printf(out, "%s%s", k ? " " : "", c->words[k]);
				buf_text(out, "') echo '");
			}
			buf_printf(out, "%s%s", is_first(i, n) ? "" : " ", c->words[n]);
			while (i + 1 < n_commands && !is_first(i + 1, n + 1))
				i++;
			if (i + 1 == n_commands || is_first(i + 1, n))
				buf_text(out, "' ;;\n");
		}
	}
	buf_text(out, "\tesac\n}\n");
}

static void options(struct buf *out)
{
	buf_text(out, "_ipsecmon_options()\n{\n\tcase $1 in\n");
	for (size_t i = 0; i < n_commands; i++) {
		bool any = false;

		put_case(out, &commands[i]);
		for (size_t k = 0; k < OPTION_N; k++) {
			if (command_takes(&commands[i], &option_specs[k])) {
				buf_printf(out, "%s--%s", any ? " " : "", option_specs[k].name);
				any = true;
			}
		}
		buf_text(out, "' ;;\n");
	}
	buf_text(out, "\tesac\n}\n");
}

static void columns(struct buf *out)
{
	buf_text(out, "_ipsecmon_columns()\n{\n\tcase $1 in\n");
	for (size_t i = 0; i < n_commands; i++) {
		const struct noun *n = commands[i].noun;

		if (!n)
			continue;
		put_case(out, &commands[i]);
		for (size_t k = 0; k < n->n_fields; k++)
			buf_printf(out, "%s%s", k ? " " : "", n->fields[k].key);
		buf_text(out, "' ;;\n");
	}
	buf_text(out, "\tesac\n}\n");
}

static void arguments(struct buf *out)
{
	static const char *const kinds[] = { [CHOICE_DIR] = "dir",
		[CHOICE_FILE] = "file",
		[CHOICE_AUDIT] = "audit",
		[CHOICE_COMMAND] = "command" };

	buf_text(out, "_ipsecmon_argument()\n{\n\tcase $1 in\n");
	for (size_t i = 0; i < n_commands; i++) {
		enum choice choice = commands[i].choice;

		if (choice >= ARRAY_LEN(kinds) || !kinds[choice])
			continue;
		put_case(out, &commands[i]);
		buf_printf(out, "%s' ;;\n", kinds[choice]);
	}
	buf_text(out, "\tesac\n}\n");
}

/* What follows an option: the shell's case patterns of those of a kind. */
static void option_patterns(struct buf *out, enum choice choice, bool any_value)
{
	bool first = true;

	for (size_t i = 0; i < OPTION_N; i++) {
		const struct option_spec *o = &option_specs[i];

		if (!o->value || o->value[0] == '[' || (!any_value && o->choice != choice))
			continue;
		buf_printf(out, "%s--%s", first ? "" : " | ", o->name);
		if (o->letter)
			buf_printf(out, " | -%c", o->letter);
		first = false;
	}
}

static void one_word(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_char(out, *text == ' ' ? '-' : (char)tolower((unsigned char)*text));
}

static void audit_words(struct buf *out)
{
	buf_text(out, "_ipsecmon_audit='");
	for (size_t i = 0; i < SUBCATEGORY_N; i++) {
		const char *category = catalog_subcategories[i].category;

		one_word(out, catalog_subcategories[i].name);
		buf_char(out, ' ');
		if (i == 0 || strcmp(category, catalog_subcategories[i - 1].category) != 0) {
			one_word(out, category);
			buf_char(out, ' ');
		}
	}
	for (size_t i = 0; audit_settings[i]; i++) {
		buf_text(out, i ? " " : "");
		one_word(out, audit_settings[i]);
	}
	buf_text(out, "'\n_ipsecmon_events='");
	for (size_t i = 0; i < catalog_n_events; i++)
		buf_printf(out, "%s%u", i ? " " : "", catalog_events[i].id);
	buf_text(out, "'\n");
}

static const char helpers[] =
	"# Completes the last of a list with commas; $1 the choices, $2 what stands behind each.\n"
	"_ipsecmon_list()\n{\n"
	"\tlocal head= last=$cur\n"
	"\t[[ $cur == *,* ]] && head=${cur%,*}, last=${cur##*,}\n"
	"\tmapfile -t COMPREPLY < <(compgen -P \"$head\" -S \"$2\" -W \"$1\" -- \"$last\")\n"
	"\tcompopt -o nospace\n}\n"
	"_ipsecmon_words()\n{\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n}\n";

static void after_option(struct buf *out)
{
	static const struct {
		enum choice choice;
		const char *action;
	} actions[] = {
		{ CHOICE_COLUMN, "_ipsecmon_list \"$(_ipsecmon_columns \"$command\")\" ''" },
		{ CHOICE_CONDITION, "_ipsecmon_list \"$(_ipsecmon_columns \"$command\")\" =" },
		{ CHOICE_EVENT, "_ipsecmon_list \"$_ipsecmon_events\" ''" },
		{ CHOICE_COLOR, "_ipsecmon_words 'auto always never'" },
		{ CHOICE_DIRECTION, "_ipsecmon_words 'in out fwd'" },
		{ CHOICE_FILE, "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")" },
		{ CHOICE_NONE, ":" },
	};

	buf_text(out, "\tcase $prev in\n");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		buf_char(out, '\t');
		option_patterns(out, actions[i].choice, false);
		buf_printf(out, ") %s; return ;;\n", actions[i].action);
	}
	buf_text(out, "\tesac\n");
}

static void main_function(struct buf *out)
{
	buf_text(out, "_ipsecmon()\n{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal command= about= n=0 i word skip=\n"
		      "\tCOMPREPLY=()\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		      "\t\tword=${COMP_WORDS[i]}\n"
		      "\t\tif [[ $skip ]]; then skip=; continue; fi\n"
		      "\t\tcase $word in\n\t\t");
	option_patterns(out, CHOICE_NONE, true);
	buf_text(out, ") skip=1 ;;\n"
		      "\t\t-*) ;;\n"
		      "\t\t*)\n"
		      "\t\t\tif ((n == 0)); then command=$word\n"
		      "\t\t\telif [[ $(_ipsecmon_next \"$command\") ]]; then command+=\" $word\"\n"
		      "\t\t\telse about+=${about:+ }$word; fi\n"
		      "\t\t\tn=$((n + 1)) ;;\n"
		      "\t\tesac\n"
		      "\tdone\n"
		      "\tcommand=${command:-status}\n");
	after_option(out);
	buf_text(out, "\tif [[ $cur == -* ]]; then\n"
		      "\t\t_ipsecmon_words \"$(_ipsecmon_options \"$command\")\"\n"
		      "\telif ((n == 0)); then\n"
		      "\t\t_ipsecmon_words \"$_ipsecmon_first\"\n"
		      "\telif [[ $(_ipsecmon_next \"$command\") ]]; then\n"
		      "\t\t_ipsecmon_words \"$(_ipsecmon_next \"$command\")\"\n"
		      "\telse\n"
		      "\t\tcase $(_ipsecmon_argument \"$command\") in\n"
		      "\t\tdir) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
		      "\t\taudit) _ipsecmon_words \"$_ipsecmon_audit\" ;;\n"
		      "\t\tcommand)\n"
		      "\t\t\tif [[ ! $about ]]; then _ipsecmon_words \"$_ipsecmon_first\"\n"
		      "\t\t\telse _ipsecmon_words \"$(_ipsecmon_next \"$about\")\"; fi ;;\n"
		      "\t\tesac\n"
		      "\tfi\n}\n"
		      "complete -F _ipsecmon ipsecmon\n");
}

void generate_completion(struct buf *out)
{
	buf_text(out, "# bash completion of ipsecmon, made from its grammar. Do not edit.\n");
	first_words(out);
	audit_words(out);
	next_words(out);
	options(out);
	columns(out);
	arguments(out);
	buf_text(out, helpers);
	main_function(out);
}
