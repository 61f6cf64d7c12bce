/* SPDX-License-Identifier: Apache-2.0 */
#include "source/libreswan/conns.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/libreswan/text.h"

void pluto_conn_begin(struct pluto_conn *c, const struct whack_name *name)
{
	memset(c, 0, sizeof(*c)); /* padding too: they are compared */
	c->name = *name;
	c->connection.origin = c->child.origin = ORIGIN_LOADED;
	c->connection.daemon = c->child.daemon = DAEMON_LIBRESWAN;
	memcpy(c->connection.name, name->name, sizeof(c->connection.name));
	memcpy(c->child.name, name->name, sizeof(c->child.name));
	memcpy(c->child.conn, name->name, sizeof(c->child.conn));
	c->connection.rekey_s = c->connection.reauth_s = UINT64_MAX;
	c->connection.over_s = c->connection.dpd_s = UINT64_MAX;
	c->child.rekey_s = c->child.life_s = UINT64_MAX;
	c->child.rekey_bytes = c->child.rekey_packets = UINT64_MAX;
	c->child.life_bytes = c->child.life_packets = UINT64_MAX;
}

/*
 * "10.7.0.1/32:TCP/443", in 5.x "10.7.0.1/32/TCP/443": as the configuration's reader spells
 * selectors, "10.7.0.1/32[tcp/443]". 0-65535: all ports.
 */
static void copy_selector(struct span s, char ret[TS_SIZE])
{
	struct span prefix = s, proto, port = { 0 };
	char text[TS_SIZE / 2], name[32];
	bool length = false;
	size_t n = 0;

	for (; n < s.n; n++) { /* to the first thing behind the length that is no digit */
		if (length && (s.p[n] < '0' || s.p[n] > '9'))
			break;
		length |= s.p[n] == '/';
	}
	if (n == s.n) {
		text_copy(s, ret, TS_SIZE);
		return;
	}
	prefix.n = n;
	s = span_of(s.p + n + 1, s.n - n - 1);
	if (text_until(&s, "/", &proto))
		port = s;
	else
		proto = s;
	TEXT_COPY(prefix, text);
	TEXT_COPY(proto, name);
	for (char *c = name; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
	if (port.n == 0 || text_is(port, "0-65535"))
		snprintf(ret, TS_SIZE, "%s[%s]", text, name);
	else
		snprintf(ret, TS_SIZE, "%s[%s/%.*s]", text, name, (int)(port.n < 16 ? port.n : 16),
			(const char *)port.p);
}

struct end {
	struct span client, host; /* client.n 0: the host itself */
};

/*
 * [CLIENT===] HOST [<NAME>] [[ID+OPTIONS]] [---HOP]; of the right end mirrored, but for the order
 * of host, name and identity.
 */
static struct end parse_end(struct span s, bool left)
{
	struct end e = { 0 };
	struct span before, id;

	if (left) {
		if (text_until(&s, "===", &before))
			e.client = before;
		if (text_until(&s, "---", &before))
			s = before;
	} else {
		struct span rest = s;

		if (text_until(&rest, "---", &before))
			s = rest;
	}
	e.host = s;
	if (text_until(&s, "[", &before) && before.n > 0)
		e.host = before;
	else if (text_until(&s, "===", &before))
		e.host = before;
	if (!left) {
		/* An identity may hold anything: what counts is the last. */
		while (text_until(&s, "===", &before))
			;
		if (s.p != e.host.p)
			e.client = s;
		if (e.client.n > 0 && memchr(e.client.p, ']', e.client.n))
			e.client.n = 0;
	}
	id = e.host;
	if (text_until(&id, "<", &before) && before.n > 0)
		e.host = before;
	return e;
}

/* Where the left end ends: identities stand in brackets and may hold dots. */
static bool split_ends(struct span topology, struct span *ret_left, struct span *ret_right)
{
	unsigned depth = 0;

	for (size_t i = 0; i + 3 <= topology.n; i++) {
		depth += topology.p[i] == '[';
		depth -= topology.p[i] == ']' && depth > 0;
		if (depth == 0 && !memcmp(topology.p + i, "...", 3)) {
			*ret_left = span_of(topology.p, i);
			*ret_right = span_of(topology.p + i + 3, topology.n - i - 3);
			return true;
		}
	}
	return false;
}

/* HOST or [HOST]:PORT. */
static void set_host(struct span host, char ret[HOSTS_SIZE], struct addr *ret_addr)
{
	struct span inside;

	if (host.n > 0 && host.p[0] == '[') {
		struct span s = span_of(host.p + 1, host.n - 1);

		if (text_until(&s, "]", &inside))
			host = inside;
	} else if (!text_addr(host, ret_addr)) {
		struct span s = host;

		if (text_until(&s, ":", &inside) && text_addr(inside, ret_addr))
			host = inside;
	}
	text_addr(host, ret_addr);
	text_copy(host, ret, HOSTS_SIZE);
}

static void add_ts(const struct end *e, const struct addr *host, char ret[TS_SIZE])
{
	char ts[TS_SIZE] = "dynamic", text[ADDR_TEXT_SIZE];
	struct span client = e->client;

	if (client.n > 0) {
		span_take(&client, "{");
		if (client.n > 0 && client.p[client.n - 1] == '}')
			client.n--;
		copy_selector(client, ts);
	} else if (host->family) {
		snprintf(ts, sizeof(ts), "%s/%u", addr_format(host, text), addr_bits(host));
	}
	if (!text_has_word(span_text(ret), ' ', ts))
		text_append(span_text(ts), ret, TS_SIZE);
}

/* 10.3.0.1/32===10.7.0.1[@l]...10.7.0.2[@r]===10.4.0.1/32; erouted; eroute owner: #2 */
static void parse_topology(struct pluto_conn *c, struct span line)
{
	struct span topology, left, right, routing;
	struct end local, remote;

	/* An identity may hold semicolons, but not the routing words behind the last of them. */
	if (!text_until(&line, "; ", &topology) || !split_ends(topology, &left, &right))
		return;
	local = parse_end(left, true);
	remote = parse_end(right, false);
	set_host(local.host, c->connection.local, &c->local);
	set_host(remote.host, c->connection.remote, &c->remote);
	add_ts(&local, &c->local, c->child.local_ts);
	add_ts(&remote, &c->remote, c->child.remote_ts);
	if (!text_until(&line, ";", &routing))
		return;
	c->up = text_is(routing, "erouted") || text_is(routing, "routed tunnel");
	if (text_is(routing, "prospective erouted") || text_is(routing, "routed ondemand"))
		c->child.intent = INTENT_TRAP;
	else if (c->child.intent == INTENT_UNKNOWN && !c->up)
		c->child.intent = INTENT_NONE;
}

/* "2^63B" and 0: without a limit; else digits with Ki, Mi …; UINT64_MAX: not understood. */
static uint64_t limit_of(struct span s)
{
	static const char units[] = "KMGTPE";
	uint64_t v;

	if (span_take(&s, "2^63"))
		return 0;
	if (!span_number(&s, 10, UINT64_MAX, &v))
		return UINT64_MAX;
	if (s.n >= 2 && s.p[1] == 'i') {
		const char *unit = strchr(units, s.p[0]);

		for (; unit && s.p[0] && unit >= units; unit--) {
			if (__builtin_mul_overflow(v, 1024u, &v))
				return UINT64_MAX;
		}
	}
	return v;
}

static void parse_lifetimes(struct pluto_conn *c, struct span line)
{
	uint64_t ike, child, margin;
	struct span v;

	if (!text_value_number(line, " ike_life: ", &ike) ||
		!text_value_number(line, " ipsec_life: ", &child) ||
		!text_value_number(line, " rekey_margin: ", &margin))
		return;
	c->connection.rekey_s = ike > margin ? ike - margin : ike;
	c->connection.over_s = ike > margin ? margin : 0;
	c->connection.reauth_s = 0;
	c->child.life_s = child;
	c->child.rekey_s = child > margin ? child - margin : child;
	if (text_value(line, " ipsec_max_bytes: ", &v))
		c->child.life_bytes = limit_of(v);
	if (text_value(line, " ipsec_max_packets: ", &v))
		c->child.life_packets = limit_of(v);
}

/* IKEv2+PSK+ENCRYPT+TUNNEL+PFS+UP+… */
static void parse_policy(struct pluto_conn *c, struct span flags)
{
	struct connection *conn = &c->connection;
	struct connection_child *child = &c->child;

	conn->version = text_has_word(flags, '+', "IKEv2")   ? 2
			: text_has_word(flags, '+', "IKEv1") ? 1
							     : 0;
	conn->aggressive = text_has_word(flags, '+', "AGGRESSIVE");
	conn->mobike = text_has_word(flags, '+', "MOBIKE");
	child->mode = text_has_word(flags, '+', "TUNNEL") ? IPSEC_TUNNEL : IPSEC_TRANSPORT;
	child->proto = text_has_word(flags, '+', "AUTHENTICATE") ? IPPROTO_AH : IPPROTO_ESP;
	if (text_has_word(flags, '+', "NEVER_NEGOTIATE")) {
		child->action = text_has_word(flags, '+', "PASS") ? ACTION_PASS : ACTION_DROP;
		child->proto = 0;
	}
	if (text_has_word(flags, '+', "UP"))
		child->intent = INTENT_START;
	else if (text_has_word(flags, '+', "ROUTE"))
		child->intent = INTENT_TRAP;
	if (text_has_word(flags, '+', "DONT_REKEY"))
		conn->rekey_s = child->rekey_s = 0;
	if (text_has_word(flags, '+', "REAUTH")) {
		conn->reauth_s = conn->rekey_s;
		conn->rekey_s = 0;
	}
}

static void copy_auth(struct span line, const char *key, char ret[NAME_SIZE])
{
	struct span v, word;

	if (!text_value(line, key, &v))
		return;
	if (text_until(&(struct span){ v.p, v.n }, ",", &word))
		v = word;
	if (text_is(v, "secret"))
		v = span_text("psk");
	else if (text_is(v, "rsasig") || text_is(v, "ecdsa"))
		v = span_text("pubkey");
	text_copy(v, ret, NAME_SIZE);
}

/* 5/0xffffffff, 6/0xffffffff */
static void parse_marks(struct connection_child *child, struct span v)
{
	struct span in;
	uint64_t mark;

	if (span_number(&v, 10, UINT32_MAX, &mark))
		child->mark_in = (uint32_t)mark;
	if (text_until(&v, ", ", &in) && span_number(&v, 10, UINT32_MAX, &mark))
		child->mark_out = (uint32_t)mark;
}

/* eth0, ipsec1@eth0, in 5.x ipsec1[16385]@eth0: the number in the name is that of the interface. */
static void parse_interface(struct connection_child *child, struct span v)
{
	struct span name, inside;
	uint64_t id;

	if (!text_until(&v, "@", &name))
		return;
	inside = name;
	while (name.n > 0 && (name.p[0] < '0' || name.p[0] > '9'))
		name = span_of(name.p + 1, name.n - 1);
	if (text_until(&inside, "[", &v))
		name = inside;
	if (span_number(&name, 10, UINT32_MAX, &id))
		child->if_id_in = child->if_id_out = (uint32_t)id;
}

static void parse_details(struct pluto_conn *c, struct span line)
{
	struct connection *conn = &c->connection;
	struct connection_child *child = &c->child;
	struct span v;
	uint64_t n;

	parse_lifetimes(c, line);
	if (text_value(line, "   policy: ", &v))
		parse_policy(c, v);
	copy_auth(line, "our auth:", conn->local_auth);
	copy_auth(line, "their auth:", conn->remote_auth);
	if (text_value(line, " our id=", &v))
		TEXT_COPY(v, conn->local_id);
	if (text_value(line, " their id=", &v))
		TEXT_COPY(v, conn->remote_id);
	if (text_value(line, " mark: ", &v))
		parse_marks(child, v);
	if (text_value(line, " interface: ", &v))
		parse_interface(child, v);
	if (text_value_number(line, " sa_prio:", &n) && n <= UINT32_MAX)
		child->priority = (uint32_t)n;
	if (text_value_number(line, "   reqid: ", &n) && n <= UINT32_MAX)
		child->reqid = (uint32_t)n;
	if (text_value(line, " encaps:", &v) || text_value(line, " encapsulation:", &v))
		conn->encap = text_is(v, "yes");
	if (text_value_number(line, " dpddelay:", &n) ||
		(text_value(line, "   dpd: ", &v) && text_value_number(line, " delay:", &n)))
		conn->dpd_s = n;
	if (text_value(line, " dpdaction:", &v) || text_value(line, "; action:", &v))
		TEXT_COPY(v, child->dpd_action);
	if (text_value(line, " algorithms: ", &v))
		text_copy(v,
			text_value(line, "   IKE algorithms: ", &v) ? conn->proposals
								    : child->proposals,
			PROPOSALS_SIZE);
	if (text_value(line, " algorithm newest: ", &v)) {
		bool ike = span_take(&(struct span){ line.p, line.n }, "   IKEv");

		text_copy(v, ike ? c->ike_algorithm : c->child_algorithm, IDENTITY_SIZE);
	}
	/* 4.10; 5.x names the owners. */
	if (text_value(line, " newest IKE SA: #", &v) ||
		text_value(line, " newest ISAKMP SA: #", &v) ||
		text_value(line, " established IKE SA: #", &v) ||
		text_value(line, " established ISAKMP SA: #", &v))
		span_number(&v, 10, UINT64_MAX, &c->newest_ike);
	if (text_value(line, " newest IPsec SA: #", &v) ||
		text_value(line, " established Child SA: #", &v) ||
		text_value(line, " established IPsec SA: #", &v))
		span_number(&v, 10, UINT64_MAX, &c->newest_child);
}

void pluto_conn_line(struct pluto_conn *c, struct span rest)
{
	if (rest.n < 2 || rest.p[0] != ' ')
		return;
	if (rest.p[1] == ' ')
		parse_details(c, rest);
	else
		parse_topology(c, span_of(rest.p + 1, rest.n - 1));
}
