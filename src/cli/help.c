/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/command.h"
#include "cli/draw.h"

#define HELP_WIDTH 80u
#define INDENT 2u

/* A term and what it means, side by side; a long term gets a line of its own. */
static void entry(const struct screen *s, struct buf *out, const char *term, const char *text,
	size_t column, size_t width)
{
	size_t n = strlen(term);

	buf_printf(out, "%*s", INDENT, "");
	screen_paint(s, PAINT_BOLD, out);
	buf_text(out, term);
	screen_paint(s, PAINT_PLAIN, out);
	if (INDENT + n + 2 > column)
		buf_printf(out, "\n%*s", (int)column, "");
	else
		buf_printf(out, "%*s", (int)(column - INDENT - n), "");
	draw_wrapped(out, text, column, column, width);
}

static void options(const struct screen *s, struct buf *out, const struct command *c, size_t width)
{
	for (int global = 0; global < 2; global++) {
		bool any = false;

		for (size_t i = 0; i < OPTION_N; i++) {
			const struct option_spec *o = &option_specs[i];
			CLEANUP_BUF struct buf term = { 0 };

			if (o->global != (global == 1) || (c && !command_takes(c, o)) ||
				(!c && !o->global))
				continue;
			if (!any)
				buf_text(out, global ? "\nEvery command takes\n" : "\nOptions\n");
			any = true;
			option_synopsis(o, &term);
			entry(s, out, term.p, o->help, 26, width);
		}
	}
}

static void overview(const struct screen *s, struct buf *out, size_t width)
{
	buf_text(out, "ipsecmon, the IP Security Monitor\n\n"
		      "usage: ipsecmon [OPTION…] [COMMAND [ARGUMENT…]]\n\nCommands\n");
	for (size_t i = 0; i < n_commands; i++) {
		CLEANUP_BUF struct buf term = { 0 };

		command_synopsis(&commands[i], &term);
		entry(s, out, term.p, commands[i].help, 26, width);
	}
	options(s, out, NULL, width);
	buf_text(out, "\nCommands and long options may be cut to what is unique. "
		      "`ipsecmon help\nCOMMAND` tells more; so does ipsecmon(1).\n");
}

static void columns(const struct screen *s, struct buf *out, const struct noun *n, size_t width)
{
	static const char marks[] = { [false] = ' ', [true] = '*', [FIELD_WIDE] = '+' };

	buf_text(out,
		"\nColumns for -o, --where and --sort (* is shown when none are named, + on a wide "
		"terminal, too)\n");
	for (size_t i = 0; i < n->n_fields; i++) {
		CLEANUP_BUF struct buf term = { 0 };

		buf_printf(&term, "%c %s", marks[n->fields[i].brief], n->fields[i].key);
		entry(s, out, term.p, n->fields[i].help, 26, width);
	}
}

static void command_help(
	const struct screen *s, struct buf *out, const struct command *c, size_t width)
{
	CLEANUP_BUF struct buf synopsis = { 0 };

	command_synopsis(c, &synopsis);
	buf_printf(out, "usage: ipsecmon %s%s\n\n", synopsis.p, c->options ? " [OPTION…]" : "");
	draw_wrapped(out, c->help, 0, 0, width);
	if (*c->text) {
		buf_char(out, '\n');
		draw_wrapped(out, c->text, 0, 0, width);
	}
	options(s, out, c, width);
	if (c->noun)
		columns(s, out, c->noun, width);
}

/* All commands that begin with the first n words of one. */
static void group(const struct screen *s, struct buf *out, const struct command *about, size_t n,
	size_t width)
{
	CLEANUP_BUF struct buf name = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&name, "%s%s", i ? " " : "", about->words[i]);
	buf_printf(out, "usage: ipsecmon %s …\n\n", name.p);
	for (size_t i = 0; i < n_commands; i++) {
		CLEANUP_BUF struct buf term = { 0 };

		if (!command_begins(&commands[i], about->words, n))
			continue;
		command_synopsis(&commands[i], &term);
		entry(s, out, term.p, commands[i].help, 26, width);
	}
	buf_printf(out, "\n`ipsecmon help %s COMMAND` tells more about one.\n", name.p);
}

static size_t width_of(const struct cli *c)
{
	return c->screen.width && c->screen.width < HELP_WIDTH ? c->screen.width : HELP_WIDTH;
}

int help_columns(struct cli *c)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct diag d = { "" };
	int r;

	columns(&c->screen, &out, c->args->command->noun, width_of(c));
	buf_drop_front(&out, 1); /* the blank line above it */
	r = screen_write(&c->screen, &out);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}

int help_run(struct cli *c)
{
	const struct command *about = c->args->about;
	size_t width = width_of(c);
	CLEANUP_BUF struct buf out = { 0 };
	struct diag d = { "" };
	int r;

	if (!about)
		overview(&c->screen, &out, width);
	else if (c->args->about_words < command_words(about))
		group(&c->screen, &out, about, c->args->about_words, width);
	else
		command_help(&c->screen, &out, about, width);
	r = screen_write(&c->screen, &out);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
