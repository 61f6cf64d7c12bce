/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/swanctlconf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/sa.h"
#include "source/config/conftext.h"
#include "source/config/selectors.h"
#include "source/config/settings.h"

/* The keys whose values are read; nothing else of a file is copied. */
#define KEYS(X) \
	X(version) \
	X(local_addrs) \
	X(remote_addrs) \
	X(proposals) \
	X(rekey_time) \
	X(reauth_time) \
	X(over_time) X(dpd_delay) X(unique) X(aggressive) X(mobike) X(encap) X(if_id_in) \
		X(if_id_out) X(id) X(auth) X(round) X(local_ts) X(remote_ts) X(esp_proposals) \
			X(ah_proposals) X(mode) X(life_time) X(rekey_bytes) X(life_bytes) \
				X(rekey_packets) X(life_packets) X(start_action) X(dpd_action) \
					X(close_action) X(priority) X(mark_in) X(mark_out) \
						X(reqid)
#define X_ENUM(key) KEY_##key,
#define X_NAME(key) #key,
enum key { KEYS(X_ENUM) KEY_N };
static const char *const keys[] = { KEYS(X_NAME) NULL };

#define IKE_REKEY_S 14400 /* LFT_DEFAULT_IKE_REKEY_TIME of vici_config.c */
#define CHILD_REKEY_S 3600
#define UNSET UINT64_MAX /* in a fact: not known */
#define AUTH_ROUNDS_MAX 16

struct loader {
	struct settings *settings;
	const struct conf_sink *sink;
};

static void complain(struct loader *l, const struct setting *s, enum key key)
{
	char why[IDENTITY_SIZE];

	snprintf(why, sizeof(why), "%s has a value that charon does not take", keys[key]);
	l->sink->error(l->sink->userdata, s->file, s->line, why);
}

static bool as_number(struct span text, uint64_t *ret)
{
	return conf_u64(text, ret);
}

static bool as_time(struct span text, uint64_t *ret)
{
	static const struct conf_unit units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		{ "d", 86400 } };

	return conf_quantity(text, units, ARRAY_LEN(units), ret);
}

static bool as_bytes(struct span text, uint64_t *ret)
{
	static const struct conf_unit units[] = { { "", 1 }, { "k", 1 << 10 }, { "m", 1 << 20 },
		{ "g", 1 << 30 } };

	return conf_quantity(text, units, ARRAY_LEN(units), ret);
}

static bool as_bool(struct span text, uint64_t *ret)
{
	static const char *const words[] = { "no", "yes", "false", "true", "disabled", "enabled",
		"0", "1", NULL };
	size_t i;

	if (!conf_word(text, words, &i))
		return false;
	*ret = i & 1;
	return true;
}

static bool as_mark(struct span text, uint64_t *ret)
{
	uint32_t v;

	if (!conf_mark(text, &v))
		return false;
	*ret = v;
	return true;
}

typedef bool (*as_what)(struct span text, uint64_t *ret);

/* A value that is not set or wrong leaves *ret as it is. */
static void get(
	struct loader *l, const struct settings_view *view, enum key key, as_what as, uint64_t *ret)
{
	struct setting s = settings_get(view, key);

	if (s.value && !as(span_text(s.value), ret))
		complain(l, &s, key);
}

static uint32_t get_u32(struct loader *l, const struct settings_view *view, enum key key,
	as_what as, uint32_t other)
{
	uint64_t v = other;

	get(l, view, key, as, &v);
	return v > UINT32_MAX ? other : (uint32_t)v;
}

/* The items of a list by a separator; nothing set: as it is. */
static void get_list(
	const struct settings_view *view, enum key key, const char *between, char *ret, size_t size)
{
	struct setting s = settings_get(view, key);
	struct span list = span_text(s.value ? s.value : ""), item;

	if (!s.value)
		return;
	ret[0] = '\0';
	while (conf_item_next(&list, ",", &item))
		conf_text_item(ret, size, between, item);
}

static void get_selectors(
	struct loader *l, const struct settings_view *view, enum key key, char ret[TS_SIZE])
{
	struct setting s = settings_get(view, key);
	struct span list = span_text(s.value ? s.value : ""), item;
	char selector[SELECTOR_SIZE];

	ret[0] = '\0';
	while (conf_item_next(&list, ",", &item)) {
		if (!selector_strongswan(item, selector))
			complain(l, &s, key);
		else
			conf_text_item(ret, TS_SIZE, " ", span_text(selector));
	}
	if (ret[0] == '\0')
		conf_text_add(ret, TS_SIZE, span_text("dynamic"));
}

/* One of words, whose meaning stands beside it. */
static size_t get_word(struct loader *l, const struct settings_view *view, enum key key,
	const char *const *words, size_t other)
{
	struct setting s = settings_get(view, key);
	size_t i = other;

	if (s.value && !conf_word(span_text(s.value), words, &i))
		complain(l, &s, key);
	return i;
}

/* An end's rounds of authentication: identity and methods. */
static void read_end(struct loader *l, const struct settings_view *connection, const char *end,
	char *id, size_t id_size, char *auth, size_t auth_size)
{
	const struct section *rounds[AUTH_ROUNDS_MAX], *c;
	uint64_t order[AUTH_ROUNDS_MAX];
	size_t n = 0, at = 0, k;
	struct settings_view view;
	struct setting s;

	while (n < AUTH_ROUNDS_MAX && (c = settings_next(l->settings, connection, &at))) {
		uint64_t round = 0;

		if (!conf_starts(span_text(section_name(c)), end))
			continue;
		settings_in(l->settings, connection, section_name(c), &view);
		get(l, &view, KEY_round, as_number, &round);
		for (k = n++; k > 0 && order[k - 1] > round; k--) {
			order[k] = order[k - 1];
			rounds[k] = rounds[k - 1];
		}
		order[k] = round;
		rounds[k] = c;
	}
	id[0] = auth[0] = '\0';
	for (k = 0; k < n; k++) {
		settings_in(l->settings, connection, section_name(rounds[k]), &view);
		s = settings_get(&view, KEY_id);
		if (s.value && id[0] == '\0')
			conf_text_add(id, id_size, span_text(s.value));
		s = settings_get(&view, KEY_auth);
		conf_text_item(auth, auth_size, " ", span_text(s.value ? s.value : "pubkey"));
	}
	if (n == 0)
		conf_text_add(auth, auth_size, span_text("pubkey"));
}

/*
 * The hard limit is 10 % above the soft one when it is not set. The soft one, when only the hard is
 * set, depends on charon's version: the default up to 5.9.8, 10 % less than the hard one since.
 */
static void limits(uint64_t *rekey, uint64_t *life, uint64_t other)
{
	if (*life != UNSET)
		return;
	if (*rekey == UNSET)
		*rekey = other;
	*life = *rekey > UINT64_MAX / 110 ? UNSET : *rekey * 110 / 100;
}

static void read_limits(
	struct loader *l, const struct settings_view *view, struct connection_child *c)
{
	c->rekey_s = c->life_s = c->rekey_bytes = c->life_bytes = UNSET;
	c->rekey_packets = c->life_packets = UNSET;
	get(l, view, KEY_rekey_time, as_time, &c->rekey_s);
	get(l, view, KEY_life_time, as_time, &c->life_s);
	get(l, view, KEY_rekey_bytes, as_bytes, &c->rekey_bytes);
	get(l, view, KEY_life_bytes, as_bytes, &c->life_bytes);
	get(l, view, KEY_rekey_packets, as_number, &c->rekey_packets);
	get(l, view, KEY_life_packets, as_number, &c->life_packets);
	limits(&c->rekey_s, &c->life_s, CHILD_REKEY_S);
	limits(&c->rekey_bytes, &c->life_bytes, 0);
	limits(&c->rekey_packets, &c->life_packets, 0);
}

static void read_mode(
	struct loader *l, const struct settings_view *view, struct connection_child *c)
{
	static const char *const words[] = { "tunnel", "transport", "transport_proxy", "beet",
		"iptfs", "pass", "drop", NULL };
	static const struct {
		uint8_t mode, action;
	} meanings[] = { { IPSEC_TUNNEL, ACTION_PROTECT }, { IPSEC_TRANSPORT, ACTION_PROTECT },
		{ IPSEC_TRANSPORT, ACTION_PROTECT }, { IPSEC_BEET, ACTION_PROTECT },
		{ IPSEC_IPTFS, ACTION_PROTECT }, { IPSEC_TRANSPORT, ACTION_PASS },
		{ IPSEC_TRANSPORT, ACTION_DROP } };
	size_t i = get_word(l, view, KEY_mode, words, 0);

	c->mode = meanings[i].mode;
	c->action = meanings[i].action;
}

/* What words of action_names and of older versions stand for. */
static const char *const actions[] = { "none", "clear", "trap", "route", "hold", "start", "restart",
	"trap|start", "start|trap", NULL };
static const char *const meant[] = { "none", "none", "trap", "trap", "trap", "start", "start",
	"trap|start", "trap|start" };

static void read_actions(
	struct loader *l, const struct settings_view *view, struct connection_child *c)
{
	size_t start = get_word(l, view, KEY_start_action, actions, 0);

	CONF_TEXT_SET(c->dpd_action, meant[get_word(l, view, KEY_dpd_action, actions, 0)]);
	CONF_TEXT_SET(c->close_action, meant[get_word(l, view, KEY_close_action, actions, 0)]);
	if (strstr(meant[start], "start"))
		c->intent = INTENT_START;
	else if (!strcmp(meant[start], "trap"))
		c->intent = INTENT_TRAP;
	else
		c->intent = INTENT_NONE;
}

static void read_child(struct loader *l, const struct settings_view *connection,
	const struct settings_view *view, const struct section *section, const char *conn)
{
	struct connection_child c = { .proto = IPPROTO_ESP };

	CONF_TEXT_SET(c.name, section_name(section));
	CONF_TEXT_SET(c.conn, conn);
	CONF_TEXT_SET(c.file, section_file(section));
	c.line = section_line(section);
	read_mode(l, view, &c);
	read_actions(l, view, &c);
	get_selectors(l, view, KEY_local_ts, c.local_ts);
	get_selectors(l, view, KEY_remote_ts, c.remote_ts);
	CONF_TEXT_SET(c.proposals, "default");
	if (settings_get(view, KEY_ah_proposals).value &&
		!settings_get(view, KEY_esp_proposals).value) {
		c.proto = IPPROTO_AH;
		get_list(view, KEY_ah_proposals, ", ", c.proposals, sizeof(c.proposals));
	}
	get_list(view, KEY_esp_proposals, ", ", c.proposals, sizeof(c.proposals));
	read_limits(l, view, &c);
	c.reqid = get_u32(l, view, KEY_reqid, as_number, 0);
	c.priority = get_u32(l, view, KEY_priority, as_number, 0);
	c.mark_in = get_u32(l, view, KEY_mark_in, as_mark, 0);
	c.mark_out = get_u32(l, view, KEY_mark_out, as_mark, 0);
	/* A child without one takes the IKE SA's. */
	c.if_id_in = get_u32(l, connection, KEY_if_id_in, as_mark, 0);
	c.if_id_in = get_u32(l, view, KEY_if_id_in, as_mark, c.if_id_in);
	c.if_id_out = get_u32(l, connection, KEY_if_id_out, as_mark, 0);
	c.if_id_out = get_u32(l, view, KEY_if_id_out, as_mark, c.if_id_out);
	l->sink->child(l->sink->userdata, &c);
}

static void read_times(struct loader *l, const struct settings_view *view, struct connection *c)
{
	bool none = !settings_get(view, KEY_rekey_time).value &&
		    !settings_get(view, KEY_reauth_time).value;

	c->rekey_s = none ? IKE_REKEY_S : 0;
	get(l, view, KEY_rekey_time, as_time, &c->rekey_s);
	get(l, view, KEY_reauth_time, as_time, &c->reauth_s);
	c->over_s = (c->rekey_s > c->reauth_s ? c->rekey_s : c->reauth_s) / 10;
	get(l, view, KEY_over_time, as_time, &c->over_s);
	get(l, view, KEY_dpd_delay, as_time, &c->dpd_s);
}

static bool get_bool(
	struct loader *l, const struct settings_view *view, enum key key, uint64_t other)
{
	get(l, view, key, as_bool, &other);
	return other != 0;
}

static void read_connection(
	struct loader *l, const struct settings_view *view, const struct section *section)
{
	static const char *const uniques[] = { "no", "never", "keep", "replace", NULL };
	struct settings_view children, child;
	const struct section *s;
	struct connection c = { 0 };
	uint32_t version;
	size_t at = 0;

	CONF_TEXT_SET(c.name, section_name(section));
	CONF_TEXT_SET(c.file, section_file(section));
	c.line = section_line(section);
	version = get_u32(l, view, KEY_version, as_number, 0);
	c.version = version <= 2 ? (uint8_t)version : 0;
	CONF_TEXT_SET(c.local, "%any");
	CONF_TEXT_SET(c.remote, "%any");
	get_list(view, KEY_local_addrs, " ", c.local, sizeof(c.local));
	get_list(view, KEY_remote_addrs, " ", c.remote, sizeof(c.remote));
	read_end(l, view, "local", c.local_id, sizeof(c.local_id), c.local_auth,
		sizeof(c.local_auth));
	read_end(l, view, "remote", c.remote_id, sizeof(c.remote_id), c.remote_auth,
		sizeof(c.remote_auth));
	CONF_TEXT_SET(c.proposals, "default");
	get_list(view, KEY_proposals, ", ", c.proposals, sizeof(c.proposals));
	CONF_TEXT_SET(c.unique, uniques[get_word(l, view, KEY_unique, uniques, 0)]);
	c.aggressive = get_bool(l, view, KEY_aggressive, false);
	c.mobike = get_bool(l, view, KEY_mobike, true);
	c.encap = get_bool(l, view, KEY_encap, false);
	read_times(l, view, &c);
	l->sink->connection(l->sink->userdata, &c);
	settings_in(l->settings, view, "children", &children);
	while ((s = settings_next(l->settings, &children, &at))) {
		settings_in(l->settings, &children, section_name(s), &child);
		read_child(l, view, &child, s, c.name);
	}
}

int swanctlconf_parse(const char *path, struct span text, const struct conf_files *files,
	const struct conf_sink *sink)
{
	struct loader l = { .sink = sink };
	struct settings_view root, connections, view;
	CLEANUP(settings) struct settings *settings = NULL;
	const struct section *c;
	size_t at = 0;

	if (settings_parse(path, text, keys, files, sink, &settings))
		return -ENOMEM;
	l.settings = settings;
	settings_root(settings, &root);
	settings_in(settings, &root, "connections", &connections);
	while ((c = settings_next(settings, &connections, &at))) {
		settings_in(settings, &connections, section_name(c), &view);
		read_connection(&l, &view, c);
	}
	if (settings_spent(settings))
		sink->error(sink->userdata, path, 0, "sections refer to each other too often");
	return 0;
}
