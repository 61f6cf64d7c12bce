/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"

#define WATCH_LEAST_S 0.2
#define WATCH_MOST_S 86400.0
#define WATCH_USUAL_MS 2000u

/* The walk along argv: options are noted at once, words gathered until all are known. */
struct walk {
	int argc, at;
	char *const *argv;
	const char *words[ARGUMENTS_MAX];
	size_t n_words;
	struct arguments *ret;
	struct diag *reterr;
};

static int note(struct walk *w, const struct option_spec *o, const char *value)
{
	bool optional = o->value && o->value[0] == '[';

	/* What may be left out is taken when it can be nothing else: a number. */
	if (optional && !value && w->at + 1 < w->argc && w->argv[w->at + 1][0] >= '0' &&
		w->argv[w->at + 1][0] <= '9')
		value = w->argv[++w->at];
	if (o->value && !value && !optional) {
		if (w->at + 1 >= w->argc)
			return diag_set(w->reterr, -EINVAL, "--%s needs %s: %s", o->name, o->value,
				o->help);
		value = w->argv[++w->at];
	}
	if (!o->value && value)
		return diag_set(w->reterr, -EINVAL, "--%s takes no value", o->name);
	w->ret->given |= OPTION_BIT(o->id);
	w->ret->values[o->id] = value;
	return 0;
}

static int walk_long(struct walk *w, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t n = equals ? (size_t)(equals - text) : strlen(text);
	const struct option_spec *o;
	char name[64];
	int r;

	if (n >= sizeof(name))
		return diag_set(w->reterr, -EINVAL, "no option '--%.60s…'", text);
	memcpy(name, text, n);
	name[n] = '\0';
	r = option_find(name, &o, w->reterr);
	return r < 0 ? r : note(w, o, equals ? equals + 1 : NULL);
}

/* Letters may stand together; one that takes a value takes what follows it. */
static int walk_letters(struct walk *w, const char *text)
{
	for (; *text; text++) {
		const struct option_spec *o = option_by_letter(*text);
		int r;

		if (!o)
			return diag_set(w->reterr, -EINVAL, "no option '-%c'", *text);
		if (o->value)
			return note(w, o, text[1] ? text + 1 : NULL);
		r = note(w, o, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk(struct walk *w)
{
	bool options = true;

	for (w->at = 1; w->at < w->argc; w->at++) {
		const char *text = w->argv[w->at];
		int r = 0;

		if (options && strcmp(text, "--") == 0) {
			options = false;
		} else if (options && text[0] == '-' && text[1] == '-') {
			r = walk_long(w, text + 2);
		} else if (options && text[0] == '-' && text[1]) {
			r = walk_letters(w, text + 1);
		} else if (w->n_words == ARGUMENTS_MAX) {
			r = diag_set(w->reterr, -EINVAL, "more than %d words", ARGUMENTS_MAX);
		} else {
			w->words[w->n_words++] = text;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_number(
	const struct option_spec *o, const char *text, uint64_t *ret, struct diag *reterr)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || *end || end == text || text[0] == '-' || v == 0)
		return diag_set(
			reterr, -EINVAL, "--%s: '%s' is not a number from 1 up", o->name, text);
	*ret = v;
	return 0;
}

static int parse_watch(const char *text, uint32_t *ret, struct diag *reterr)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= WATCH_LEAST_S && s <= WATCH_MOST_S))
		return diag_set(reterr, -EINVAL,
			"--watch: '%s' is not a number of seconds from %.1f to %.0f", text,
			WATCH_LEAST_S, WATCH_MOST_S);
	*ret = (uint32_t)(s * 1000.0 + 0.5);
	return 0;
}

static int parse_color(const char *text, enum color_choice *ret, struct diag *reterr)
{
	static const char *const names[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum color_choice)i;
			return 0;
		}
	}
	return diag_set(reterr, -EINVAL, "--color: '%s' is not auto, always or never", text);
}

static int parse_when(const struct option_spec *o, const char *text, uint64_t now_us, uint64_t *ret,
	struct diag *reterr)
{
	struct diag why = { "" };

	if (time_parse(text, now_us, ret, &why) < 0)
		return diag_set(reterr, -EINVAL, "--%s: %.400s", o->name, why.text);
	return 0;
}

static int parse_values(struct arguments *a, uint64_t now_us, struct diag *reterr)
{
	for (size_t i = 0; i < OPTION_N; i++) {
		const struct option_spec *o = &option_specs[i];
		const char *text = a->values[i];
		int r = 0;

		if (!text && o->id == OPTION_WATCH && arguments_has(a, OPTION_WATCH))
			a->watch_ms = WATCH_USUAL_MS;
		if (!text)
			continue;
		if (o->id == OPTION_LIMIT)
			r = parse_number(o, text, &a->limit, reterr);
		else if (o->id == OPTION_FROM)
			r = parse_number(o, text, &a->from, reterr);
		else if (o->id == OPTION_TO)
			r = parse_number(o, text, &a->to, reterr);
		else if (o->id == OPTION_WATCH)
			r = parse_watch(text, &a->watch_ms, reterr);
		else if (o->id == OPTION_COLOR)
			r = parse_color(text, &a->color, reterr);
		else if (o->id == OPTION_SINCE)
			r = parse_when(o, text, now_us, &a->since_us, reterr);
		else if (o->id == OPTION_UNTIL)
			r = parse_when(o, text, now_us, &a->until_us, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

/* An option that the command does not take; says which commands do. */
static int refuse(const struct command *c, const struct option_spec *o, struct diag *reterr)
{
	CLEANUP_BUF struct buf name = { 0 }, takers = { 0 };

	command_name(c, &name);
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *other = &commands[i];

		if (!command_takes(other, o))
			continue;
		buf_text(&takers, takers.n ? ", " : "");
		command_name(other, &takers);
	}
	return diag_set(reterr, -EINVAL, "'%s' does not take --%s; these do: %s", name.p, o->name,
		takers.p);
}

static int check_options(const struct arguments *a, struct diag *reterr)
{
	for (size_t i = 0; i < OPTION_N; i++) {
		if (arguments_has(a, (enum option_id)i) &&
			!command_takes(a->command, &option_specs[i]))
			return refuse(a->command, &option_specs[i], reterr);
	}
	if (arguments_has(a, OPTION_JSON) && arguments_has(a, OPTION_TABS))
		return diag_set(reterr, -EINVAL, "--json or --tabs, not both");
	if (arguments_has(a, OPTION_BEST) && arguments_has(a, OPTION_ALL))
		return diag_set(reterr, -EINVAL, "--best or --all, not both");
	if (arguments_has(a, OPTION_SERIAL) && arguments_has(a, OPTION_LISTEN))
		return diag_set(reterr, -EINVAL, "--serial or --listen: one end of the line each");
	if (arguments_has(a, OPTION_FOLLOW) &&
		(arguments_has(a, OPTION_UNTIL) || arguments_has(a, OPTION_SORT)))
		return diag_set(reterr, -EINVAL,
			"--follow goes on in the order of time: it takes "
			"neither --until nor --sort");
	if (a->since_us && a->until_us && a->since_us > a->until_us)
		return diag_set(reterr, -EINVAL, "--since lies behind --until");
	return 0;
}

static int check_count(const struct arguments *a, struct diag *reterr)
{
	const struct command *c = a->command;
	CLEANUP_BUF struct buf synopsis = { 0 };

	if (a->n_args >= c->min && a->n_args <= c->max)
		return 0;
	command_synopsis(c, &synopsis);
	if (a->n_args < c->min)
		return diag_set(reterr, -EINVAL, "something is missing: ipsecmon %s", synopsis.p);
	return diag_set(reterr, -EINVAL, "'%s' is one word too many: ipsecmon %s", a->args[c->max],
		synopsis.p);
}

/* `help show` is about several commands, as `help show mainmode` is: the first stands for them. */
static int parse_about(struct arguments *a, struct diag *reterr)
{
	const struct command *c;
	struct diag why = { "" };
	size_t used;
	int r;

	a->about = NULL;
	if (a->n_args == 0)
		return 0;
	a->about_words = a->n_args;
	r = command_find(a->args, a->n_args, &c, &used, &why);
	if (r == 0 && used == a->n_args) {
		a->about = c;
		return 0;
	}
	for (size_t i = 0; i < n_commands; i++) {
		if (command_words(&commands[i]) > a->n_args &&
			command_begins(&commands[i], a->args, a->n_args)) {
			a->about = &commands[i];
			return 0;
		}
	}
	if (r == 0)
		return diag_set(reterr, -EINVAL, "no command '%s %s'", a->args[0], a->args[1]);
	return diag_set(reterr, r, "%s", why.text);
}

/* --help and --version are the commands of that name, whatever else was said. */
static int divert(struct walk *w, const char *word, bool keep)
{
	struct arguments *a = w->ret;
	size_t used;

	a->n_args = 0;
	for (size_t i = 0; keep && i < w->n_words && i < COMMAND_WORDS; i++)
		a->args[a->n_args++] = w->words[i];
	a->given = 0;
	(void)command_find(&word, 1, &a->command, &used, NULL);
	return keep ? parse_about(a, w->reterr) : 0;
}

int arguments_parse(
	int argc, char *const *argv, uint64_t now_us, struct arguments *ret, struct diag *reterr)
{
	struct arguments a = { 0 };
	struct walk w = { .argc = argc, .argv = argv, .ret = &a, .reterr = reterr };
	size_t used = 0;
	int r;

	r = walk(&w);
	if (r < 0)
		return r;
	r = parse_values(&a, now_us, reterr);
	if (r < 0)
		return r;
	if (arguments_has(&a, OPTION_HELP)) {
		r = divert(&w, "help", true);
	} else if (arguments_has(&a, OPTION_VERSION)) {
		r = divert(&w, "version", false);
	} else {
		r = command_find(w.words, w.n_words, &a.command, &used, reterr);
		if (r < 0)
			return r;
		for (size_t i = used; i < w.n_words; i++)
			a.args[a.n_args++] = w.words[i];
		r = check_count(&a, reterr);
		if (r == 0)
			r = check_options(&a, reterr);
		if (r == 0 && a.command->choice == CHOICE_COMMAND)
			r = parse_about(&a, reterr);
	}
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}
