/* SPDX-License-Identifier: Apache-2.0 */
#include "source/libreswan/whack.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/libreswan/states.h"
#include "source/libreswan/text.h"

void whack_take_code(struct span *line)
{
	struct span s = *line;
	uint64_t code;

	if (span_number(&s, 10, 999, &code) && line->n - s.n == 3 && span_take(&s, " "))
		*line = s;
}

bool whack_take_name(struct span *line, struct whack_name *ret)
{
	struct whack_name name = { 0 };
	struct span s = *line, inside;
	uint64_t serial;

	if (!span_take(&s, "\"") || !text_until(&s, "\"", &inside) || inside.n == 0 ||
		inside.n >= sizeof(name.name))
		return false;
	TEXT_COPY(inside, name.name);
	while (span_take(&s, "[")) {
		if (!span_number(&s, 10, UINT32_MAX, &serial) || !span_take(&s, "]"))
			return false;
		name.instance = name.instance << 32 | serial;
	}
	*line = s;
	*ret = name;
	return true;
}

/* "#N: " and the name. */
static bool take_head(struct span *line, uint64_t *ret_number, struct whack_name *ret_name)
{
	whack_take_code(line);
	return span_take(line, "#") && span_number(line, 10, UINT64_MAX, ret_number) &&
	       span_take(line, ": ") && whack_take_name(line, ret_name);
}

/*
 * ":500", of an instance " 192.0.2.1:500", of an opportunistic one " 10.1.0.0/16=== ...192.0.2.1===
 * 10.2.0.0/16:500"; over TCP with "(tcp)" behind; then a blank.
 */
static bool take_peer(struct span *line, struct addr *ret_peer, uint16_t *ret_port)
{
	struct span s = *line, word, side;
	const uint8_t *colon;
	uint64_t port;

	span_take(&s, " ");
	do {
		if (!text_until(&s, " ", &word))
			return false;
	} while (word.n > 3 && !memcmp(word.p + word.n - 3, "===", 3));
	if (word.n > 5 && !memcmp(word.p + word.n - 5, "(tcp)", 5))
		word.n -= 5;
	colon = word.n > 0 ? memrchr(word.p, ':', word.n) : NULL;
	if (!colon)
		return false;
	side = span_of(colon + 1, word.n - (size_t)(colon + 1 - word.p));
	if (!span_number(&side, 10, UINT16_MAX, &port) || side.n != 0)
		return false;
	word.n = (size_t)(colon - word.p);
	span_take(&word, "...");
	if (!text_until(&word, "===", &side))
		side = word;
	memset(ret_peer, 0, sizeof(*ret_peer));
	text_addr(side, ret_peer); /* with logip=no there is none */
	*ret_port = (uint16_t)port;
	*line = s;
	return true;
}

static uint64_t seconds_of(struct span line, const char *event)
{
	uint64_t s;

	return text_value_number(line, event, &s) && s <= UINT32_MAX ? s : UINT64_MAX;
}

enum parse_result whack_parse_state(struct span line, struct whack_state *ret)
{
	struct whack_state s = { 0 };
	struct span name = { 0 }, story;
	const struct pluto_state *is;

	if (!take_head(&line, &s.number, &s.conn) || !take_peer(&line, &s.peer, &s.peer_port))
		return PARSE_NOTHING;
	if (span_take(&line, "STATE_")) {
		if (!text_until(&line, " (", &name) || !text_until(&line, ");", &story))
			return PARSE_TRUNCATED;
	} else if (!text_until(&line, ";", &story)) {
		return PARSE_TRUNCATED;
	}
	is = pluto_state_of(name, story);
	if (!is)
		return PARSE_UNKNOWN;
	if (!is->sa)
		return PARSE_NOTHING;
	s.sa = is->sa;
	s.state = is->state;
	s.version = is->version;
	s.role_known = is->role != 0;
	s.initiator = is->role == 'i';
	s.newest = text_until(&(struct span){ line.p, line.n }, " newest;", &story);
	text_value_number(line, " SA #", &s.ike);
	s.rekey_s = seconds_of(line, " REKEY in ");
	s.replace_s = seconds_of(line, " REPLACE in ");
	*ret = s;
	return PARSE_OK;
}

/* " esp.2a9d1c4e@10.7.0.2": of IPv6 with a colon in place of the dot. */
static bool take_said(struct span *line, char ret_proto[8], uint32_t *ret_spi, struct addr *ret)
{
	struct span s = *line, word, proto;
	uint64_t spi;

	if (!span_take(&s, " "))
		return false;
	if (!text_until(&s, " ", &word)) {
		word = s;
		s = span_of(s.p + s.n, 0);
	}
	for (proto = span_of(word.p, 0); proto.n < word.n; proto.n++) {
		if (word.p[proto.n] == '.' || word.p[proto.n] == ':')
			break;
	}
	if (proto.n == word.n || proto.n >= 8)
		return false;
	word = span_of(word.p + proto.n + 1, word.n - proto.n - 1);
	if (!span_number(&word, 16, UINT32_MAX, &spi) || !span_take(&word, "@") ||
		!text_addr(word, ret))
		return false;
	text_copy(proto, ret_proto, 8);
	*ret_spi = (uint32_t)spi;
	/* The blank in front of the next one was taken as this one's end. */
	*line = s.n > 0 ? span_of(s.p - 1, s.n + 1) : s;
	return true;
}

enum parse_result whack_parse_spis(struct span line, struct whack_spis *ret)
{
	struct whack_spis c = { 0 };
	struct span s, used;
	char proto[8];
	struct addr dst;
	uint32_t spi;
	unsigned n = 0;

	if (!memmem(line.p, line.n, " Traffic:", 9) || !take_head(&line, &c.number, &c.conn))
		return PARSE_NOTHING;
	/* An instance's peer and "used 5s ago;" stand in front of the first. */
	s = line;
	if (text_until(&s, " ago;", &used))
		line = s;
	while (line.n > 0 && !take_said(&line, proto, &spi, &dst)) {
		if (!span_take(&line, " ") || !text_until(&line, " ", &used))
			return PARSE_NOTHING;
		line = span_of(line.p - 1, line.n + 1);
	}
	if (line.n == 0)
		return PARSE_NOTHING;
	do { /* of each pair the first is the peer's: what goes out */
		bool out = n++ % 2 == 0;

		c.tunnel |= !strcmp(proto, "tun");
		if (strcmp(proto, "esp") != 0 && strcmp(proto, "ah") != 0)
			continue;
		/* With AH and ESP in one bundle: ESP, which comes last. */
		c.proto = !strcmp(proto, "esp") ? IPPROTO_ESP : IPPROTO_AH;
		*(out ? &c.spi_out : &c.spi_in) = spi;
		*(out ? &c.remote : &c.local) = dst;
	} while (take_said(&line, proto, &spi, &dst));
	if (!c.proto || n % 2 != 0)
		return PARSE_TRUNCATED;
	if (text_until(&line, "username=", &used))
		TEXT_COPY(line, c.user);
	*ret = c;
	return PARSE_OK;
}

enum parse_result whack_parse_traffic(struct span line, struct whack_traffic *ret)
{
	struct whack_traffic t = { 0 };
	struct span skipped, value;

	if (!take_head(&line, &t.number, &t.conn) || !text_until(&line, ", type=", &skipped))
		return PARSE_NOTHING;
	value = skipped;
	if (text_until(&value, "username=", &skipped))
		TEXT_COPY(value, t.user);
	if (!text_until(&line, "add_time=", &skipped) ||
		!span_number(&line, 10, UINT64_MAX / 1000000, &t.added_s))
		return PARSE_TRUNCATED;
	t.counted =
		span_take(&line, ", inBytes=") && span_number(&line, 10, UINT64_MAX, &t.bytes_in) &&
		span_take(&line, ", outBytes=") && span_number(&line, 10, UINT64_MAX, &t.bytes_out);
	/* An identity may hold commas and quotes; a lease behind it neither. */
	if (text_until(&line, "lease=", &skipped))
		TEXT_COPY(line, t.lease);
	*ret = t;
	return PARSE_OK;
}

/* %pass, %drop, %hold … */
static bool shunt_action(struct span word, uint8_t *ret)
{
	if (text_is(word, "%pass"))
		*ret = ACTION_PASS;
	else if (text_is(word, "%drop") || text_is(word, "%hold") || text_is(word, "%reject") ||
		 text_is(word, "%block"))
		*ret = ACTION_DROP;
	else
		return false; /* %trap protects nothing yet, and is a policy of its connection */
	return true;
}

/* 10.1.0.1/32:22 of transport protocol 6: "10.1.0.1/32[tcp/22]". */
static void copy_end(struct span end, uint64_t proto, char *ret, size_t size)
{
	const uint8_t *slash = end.n > 0 ? memrchr(end.p, '/', end.n) : NULL;
	size_t n = slash ? (size_t)(slash - end.p) : 0;
	const uint8_t *colon = slash ? memchr(slash, ':', end.n - n) : NULL;
	struct span port = { 0 };
	char name[16], text[TS_SIZE];
	uint64_t number = 0;

	if (colon) {
		port = span_of(colon + 1, end.n - (size_t)(colon + 1 - end.p));
		end.n = (size_t)(colon - end.p);
		span_number(&port, 10, UINT16_MAX, &number);
	}
	snprintf(name, sizeof(name), "%s", ipproto_name((unsigned)proto) ?: "");
	if (!name[0])
		snprintf(name, sizeof(name), "%u", (unsigned)proto);
	TEXT_COPY(end, text);
	if (number > 0)
		snprintf(ret, size, "%.*s[%s/%u]", (int)(size - 32), text, name, (unsigned)number);
	else if (proto > 0)
		snprintf(ret, size, "%.*s[%s]", (int)(size - 32), text, name);
	else
		snprintf(ret, size, "%s", text);
}

enum parse_result whack_parse_shunt(struct span line, struct shunt *ret)
{
	struct shunt s;
	struct span ours, theirs, action;
	uint64_t proto;

	memset(&s, 0, sizeof(s)); /* padding too: lists of them are compared */
	s.negotiated = true;
	whack_take_code(&line);
	if (!text_until(&line, " -", &ours) || !span_number(&line, 10, 255, &proto) ||
		!span_take(&line, "-> ") || !text_until(&line, " => ", &theirs))
		return PARSE_NOTHING;
	if (!text_until(&line, " ", &action))
		action = line;
	if (!shunt_action(action, &s.action))
		return PARSE_NOTHING;
	copy_end(ours, proto, s.local_ts, sizeof(s.local_ts));
	copy_end(theirs, proto, s.remote_ts, sizeof(s.remote_ts));
	*ret = s;
	return PARSE_OK;
}

enum parse_result whack_parse_counter(
	struct span line, char ret_name[CONN_SIZE], uint64_t *ret_value, bool *ret_gauge)
{
	struct span name;
	uint64_t value;

	if (!text_until(&line, "=", &name) || name.n == 0 || name.n >= CONN_SIZE)
		return PARSE_NOTHING;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return PARSE_NOTHING;
	}
	if (!span_number(&line, 10, UINT64_MAX, &value) || line.n != 0)
		return PARSE_MALFORMED;
	text_copy(name, ret_name, CONN_SIZE);
	*ret_value = value;
	*ret_gauge = !span_take(&name, "total.");
	return PARSE_OK;
}
