/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/ipsecconf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "source/config/ipsecconf_private.h"

static struct setting setting_of(const struct ipsec_conn *c, enum ipsec_key key)
{
	return settings_get(key == KEY_uniqueids ? c->setup : c->view, key);
}

struct span ipsec_get(const struct ipsec_conn *c, enum ipsec_key key)
{
	const char *value = setting_of(c, key).value;

	return span_text(value ? value : "");
}

void ipsec_complain(const struct ipsec_conn *c, enum ipsec_key key)
{
	struct setting s = setting_of(c, key);
	char why[IDENTITY_SIZE];

	snprintf(
		why, sizeof(why), "%s= has a value that the daemon does not take", ipsec_keys[key]);
	c->sink->error(c->sink->userdata, s.file ? s.file : c->file, s.line, why);
}

bool ipsec_as_number(struct span text, uint64_t *ret)
{
	return conf_u64(text, ret);
}

bool ipsec_as_time(struct span text, uint64_t *ret)
{
	static const struct conf_unit units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		{ "d", 86400 }, { "w", 604800 } };

	return conf_quantity(text, units, ARRAY_LEN(units), ret);
}

bool ipsec_as_mark(struct span text, uint64_t *ret)
{
	uint32_t v;

	if (!conf_mark(text, &v))
		return false;
	*ret = v;
	return true;
}

void ipsec_number(const struct ipsec_conn *c, enum ipsec_key key, ipsec_as as, uint64_t *ret)
{
	struct span text = ipsec_get(c, key);

	if (text.n > 0 && !as(text, ret))
		ipsec_complain(c, key);
}

uint32_t ipsec_u32(const struct ipsec_conn *c, enum ipsec_key key, ipsec_as as)
{
	uint64_t v = 0;

	ipsec_number(c, key, as, &v);
	return v > UINT32_MAX ? 0 : (uint32_t)v;
}

size_t ipsec_word(
	const struct ipsec_conn *c, enum ipsec_key key, const char *const *words, size_t other)
{
	struct span text = ipsec_get(c, key);
	size_t i = other;

	if (text.n > 0 && !conf_word(text, words, &i))
		ipsec_complain(c, key);
	return i;
}

bool ipsec_bool(const struct ipsec_conn *c, enum ipsec_key key, bool other)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true", "n", "y",
		"0", "1", NULL };

	return ipsec_word(c, key, words, other) & 1;
}

void ipsec_proposals(const struct ipsec_conn *c, enum ipsec_key key, char *ret, size_t size)
{
	struct span list = ipsec_get(c, key), item;

	ret[0] = '\0';
	while (conf_item_next(&list, ", \t", &item))
		conf_text_item(ret, size, ", ", item);
	if (ret[0] == '\0')
		conf_text_add(ret, size, span_text("default"));
}

void ipsec_common(
	const struct ipsec_conn *c, struct connection *connection, struct connection_child *child)
{
	CONF_TEXT_SET(connection->name, c->name);
	CONF_TEXT_SET(connection->file, c->file);
	connection->line = c->line;
	ipsec_proposals(c, KEY_ike, connection->proposals, sizeof(connection->proposals));
	connection->aggressive = ipsec_bool(c, KEY_aggressive, false);

	memcpy(child->name, connection->name, sizeof(child->name));
	memcpy(child->conn, connection->name, sizeof(child->conn));
	memcpy(child->file, connection->file, sizeof(child->file));
	child->line = c->line;
	child->proto = IPPROTO_ESP;
	ipsec_proposals(c, KEY_esp, child->proposals, sizeof(child->proposals));
	if (ipsec_get(c, KEY_ah).n > 0 && ipsec_get(c, KEY_esp).n == 0) {
		child->proto = IPPROTO_AH;
		ipsec_proposals(c, KEY_ah, child->proposals, sizeof(child->proposals));
	}
	child->mark_in = child->mark_out = ipsec_u32(c, KEY_mark, ipsec_as_mark);
	if (ipsec_get(c, KEY_mark_in).n > 0)
		child->mark_in = ipsec_u32(c, KEY_mark_in, ipsec_as_mark);
	if (ipsec_get(c, KEY_mark_out).n > 0)
		child->mark_out = ipsec_u32(c, KEY_mark_out, ipsec_as_mark);
	child->reqid = ipsec_u32(c, KEY_reqid, ipsec_as_number);
}

/* Behind what is in view: the sections of another one, each once. */
static void append(struct settings_view *view, const struct settings_view *more)
{
	for (size_t i = 0; i < more->n && view->n < SETTINGS_VIEW_MAX; i++)
		view->v[view->n++] = more->v[i];
}

static void find_conns(const struct ipsec_text *text, bool stroke, const struct conf_sink *sink)
{
	struct settings_view root, conns, setup, defaults, view;
	size_t at = 0, room = CONF_CONNECTIONS_MAX;
	const struct section *section;

	settings_root(text->settings, &root);
	settings_in(text->settings, &root, "setup", &setup);
	settings_in(text->settings, &root, "conn", &conns);
	settings_in(text->settings, &conns, "%default", &defaults);
	while (room > 0 && (section = settings_next(text->settings, &conns, &at))) {
		struct ipsec_conn c = { .sink = sink,
			.view = &view,
			.setup = &setup,
			.name = section_name(section),
			.file = section_file(section),
			.line = section_line(section),
			.room = &room };

		if (!strcmp(c.name, "%default"))
			continue;
		settings_in(text->settings, &conns, c.name, &view);
		append(&view, &defaults);
		if (stroke)
			ipsec_stroke(&c);
		else
			ipsec_libreswan(&c);
	}
}

int ipsecconf_parse(const char *path, struct span text, uint8_t daemon,
	const struct conf_files *files, const struct conf_sink *sink,
	enum ipsec_dialect *ret_dialect)
{
	bool stroke = daemon == DAEMON_STRONGSWAN;
	struct ipsec_text read;

	if (ipsec_read(path, text, files, sink, &read))
		return -ENOMEM;
	*ret_dialect = read.libreswan > read.stroke   ? DIALECT_LIBRESWAN
		       : read.stroke > read.libreswan ? DIALECT_STROKE
						      : DIALECT_EITHER;
	if (*ret_dialect != (stroke ? DIALECT_LIBRESWAN : DIALECT_STROKE))
		find_conns(&read, stroke, sink);
	if (settings_spent(read.settings))
		sink->error(sink->userdata, path, 0, "conns refer to each other too often");
	settings_free(read.settings);
	return 0;
}
