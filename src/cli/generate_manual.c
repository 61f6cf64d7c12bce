/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/generate.h"
#include "cli/grammar.h"

#define LINE_MOST 78u /* columns of an input line, as mandoc wants it */

static size_t column(const struct buf *out)
{
	size_t n = 0;

	while (n < out->n && out->p[out->n - 1 - n] != '\n')
		n++;
	return n;
}

/* One word, with what roff would take for an escape or a request made harmless. */
static void put_word(struct buf *out, const char *p, size_t n, bool *quoted)
{
	if (column(out) == 0 && (*p == '.' || *p == '\''))
		buf_text(out, "\\&");
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\') {
			buf_text(out, "\\e");
		} else if (n - i >= 3 && memcmp(p + i, "…", 3) == 0) {
			buf_text(out, "...");
			i += 2;
		} else if (p[i] == '`') {
			buf_text(out, *quoted ? "\\(cq" : "\\(oq");
			*quoted = !*quoted;
		} else if (p[i] == '-' && (i == 0 || p[i - 1] == '-')) {
			buf_text(out, "\\-");
		} else {
			buf_char(out, p[i]);
		}
	}
}

void mdoc_text(struct buf *out, const char *text)
{
	bool quoted = false, ended = true;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " "), at = column(out);

		/* mandoc wants a new sentence on a new line. */
		if (at > 0 && ((ended && isupper((unsigned char)*p) && p > text) ||
				      at + n + 1 > LINE_MOST))
			buf_char(out, '\n');
		else if (p > text)
			buf_char(out, ' ');
		put_word(out, p, n, &quoted);
		ended = n > 0 && p[n - 1] == '.';
		p += n + (p[n] == ' ');
	}
	buf_char(out, '\n');
}

/* A sentence from a one-line help: with a capital and a full stop. */
static void sentence(struct buf *out, const char *text)
{
	CLEANUP_BUF struct buf s = { 0 };

	buf_char(&s, (char)toupper((unsigned char)*text));
	buf_printf(&s, "%s.", text + 1);
	mdoc_text(out, s.p);
}

static void put_words(struct buf *out, const struct command *c)
{
	buf_text(out, ".Cm ");
	command_name(c, out);
	for (const char *p = c->arguments; *p;) {
		bool optional = *p == '[';
		size_t n = strcspn(p += optional, " ]");

		buf_printf(out, optional ? " Op Ar %.*s" : " Ar %.*s", (int)n, p);
		p += n;
		p += strspn(p, " ]");
	}
	buf_char(out, '\n');
}

static void put_flag(struct buf *out, const struct option_spec *o)
{
	if (o->letter)
		buf_printf(out, "Fl %c", o->letter);
	else
		buf_printf(out, "Fl \\-%s", o->name);
	if (o->value && o->value[0] == '[')
		buf_printf(out, " Op Ar %.*s", (int)strlen(o->value) - 2, o->value + 1);
	else if (o->value)
		buf_printf(out, " Ar %s", o->value);
}

/* Commands that differ in their last word only share a line. */
static bool alike(const struct command *a, const struct command *b)
{
	size_t n = command_words(a);

	return n > 1 && n == command_words(b) && command_begins(a, b->words, n - 1) &&
	       a->options == b->options && !*a->arguments && !*b->arguments;
}

static void synopsis(struct buf *out)
{
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		size_t last = i;

		while (last + 1 < n_commands && alike(c, &commands[last + 1]))
			last++;
		buf_text(out, ".Nm\n");
		if (last == i)
			put_words(out, c);
		else
			buf_text(out, ".Cm ");
		if (last > i)
			command_name(c, out);
		for (; i < last; i++)
			buf_printf(out, " | %s%s", commands[i + 1].words[command_words(c) - 1],
				i + 1 == last ? "\n" : "");
		for (size_t k = 0; k < OPTION_N; k++) {
			if (!(c->options & OPTION_BIT(k)))
				continue;
			buf_text(out, ".Op ");
			put_flag(out, &option_specs[k]);
			buf_char(out, '\n');
		}
	}
}

static void command_list(struct buf *out)
{
	buf_text(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < n_commands; i++) {
		buf_text(out, ".It Xo\n");
		put_words(out, &commands[i]);
		buf_text(out, ".Xc\n");
		sentence(out, commands[i].help);
		if (*commands[i].text)
			mdoc_text(out, commands[i].text);
	}
	buf_text(out, ".El\n");
}

static void option_list(struct buf *out)
{
	buf_text(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < OPTION_N; i++) {
		const struct option_spec *o = &option_specs[i];

		buf_text(out, ".It ");
		if (o->letter)
			buf_printf(out, "Fl %c , ", o->letter);
		buf_printf(out, "Fl \\-%s", o->name);
		if (o->value)
			buf_printf(out, " Ar %s", o->value);
		buf_char(out, '\n');
		sentence(out, o->help);
	}
	buf_text(out, ".El\n");
}

static const char *type_name(enum field_type t)
{
	switch (t) {
	case FIELD_TEXT:
		return "text";
	case FIELD_NUMBER:
		return "number";
	case FIELD_BOOL:
		return "yes or no";
	case FIELD_SPI:
		return "SPI";
	case FIELD_ADDR:
		return "address";
	case FIELD_PREFIX:
		return "prefix";
	case FIELD_TIME:
		return "time";
	case FIELD_JSON:
		return "JSON";
	}
	return "";
}

static void columns_of(struct buf *out, const struct noun *n)
{
	buf_text(out, ".Bl -tag -width integrity_failed -compact\n");
	for (size_t i = 0; i < n->n_fields; i++) {
		const struct field *f = &n->fields[i];

		buf_printf(out, ".It Cm %s\n%s%s%s%s: ", f->key, f->brief ? "* " : "",
			type_name(f->type), *f->unit ? ", " : "", f->unit);
		mdoc_text(out, f->help);
	}
	buf_text(out, ".El\n");
}

static void columns(struct buf *out)
{
	for (size_t i = 0; nouns[i]; i++) {
		buf_printf(out, ".Ss %s\n", nouns[i]->title);
		columns_of(out, nouns[i]);
	}
}

static const struct {
	const char *name;
	void (*put)(struct buf *out);
} parts[] = {
	{ "@SYNOPSIS@", synopsis },
	{ "@COMMANDS@", command_list },
	{ "@OPTIONS@", option_list },
	{ "@COLUMNS@", columns },
};

int generate_manual(const char *template, struct buf *out)
{
	for (const char *p = template; *p;) {
		size_t n = strcspn(p, "\n"), at = 0;

		while (at < ARRAY_LEN(parts) &&
			(strlen(parts[at].name) != n || strncmp(parts[at].name, p, n) != 0))
			at++;
		if (at < ARRAY_LEN(parts)) {
			parts[at].put(out);
		} else {
			if (n > 2 && p[0] == '@' && p[n - 1] == '@')
				return -EINVAL;
			buf_append(out, p, n);
			buf_char(out, '\n');
		}
		p += n + (p[n] == '\n');
	}
	return out->failed ? -ENOMEM : 0;
}

static void event_entry(struct buf *out, const struct catalog_event *e)
{
	const struct catalog_subcategory *s = &catalog_subcategories[e->subcategory];

	buf_printf(out, ".It Sy %u Em %s\n", e->id, e->name);
	sentence(out, e->title);
	buf_printf(out,
		"Log %s, level %s, since %s;\naudited as %s of %s / %s.\n.br\nMessage: ", e->log,
		e->level, e->since, e->outcome, s->category, s->name);
	mdoc_text(out, e->message);
	buf_text(out, ".br\nCause: ");
	mdoc_text(out, e->cause);
	buf_text(out, ".br\nWhat to do: ");
	mdoc_text(out, e->action);
}

static void subcategory_entry(struct buf *out, const struct catalog_subcategory *s)
{
	buf_printf(out, ".It Sy %s ( %s )\n", s->name, s->category);
	buf_text(out, "Audits ");
	mdoc_text(out, s->audits);
	buf_printf(out, ".br\nExpected number of events: %s.\nIt ", s->volume);
	mdoc_text(out, s->purpose);
}

static void counter_entry(struct buf *out, const struct catalog_counter *k)
{
	buf_printf(out, ".It Sy %s\n", k->name);
	sentence(out, k->title);
	buf_printf(out, "Counts %s; becomes event %u when nothing tells more.\n.br\nCause: ",
		k->lookups ? "lookups" : "packets", k->event);
	mdoc_text(out, k->cause);
	buf_text(out, ".br\nWhat to do: ");
	mdoc_text(out, k->action);
}

void generate_events(struct buf *out)
{
	buf_text(out,
		".\\\" Made from the catalogue and the field tables. Do not edit.\n.Dd November "
		"22, 2026\n"
		".Dt IPSECMON-EVENTS 7\n.Os\n.Sh NAME\n.Nm ipsecmon-events\n"
		".Nd what the IP Security Monitor can say\n.Sh DESCRIPTION\n"
		"Every event of\n.Xr ipsecmond 8\nhas an ID that never changes its meaning.\n"
		"IDs below 10001 mean what Windows means by them.\n"
		"In a message a word in braces stands for a field of the event, and a part in\n"
		"brackets is left out when its field is not known.\n.Sh EVENTS\n"
		".Bl -tag -width Ds\n");
	for (size_t i = 0; i < catalog_n_events; i++)
		event_entry(out, &catalog_events[i]);
	buf_text(out, ".El\n.Sh AUDIT SUBCATEGORIES\n"
		      "What\n.Ic ipsecmon audit set\nswitches:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < SUBCATEGORY_N; i++)
		subcategory_entry(out, &catalog_subcategories[i]);
	buf_text(out, ".El\n.Sh COUNTERS OF THE KERNEL\nThe lines of\n.Pa /proc/net/xfrm_stat .\n"
		      ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < catalog_n_counters; i++)
		counter_entry(out, &catalog_counters[i]);
	buf_text(out,
		".El\n.Sh FIELDS\nThe keys of an event as JSON; what is not known is left out.\n");
	columns_of(out, &noun_event);
	buf_text(out, ".Sh SEE ALSO\n.Xr ipsecmon 1 ,\n.Xr ipsecmond 8\n");
}
