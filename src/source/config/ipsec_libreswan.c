/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "source/config/ipsecconf_private.h"
#include "source/config/selectors.h"

/* Libreswan 4.10 and 5 (confread.c, starterwhack.c, pluto_constants.h). */
#define LIFE_S 28800 /* of IKE and IPsec SAs alike */
#define MARGIN_S 540

static bool as_bytes(struct span text, uint64_t *ret)
{
	static const struct conf_unit units[] = { { "", 1 }, { "B", 1 }, { "KiB", 1ull << 10 },
		{ "MiB", 1ull << 20 }, { "GiB", 1ull << 30 }, { "TiB", 1ull << 40 },
		{ "Ki", 1ull << 10 }, { "Mi", 1ull << 20 }, { "Gi", 1ull << 30 },
		{ "Ti", 1ull << 40 } };

	return conf_quantity(text, units, ARRAY_LEN(units), ret);
}

/* "yes" is interface ipsec1, and so is its id. */
static bool as_interface(struct span text, uint64_t *ret)
{
	if (conf_is(text, "yes") || conf_is(text, "no")) {
		*ret = conf_is(text, "yes");
		return true;
	}
	if (conf_starts(text, "ipsec"))
		text = span_of(text.p + 5, text.n - 5);
	if (!conf_u64(text, ret))
		return false;
	if (*ret == 0)
		*ret = 16384; /* IPSEC0_XFRM_IF_ID: a device has no id 0 */
	return true;
}

static bool is_here(struct span host)
{
	return conf_starts(host, "%defaultroute") ||
	       (host.n > 1 && host.p[0] == '%' && !conf_starts(host, "%any") &&
		       !conf_starts(host, "%group") && !conf_starts(host, "%oppo"));
}

static bool is_anybody(struct span host)
{
	return conf_starts(host, "%any") || conf_is(host, "0.0.0.0") || conf_is(host, "::") ||
	       conf_starts(host, "%group") || conf_starts(host, "%oppo");
}

/* What is added to keys of the left end for those of the local one. */
static size_t local_end(const struct ipsec_conn *c)
{
	struct span left = ipsec_get(c, KEY_left), right = ipsec_get(c, KEY_right);
	bool swapped = (is_here(right) && !is_here(left)) ||
		       (is_anybody(left) && right.n > 0 && !is_anybody(right));

	return swapped ? KEY_OTHER_END : 0;
}

/* An address that is written as one; 0.0.0.0 and :: are %any. */
static bool is_address(struct span text)
{
	char copy[ADDR_TEXT_SIZE];
	struct addr a;

	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return !addr_parse(copy, &a) && !addr_is_any(&a);
}

static void read_host(const struct ipsec_conn *c, size_t end, char ret[HOSTS_SIZE])
{
	struct span host = ipsec_get(c, KEY_left + end);
	bool any = conf_is(host, "0.0.0.0") || conf_is(host, "::");

	ret[0] = '\0';
	conf_text_add(ret, HOSTS_SIZE, any ? span_text("%any") : host);
}

/* An end without an identity has its address. */
static void read_id(const struct ipsec_conn *c, size_t end, char ret[IDENTITY_SIZE])
{
	struct span id = ipsec_get(c, KEY_leftid + end), host = ipsec_get(c, KEY_left + end);

	ret[0] = '\0';
	if (id.n > 0)
		conf_text_add(ret, IDENTITY_SIZE, id);
	else if (is_address(host))
		conf_text_add(ret, IDENTITY_SIZE, host);
}

static void read_auth(const struct ipsec_conn *c, size_t end, char ret[NAME_SIZE])
{
	struct span list = ipsec_get(c, KEY_leftauth + end), item;
	bool psk = false, pubkey = false, null = false, eap = false, never = false;

	if (list.n == 0)
		list = ipsec_get(c, KEY_authby);
	pubkey = list.n == 0;
	while (conf_item_next(&list, ", \t", &item)) {
		psk |= conf_is(item, "secret") || conf_is(item, "psk");
		pubkey |= conf_starts(item, "rsa") || conf_starts(item, "ecdsa") ||
			  conf_starts(item, "eddsa");
		null |= conf_is(item, "null");
		eap |= conf_starts(item, "eap");
		never |= conf_is(item, "never");
	}
	ret[0] = '\0';
	if (pubkey && !never)
		conf_text_item(ret, NAME_SIZE, " ", span_text("pubkey"));
	if (psk)
		conf_text_item(ret, NAME_SIZE, " ", span_text("psk"));
	if (eap)
		conf_text_item(ret, NAME_SIZE, " ", span_text("eap"));
	if (null)
		conf_text_item(ret, NAME_SIZE, " ", span_text("null"));
}

/* The length of a mask like 255.255.0.0; 33: it is none. */
static unsigned mask_length(const char *text)
{
	struct in_addr mask;
	unsigned length = 0;
	uint32_t bits;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return 33;
	for (bits = ntohl(mask.s_addr); bits & 0x80000000u; bits <<= 1)
		length++;
	return bits == 0 ? length : 33;
}

/*
 * An IPv4 subnet as pluto reads it: 10/8 is 10.0.0.0/8, but 10.2/16 is 10.0.0.2/16, as inet_aton()
 * has it; 10.1.0.0/255.255.0.0 has a mask. Anything else stays as it is; room: for the result.
 */
static struct span whole_prefix(struct span text, char *room, size_t size)
{
	const uint8_t *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	char head[ADDR_TEXT_SIZE] = "", tail[ADDR_TEXT_SIZE] = "", addr[INET_ADDRSTRLEN];
	struct in_addr a;
	uint64_t length;

	if (!slash || memchr(text.p, ':', text.n) || text.n >= ADDR_TEXT_SIZE)
		return text;
	conf_text_add(head, sizeof(head), span_of(text.p, (size_t)(slash - text.p)));
	conf_text_add(
		tail, sizeof(tail), span_of(slash + 1, text.n - (size_t)(slash - text.p) - 1));
	if (!strchr(head, '.'))
		conf_text_add(head, sizeof(head), span_text(".0.0.0"));
	if (strchr(tail, '.'))
		length = mask_length(tail);
	else if (!conf_u64(span_text(tail), &length))
		return text;
	if (length > 32 || !inet_aton(head, &a))
		return text;
	inet_ntop(AF_INET, &a, addr, sizeof(addr));
	snprintf(room, size, "%s/%u", addr, (unsigned)length);
	return span_text(room);
}

/* Of one end: subnet as it is written, "" for none; the host itself then, where it has an address.
 */
static void read_selector(
	const struct ipsec_conn *c, size_t end, struct span subnet, char ret[TS_SIZE])
{
	struct span ports = ipsec_get(c, KEY_leftprotoport + end);
	struct span source = ipsec_get(c, KEY_leftsourceip + end);
	struct span host = ipsec_get(c, KEY_left + end);
	char selector[SELECTOR_SIZE], room[2 * ADDR_TEXT_SIZE];

	if (subnet.n == 0 && source.n > 0)
		subnet = source;
	else if (subnet.n == 0 && is_address(host))
		subnet = host;
	/* Who may come from where is a list of its own (virtual-private=). */
	if (conf_starts(subnet, "vhost:") || conf_starts(subnet, "vnet:"))
		subnet.n = 0;
	if (conf_is(subnet, "%default"))
		subnet = span_text("0.0.0.0/0");
	if (!selector_ipsec(whole_prefix(subnet, room, sizeof(room)), ports, selector)) {
		ipsec_complain(c, KEY_leftsubnet + end);
		selector[0] = '\0';
	}
	ret[0] = '\0';
	conf_text_add(ret, TS_SIZE, span_text(selector));
}

static void read_limits(
	const struct ipsec_conn *c, struct connection *connection, struct connection_child *child)
{
	uint64_t ike = LIFE_S, margin = MARGIN_S, life = LIFE_S;
	bool rekey = ipsec_bool(c, KEY_rekey, true);

	ipsec_number(c, KEY_ikelifetime, ipsec_as_time, &ike);
	ipsec_number(c, KEY_salifetime, ipsec_as_time, &life);
	ipsec_number(c, KEY_rekeymargin, ipsec_as_time, &margin);
	child->life_s = life;
	child->rekey_s = rekey && life > margin ? life - margin : 0;
	connection->over_s = rekey && ike > margin ? margin : ike;
	*(ipsec_bool(c, KEY_reauth, false) ? &connection->reauth_s : &connection->rekey_s) =
		ike - connection->over_s;
	/* When it rekeys before these is its own choice. */
	ipsec_number(c, KEY_max_bytes, as_bytes, &child->life_bytes);
	ipsec_number(c, KEY_max_packets, as_bytes, &child->life_packets);
	child->rekey_bytes = child->life_bytes ? UINT64_MAX : 0;
	child->rekey_packets = child->life_packets ? UINT64_MAX : 0;
}

static void read_mode(const struct ipsec_conn *c, struct connection_child *child)
{
	static const char *const words[] = { "tunnel", "transport", "pass", "passthrough", "drop",
		"reject", NULL };
	static const uint8_t actions[] = { ACTION_PROTECT, ACTION_PROTECT, ACTION_PASS, ACTION_PASS,
		ACTION_DROP, ACTION_DROP };
	size_t i = ipsec_word(c, KEY_type, words, 0);

	child->mode = i == 0 ? IPSEC_TUNNEL : IPSEC_TRANSPORT;
	child->action = actions[i];
}

static uint8_t read_version(const struct ipsec_conn *c)
{
	static const char *const exchanges[] = { "ike", "ikev2", "ikev1", NULL };
	static const char *const words[] = { "yes", "propose", "insist", "always", "no", "never",
		"permit", NULL };

	if (ipsec_word(c, KEY_keyexchange, exchanges, 0) == 2)
		return 1;
	return ipsec_word(c, KEY_ikev2, words, 0) < 4 ? 2 : 1;
}

static uint8_t read_intent(const struct ipsec_conn *c)
{
	static const char *const words[] = { "ignore", "add", "keep", "route", "ondemand", "start",
		"up", NULL };
	static const uint8_t intents[] = { INTENT_DISABLED, INTENT_NONE, INTENT_NONE, INTENT_TRAP,
		INTENT_TRAP, INTENT_START, INTENT_START };

	return intents[ipsec_word(c, KEY_auto, words, 0)];
}

static void read_dpd_action(const struct ipsec_conn *c, struct connection_child *child)
{
	static const char *const words[] = { "", "clear", "hold", "restart", "restart_by_peer",
		NULL };
	static const char *const meant[] = { "", "none", "trap", "start", "start" };

	CONF_TEXT_SET(child->dpd_action, meant[ipsec_word(c, KEY_dpdaction, words, 0)]);
}

static void read_encapsulation(const struct ipsec_conn *c, struct connection *connection)
{
	static const char *const words[] = { "auto", "no", "yes", NULL };

	connection->encap = ipsec_word(c, KEY_encapsulation, words, 0) == 2;
}

/* The next subnet of an end: subnet= is number 0, those of subnets= follow. */
struct subnets {
	struct span first, rest;
	unsigned number; /* of the current one */
	bool any; /* there was one */
};

static bool next_subnet(struct subnets *s, struct span *ret)
{
	if (!s->any && s->first.n > 0) {
		s->any = true;
		*ret = s->first;
		return true;
	}
	if (conf_item_next(&s->rest, ", \t", ret)) {
		s->any = true;
		s->number++;
		return true;
	}
	/* Without any it is the host. */
	if (s->any)
		return false;
	s->any = true;
	*ret = s->first;
	return true;
}

/* False: there is no room for more. */
static bool tell(const struct ipsec_conn *c, const struct connection *connection,
	const struct connection_child *child)
{
	if (*c->room == 0) {
		c->sink->error(c->sink->userdata, c->file, c->line,
			"more than 4,096 connections: the rest is not shown");
		return false;
	}
	--*c->room;
	c->sink->connection(c->sink->userdata, connection);
	c->sink->child(c->sink->userdata, child);
	return true;
}

static void tell_pairs(const struct ipsec_conn *c, size_t end, struct connection *connection,
	struct connection_child *child)
{
	struct span left_subnet, right_subnet;
	struct subnets left = { .first = ipsec_get(c, KEY_leftsubnet),
		.rest = ipsec_get(c, KEY_leftsubnets) };
	bool several = left.rest.n > 0 || ipsec_get(c, KEY_rightsubnets).n > 0;

	while (next_subnet(&left, &left_subnet)) {
		struct subnets right = { .first = ipsec_get(c, KEY_rightsubnet),
			.rest = ipsec_get(c, KEY_rightsubnets) };

		read_selector(c, 0, left_subnet, end ? child->remote_ts : child->local_ts);
		while (next_subnet(&right, &right_subnet)) {
			read_selector(c, KEY_OTHER_END, right_subnet,
				end ? child->local_ts : child->remote_ts);
			if (several) {
				char pair[32];

				CONF_TEXT_SET(connection->name, c->name);
				snprintf(pair, sizeof(pair), "/%ux%u", left.number, right.number);
				conf_text_add(connection->name, sizeof(connection->name),
					span_text(pair));
			}
			memcpy(child->name, connection->name, sizeof(child->name));
			memcpy(child->conn, connection->name, sizeof(child->conn));
			if (!tell(c, connection, child))
				return;
		}
	}
}

void ipsec_libreswan(const struct ipsec_conn *c)
{
	static const char *const phase2[] = { "esp", "default", "ah", NULL };
	size_t local = local_end(c), remote = KEY_OTHER_END - local;
	struct connection connection = { 0 };
	struct connection_child child = { 0 };

	/* Without an end it is there for others to take from. */
	if (ipsec_get(c, KEY_left).n == 0 || ipsec_get(c, KEY_right).n == 0)
		return;
	ipsec_common(c, &connection, &child);
	if (ipsec_word(c, KEY_phase2, phase2, 0) == 2)
		child.proto = IPPROTO_AH;
	connection.version = read_version(c);
	read_host(c, local, connection.local);
	read_host(c, remote, connection.remote);
	read_mode(c, &child);
	read_id(c, local, connection.local_id);
	read_id(c, remote, connection.remote_id);
	read_auth(c, local, connection.local_auth);
	read_auth(c, remote, connection.remote_auth);
	CONF_TEXT_SET(connection.unique, ipsec_bool(c, KEY_uniqueids, true) ? "replace" : "no");
	connection.mobike = ipsec_bool(c, KEY_mobike, false);
	read_encapsulation(c, &connection);
	/* A shunt negotiates nothing that could end. */
	if (child.action == ACTION_PROTECT) {
		read_limits(c, &connection, &child);
		ipsec_number(c, KEY_dpddelay, ipsec_as_time, &connection.dpd_s);
	}
	child.intent = read_intent(c);
	read_dpd_action(c, &child);
	child.priority = ipsec_u32(c, KEY_priority, ipsec_as_number);
	child.if_id_in = child.if_id_out = ipsec_u32(c, KEY_ipsec_interface, as_interface);
	tell_pairs(c, local, &connection, &child);
}
