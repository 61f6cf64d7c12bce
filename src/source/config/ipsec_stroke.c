/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "source/config/ipsecconf_private.h"
#include "source/config/selectors.h"

/* strongSwan's starter (confread.c, starterstroke.c) and the stroke plugin (stroke_config.c). */
#define IKE_LIFE_S 10800
#define CHILD_LIFE_S 3600
#define MARGIN_S 540
#define DPD_DELAY_S 30

/* %defaultroute is %any to it; another % before an address allows others as well. */
static void read_host(const struct ipsec_conn *c, enum ipsec_key key, char *ret, size_t size)
{
	struct span list = ipsec_get(c, key), item;

	ret[0] = '\0';
	while (conf_item_next(&list, ", \t", &item)) {
		if (conf_is(item, "%defaultroute"))
			item = span_text("%any");
		else if (item.p[0] == '%' && !conf_starts(item, "%any"))
			item = span_of(item.p + 1, item.n - 1);
		conf_text_item(ret, size, " ", item);
	}
	if (ret[0] == '\0')
		conf_text_add(ret, size, span_text("%any"));
}

static void read_auth(const struct ipsec_conn *c, size_t end, char ret[NAME_SIZE])
{
	struct span auth = ipsec_get(c, KEY_leftauth + end), by = ipsec_get(c, KEY_authby);
	struct span second = ipsec_get(c, KEY_leftauth2 + end);
	bool server = conf_is(ipsec_get(c, KEY_xauth), "server");

	ret[0] = '\0';
	if (auth.n == 0)
		auth = span_text(
			conf_is(by, "secret") || conf_is(by, "psk") || conf_is(by, "xauthpsk")
				? "psk"
				: "pubkey");
	/* xauthserver asks the peer for a name and password. */
	if (second.n == 0 && conf_starts(by, "xauth") && server == (end != 0))
		second = span_text("xauth");
	conf_text_add(ret, NAME_SIZE, auth);
	if (second.n > 0)
		conf_text_item(ret, NAME_SIZE, " ", second);
}

static void read_selectors(const struct ipsec_conn *c, size_t end, char ret[TS_SIZE])
{
	struct span list = ipsec_get(c, KEY_leftsubnet + end), item;
	struct span ports = ipsec_get(c, KEY_leftprotoport + end);
	char selector[SELECTOR_SIZE];
	bool good;

	ret[0] = '\0';
	while (conf_item_next(&list, ", \t", &item)) {
		good = memchr(item.p, '[', item.n) ? selector_strongswan(item, selector)
						   : selector_ipsec(item, ports, selector);
		if (good)
			conf_text_item(ret, TS_SIZE, " ", span_text(selector));
		else
			ipsec_complain(c, KEY_leftsubnet + end);
	}
	if (ret[0] != '\0')
		return;
	if (!selector_ipsec(span_text(""), ports, selector))
		ipsec_complain(c, KEY_leftprotoport + end);
	conf_text_add(ret, TS_SIZE, span_text(selector));
}

static void read_limits(
	const struct ipsec_conn *c, struct connection *connection, struct connection_child *child)
{
	uint64_t ike = IKE_LIFE_S, margin = MARGIN_S, bytes = 0, packets = 0;

	if (!ipsec_bool(c, KEY_rekey, true))
		return;
	child->life_s = CHILD_LIFE_S;
	ipsec_number(c, KEY_ikelifetime, ipsec_as_time, &ike);
	ipsec_number(c, KEY_salifetime, ipsec_as_time, &child->life_s);
	ipsec_number(c, KEY_rekeymargin, ipsec_as_time, &margin);
	ipsec_number(c, KEY_max_bytes, ipsec_as_number, &child->life_bytes);
	ipsec_number(c, KEY_max_packets, ipsec_as_number, &child->life_packets);
	ipsec_number(c, KEY_margin_bytes, ipsec_as_number, &bytes);
	ipsec_number(c, KEY_margin_packets, ipsec_as_number, &packets);
	connection->over_s = margin;
	*(ipsec_bool(c, KEY_reauth, true) ? &connection->reauth_s : &connection->rekey_s) =
		ike > margin ? ike - margin : 0;
	child->rekey_s = child->life_s > margin ? child->life_s - margin : 0;
	child->rekey_bytes = child->life_bytes > bytes ? child->life_bytes - bytes : 0;
	child->rekey_packets = child->life_packets > packets ? child->life_packets - packets : 0;
}

static void read_mode(const struct ipsec_conn *c, struct connection_child *child)
{
	static const char *const words[] = { "tunnel", "transport", "transport_proxy", "beet",
		"pass", "passthrough", "drop", "reject", NULL };
	static const uint8_t modes[] = { IPSEC_TUNNEL, IPSEC_TRANSPORT, IPSEC_TRANSPORT,
		IPSEC_BEET };
	size_t i = ipsec_word(c, KEY_type, words, 0);

	child->mode = i < ARRAY_LEN(modes) ? modes[i] : IPSEC_TRANSPORT;
	child->action = i < ARRAY_LEN(modes) ? ACTION_PROTECT : i < 6 ? ACTION_PASS : ACTION_DROP;
}

static void read_actions(
	const struct ipsec_conn *c, struct connection *connection, struct connection_child *child)
{
	static const char *const autos[] = { "ignore", "add", "route", "start", NULL };
	static const uint8_t intents[] = { INTENT_DISABLED, INTENT_NONE, INTENT_TRAP,
		INTENT_START };
	static const char *const words[] = { "none", "clear", "hold", "restart", NULL };
	static const char *const meant[] = { "none", "none", "trap", "start" };
	size_t dpd = ipsec_word(c, KEY_dpdaction, words, 0);

	child->intent = intents[ipsec_word(c, KEY_auto, autos, 0)];
	CONF_TEXT_SET(child->dpd_action, meant[dpd]);
	CONF_TEXT_SET(child->close_action, meant[ipsec_word(c, KEY_closeaction, words, 0)]);
	if (dpd == 0)
		return;
	connection->dpd_s = DPD_DELAY_S;
	ipsec_number(c, KEY_dpddelay, ipsec_as_time, &connection->dpd_s);
}

void ipsec_stroke(const struct ipsec_conn *c)
{
	static const char *const versions[] = { "ike", "ikev1", "ikev2", NULL };
	static const char *const uniques[] = { "no", "yes", "replace", "keep", "never", NULL };
	static const char *const meant[] = { "no", "replace", "replace", "keep", "never" };
	struct connection connection = { 0 };
	struct connection_child child = { 0 };

	ipsec_common(c, &connection, &child);
	connection.version = (uint8_t)ipsec_word(c, KEY_keyexchange, versions, 0);
	read_host(c, KEY_left, connection.local, sizeof(connection.local));
	read_host(c, KEY_right, connection.remote, sizeof(connection.remote));
	conf_text_add(connection.local_id, sizeof(connection.local_id), ipsec_get(c, KEY_leftid));
	conf_text_add(
		connection.remote_id, sizeof(connection.remote_id), ipsec_get(c, KEY_rightid));
	read_auth(c, 0, connection.local_auth);
	read_auth(c, KEY_OTHER_END, connection.remote_auth);
	CONF_TEXT_SET(connection.unique, meant[ipsec_word(c, KEY_uniqueids, uniques, 1)]);
	connection.mobike = ipsec_bool(c, KEY_mobike, true);
	connection.encap = ipsec_bool(c, KEY_forceencaps, false);
	read_limits(c, &connection, &child);
	read_mode(c, &child);
	read_selectors(c, 0, child.local_ts);
	read_selectors(c, KEY_OTHER_END, child.remote_ts);
	read_actions(c, &connection, &child);
	/* Without a peer and never loaded it is there for others to take from. */
	if (ipsec_get(c, KEY_right).n == 0 && child.intent == INTENT_DISABLED)
		return;
	--*c->room;
	c->sink->connection(c->sink->userdata, &connection);
	c->sink->child(c->sink->userdata, &child);
}
