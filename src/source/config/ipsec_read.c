/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "source/config/ipsecconf_private.h"
#include "source/config/settings_tree.h"

/* Lines of ipsec.conf. What begins a line is a section or an include; what is indented, a key. */
enum part { PART_NONE, PART_SETUP, PART_CONN, PART_OTHER };

struct line_reader {
	struct ipsec_text *out;
	const struct conf_files *files;
	const struct conf_sink *sink;
	const char *path;
	uint32_t line;
	enum part part;
	struct section *setup, *conns, *conn;
	bool stopped, no_memory;
};

#define NAME(key) #key,
const char *const ipsec_keys[] = { IPSEC_KEYS(NAME) NULL };

/* Where a key is spelled otherwise in the one or the other. */
static const struct {
	const char *name;
	enum ipsec_key key;
} spellings[] = { { "mark-in", KEY_mark_in }, { "mark-out", KEY_mark_out },
	{ "phase2alg", KEY_esp }, { "lifetime", KEY_salifetime }, { "keylife", KEY_salifetime },
	{ "ipsec-lifetime", KEY_salifetime }, { "margintime", KEY_rekeymargin },
	{ "aggrmode", KEY_aggressive }, { "ipsec-interface", KEY_ipsec_interface },
	{ "ipsec-max-bytes", KEY_max_bytes }, { "lifebytes", KEY_max_bytes },
	{ "ipsec-max-packets", KEY_max_packets }, { "lifepackets", KEY_max_packets },
	{ "marginbytes", KEY_margin_bytes }, { "marginpackets", KEY_margin_packets } };

/* Keys that only one of the two has; what stands behind left or right without it. */
static const char *const only_libreswan[] = { "protostack", "nssdir", "plutodebug", "logfile",
	"plutostderrlog", "virtual-private", "virtual_private", "dumpdir", "ikev1-policy",
	"ikev1-policy", "nhelpers", "ddos-mode", "listen", "phase2", "phase2alg", "ikev2",
	"sha2-truncbug", "ipsec-interface", "narrowing", "salifetime", "ipsec-lifetime",
	"rekeymargin", "encapsulation", "leftsubnets", "rightsubnets", "leftrsasigkey",
	"rightrsasigkey", "leftaddresspool", "rightaddresspool", "leftmodecfgclient",
	"rightmodecfgclient", "leftmodecfgserver", "leftxauthserver", "leftxauthclient",
	"rightxauthclient", "leftckaid", "hostaddrfamily", "failureshunt", "negotiationshunt",
	"mark-in", "mark-out", "vti-interface", NULL };
static const char *const only_stroke[] = { "charondebug", "strictcrlpolicy", "cachecrls",
	"charonstart", "plutostart", "closeaction", "margintime", "inactivity", "eap_identity",
	"aaa_identity", "leftauth2", "rightauth2", "leftfirewall", "rightfirewall",
	"lefthostaccess", "righthostaccess", "leftdns", "rightdns", "rightsourceip", "leftcert2",
	"leftgroups", "rightgroups", "installpolicy", "forceencaps", "mark_in", "mark_out",
	"lifebytes", "marginbytes", "lifepackets", "marginpackets", NULL };

static void tell(struct line_reader *r, const char *why)
{
	r->sink->error(r->sink->userdata, r->path, r->line, why);
}

static enum ipsec_key find_key(struct span name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(spellings); i++) {
		if (conf_is(name, spellings[i].name))
			return spellings[i].key;
	}
	return conf_word(name, ipsec_keys, &i) ? (enum ipsec_key)i : KEY_NONE;
}

/* The word at the front, which goes with the blanks behind it. */
static struct span take_word(struct span *text)
{
	struct span word = span_of(text->p, 0);

	while (word.n < text->n && text->p[word.n] != ' ' && text->p[word.n] != '\t')
		word.n++;
	*text = conf_trim(span_of(text->p + word.n, text->n - word.n));
	return word;
}

/* A value without its quotes or braces, or up to a comment. */
static struct span take_value(struct span text)
{
	const uint8_t *end = NULL;

	text = conf_trim(text);
	if (text.n > 1 && (text.p[0] == '"' || text.p[0] == '{'))
		end = memchr(text.p + 1, text.p[0] == '"' ? '"' : '}', text.n - 1);
	if (end)
		return span_of(text.p + 1, (size_t)(end - text.p) - 1);
	for (size_t i = 1; i < text.n; i++) {
		if (text.p[i] == '#' && (text.p[i - 1] == ' ' || text.p[i - 1] == '\t'))
			return conf_trim(span_of(text.p, i));
	}
	return text.n > 0 && text.p[0] == '#' ? span_of(text.p, 0) : text;
}

static const char *value_of(const struct section *c, enum ipsec_key key)
{
	const struct settings_value *v = c->values;

	while (v && v->key != key)
		v = v->next;
	return v ? v->text : NULL;
}

/* subnets= may come several times and adds up. */
static void set_value(
	struct line_reader *r, struct section *c, enum ipsec_key key, struct span value)
{
	const char *before = value_of(c, key);
	struct buf both = { .limit = SETTINGS_VALUE_MAX };

	if (value.n >= SETTINGS_VALUE_MAX) {
		tell(r, "a value is longer than 16 KiB");
		return;
	}
	if (before && (key == KEY_leftsubnets || key == KEY_rightsubnets)) {
		buf_printf(&both, "%s ", before);
		buf_append(&both, value.p, value.n);
		value = buf_span(&both);
	}
	if (both.failed)
		tell(r, "a value is longer than 16 KiB");
	else if (settings_set(r->out->settings, c, key, value, r->line))
		r->no_memory = r->stopped = true;
	buf_done(&both);
}

static void take_key(struct line_reader *r, struct span line)
{
	const uint8_t *equals = memchr(line.p, '=', line.n);
	struct section *c = r->part == PART_SETUP ? r->setup : r->conn;
	struct span name;
	enum ipsec_key key;
	size_t i;

	if (r->part == PART_OTHER)
		return;
	if (r->part == PART_NONE || !equals) {
		tell(r, r->part == PART_NONE ? "an indented line before any section"
					     : "= is expected behind the key");
		r->stopped = true;
		return;
	}
	name = conf_trim(span_of(line.p, (size_t)(equals - line.p)));
	line = span_of(equals + 1, line.n - (size_t)(equals - line.p) - 1);
	r->out->libreswan += conf_word(name, only_libreswan, &i);
	r->out->stroke += conf_word(name, only_stroke, &i);
	key = find_key(name);
	if (key != KEY_NONE) {
		set_value(r, c, key, take_value(line));
	} else if (r->part == PART_CONN && conf_is(name, "also")) {
		struct span also = take_value(line), item;

		while (conf_item_next(&also, ", \t", &item) && !r->stopped)
			r->stopped = r->no_memory = settings_refer(c, item) != 0;
	}
}

static void read_text(void *reader, const char *path, struct span text);

static void take_include(struct line_reader *r, struct span value)
{
	char pattern[PATH_SIZE];
	const char *why;

	if (value.n >= sizeof(pattern) || memchr(value.p, '\0', value.n)) {
		tell(r, "the pattern of an include is too long");
		return;
	}
	memcpy(pattern, value.p, value.n);
	pattern[value.n] = '\0';
	why = r->files->include(r->files->userdata, pattern, r->path, read_text, r);
	if (why)
		tell(r, why);
}

static void take_conn(struct line_reader *r, struct span name)
{
	bool full;

	r->part = PART_CONN;
	r->conn = settings_open(r->out->settings, r->conns, name, r->line, &full);
	if (full)
		tell(r, "there are more than 4,096 connections");
	r->no_memory |= !r->conn && !full;
	r->stopped |= !r->conn;
}

static void take_section(struct line_reader *r, struct span line)
{
	struct span word = take_word(&line), value = take_value(line);

	if (conf_is(word, "include") && value.n > 0) {
		take_include(r, value);
	} else if (conf_is(word, "conn") && value.n > 0) {
		take_conn(r, value);
	} else if (conf_is(word, "config") && conf_is(value, "setup")) {
		r->part = PART_SETUP;
	} else if (conf_is(word, "ca") && value.n > 0) {
		r->part = PART_OTHER;
		r->out->stroke++;
	} else if (!conf_is(word, "version")) {
		tell(r, "neither a section nor an include");
		r->stopped = true;
	}
}

static void enter_file(struct line_reader *r)
{
	struct settings_file *f = settings_enter(r->out->settings, r->path);

	r->no_memory |= !f;
	r->stopped |= !f;
}

static void read_text(void *reader, const char *path, struct span text)
{
	struct line_reader *r = reader, outer = *r;
	const struct settings_file *here = r->out->settings->here;

	r->path = path;
	r->line = 0;
	if (!r->stopped)
		enter_file(r);
	while (text.n > 0 && !r->stopped) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct span line = span_of(text.p, n), rest = conf_trim(line);

		r->line++;
		if (rest.n > 0 && rest.p[0] != '#') {
			if (line.p[0] == ' ' || line.p[0] == '\t')
				take_key(r, rest);
			else
				take_section(r, rest);
		}
		n += end != NULL;
		text = span_of(text.p + n, text.n - n);
	}
	r->out->settings->here = here;
	r->path = outer.path;
	r->line = outer.line;
}

int ipsec_read(const char *path, struct span text, const struct conf_files *files,
	const struct conf_sink *sink, struct ipsec_text *ret)
{
	struct line_reader r = { .out = ret, .files = files, .sink = sink };
	struct settings *s = calloc(1, sizeof(*s));
	bool full;

	*ret = (struct ipsec_text){ .settings = s };
	if (!s)
		return -ENOMEM;
	s->budget = SETTINGS_BUDGET;
	r.setup = settings_open(s, &s->root, span_text("setup"), 0, &full);
	r.conns = settings_open(s, &s->root, span_text("conn"), 0, &full);
	s->base = r.conns;
	if (r.setup && r.conns)
		read_text(&r, path, text);
	if (!r.setup || !r.conns || r.no_memory) {
		ret->settings = settings_free(s);
		return -ENOMEM;
	}
	return 0;
}
