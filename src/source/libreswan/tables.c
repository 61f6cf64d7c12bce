/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "source/libreswan/internal.h"
#include "source/libreswan/text.h"

struct pluto_counter {
	uint64_t value;
	bool gauge;
};

const struct pluto_conn *conns_find(const struct libreswan *l, const struct whack_name *name)
{
	return l->conns ? map_get(l->conns, name) : NULL;
}

/* The connection that a line is about; NULL: about none, or there is no room for it. */
static struct pluto_conn *conn_of(struct libreswan *l, struct map *conns, struct span *line)
{
	struct whack_name name;
	struct pluto_conn *c;
	void **it;

	whack_take_code(line);
	if (!whack_take_name(line, &name) || !span_take(line, ":"))
		return NULL;
	it = map_place(conns, &name);
	if (it && *it)
		return *it;
	c = it ? malloc(sizeof(*c)) : NULL;
	if (!c) {
		if (it)
			map_remove(conns, &name);
		l->losses++;
		return NULL;
	}
	pluto_conn_begin(c, &name);
	c->connection.service = c->child.service = l->service;
	*it = c;
	return c;
}

static void tell_conn(struct libreswan *l, const struct pluto_conn *c)
{
	libreswan_fact(l, FACT_CONNECTION)->connection = c->connection;
	libreswan_emit(l);
	libreswan_fact(l, FACT_CONNECTION_CHILD)->connection_child = c->child;
	libreswan_emit(l);
}

/* Instances come and go with their SAs; what is configured is their template. */
static void tell_conns(struct libreswan *l)
{
	struct pluto_conn *c;

	libreswan_dump(l, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	for (size_t at = 0; (c = map_next(l->conns, &at, NULL));) {
		if (!c->name.instance)
			tell_conn(l, c);
	}
	libreswan_dump(l, IKE_LIST_CONNECTIONS, DUMP_END);
}

/* While a tunnel is up, nothing shows that it began on demand. */
static void keep_intent(struct pluto_conn *c, const struct pluto_conn *was)
{
	if (c->child.intent != INTENT_UNKNOWN)
		return;
	c->child.intent = was && was->child.intent == INTENT_TRAP ? INTENT_TRAP : INTENT_NONE;
}

static void take_over(struct libreswan *l, struct map *conns)
{
	struct map *before = l->conns;
	struct pluto_conn *c;
	bool gone = !before;

	for (size_t at = 0; (c = map_next(conns, &at, NULL));)
		keep_intent(c, conns_find(l, &c->name));
	for (size_t at = 0; before && (c = map_next(before, &at, NULL));)
		gone |= !c->name.instance && !map_get(conns, &c->name);
	l->conns = conns;
	if (gone)
		tell_conns(l);
	for (size_t at = 0; !gone && (c = map_next(conns, &at, NULL));) {
		const struct pluto_conn *was = map_get(before, &c->name);

		if (!c->name.instance &&
			(!was ||
				memcmp(&was->connection, &c->connection, sizeof(c->connection)) !=
					0 ||
				memcmp(&was->child, &c->child, sizeof(c->child)) != 0))
			tell_conn(l, c);
	}
	map_free_all(before);
}

bool conns_text(struct libreswan *l, struct span text)
{
	struct map *conns = NULL;
	struct pluto_conn *c;
	bool complete = false;
	struct span line;

	if (map_new(sizeof(struct whack_name), LIBRESWAN_CONNECTIONS_MAX, l->service, &conns))
		return false;
	while (text_line(&text, &line)) {
		c = conn_of(l, conns, &line);
		if (c)
			pluto_conn_line(c, line);
		else
			complete |= span_take(&line, "Total IPsec connections: ");
	}
	if (complete)
		take_over(l, conns);
	else
		map_free_all(conns);
	return complete;
}

static void tell_counter(struct libreswan *l, const char *name, const struct pluto_counter *c)
{
	struct fact *f = libreswan_fact(l, FACT_IKE_COUNTER);

	f->ike_counter.service = l->service;
	memcpy(f->ike_counter.name, name, CONN_SIZE);
	f->ike_counter.value = c->value;
	f->ike_counter.gauge = c->gauge;
	libreswan_emit(l);
}

static void tell_counters(struct libreswan *l)
{
	const struct pluto_counter *c;
	const void *name;

	libreswan_dump(l, IKE_LIST_COUNTERS, DUMP_BEGIN);
	for (size_t at = 0; (c = map_next(l->counters, &at, &name));)
		tell_counter(l, name, c);
	libreswan_dump(l, IKE_LIST_COUNTERS, DUMP_END);
}

static void set_counter(struct libreswan *l, const char name[CONN_SIZE],
	const struct pluto_counter *now, bool first)
{
	void **it = map_place(l->counters, name);
	struct pluto_counter *c = it ? *it : NULL;

	if (c && c->value == now->value)
		return;
	if (!c) {
		c = it ? malloc(sizeof(*c)) : NULL;
		if (!c) {
			if (it)
				map_remove(l->counters, name);
			l->losses++;
			return;
		}
		*it = c;
	}
	*c = *now;
	if (!first)
		tell_counter(l, name, c);
}

bool counters_text(struct libreswan *l, struct span text)
{
	bool first = map_count(l->counters) == 0;
	struct pluto_counter c;
	char name[CONN_SIZE];
	struct span line;

	while (text_line(&text, &line)) {
		switch (whack_parse_counter(line, name, &c.value, &c.gauge)) {
		case PARSE_OK:
			set_counter(l, name, &c, first);
			break;
		case PARSE_NOTHING:
			break;
		default:
			l->losses++;
		}
	}
	if (first && map_count(l->counters) > 0)
		tell_counters(l);
	return map_count(l->counters) > 0;
}

static void tell_shunts(struct libreswan *l)
{
	libreswan_dump(l, IKE_LIST_SHUNTS, DUMP_BEGIN);
	for (size_t i = 0; i < l->n_shunts; i++) {
		libreswan_fact(l, FACT_SHUNT)->shunt = l->shunts[i];
		libreswan_emit(l);
	}
	libreswan_dump(l, IKE_LIST_SHUNTS, DUMP_END);
}

static bool shunts_add(struct libreswan *l, struct shunt **v, size_t *n, const struct shunt *s)
{
	struct shunt *more = *v;

	if ((*n & (*n - 1)) == 0) /* at each power of two; there is always room for one */
		more = *n >= LIBRESWAN_SHUNTS_MAX ? NULL
						  : reallocarray(*v, *n ? 2 * *n : 1, sizeof(**v));
	if (!more) {
		l->losses++;
		return false;
	}
	*v = more;
	more[*n] = *s;
	more[*n].service = l->service;
	++*n;
	return true;
}

bool shunts_text(struct libreswan *l, struct span text)
{
	struct shunt *v = calloc(1, sizeof(*v)), s;
	bool begun = false;
	struct span line;
	size_t n = 0;

	while (v && text_line(&text, &line)) {
		if (begun && whack_parse_shunt(line, &s) == PARSE_OK && !shunts_add(l, &v, &n, &s))
			break;
		whack_take_code(&line);
		begun |= text_is(line, "Bare Shunt list:");
	}
	if (!v || !begun) {
		free(v);
		return false;
	}
	if (l->shunts && n == l->n_shunts && !memcmp(v, l->shunts, n * sizeof(*v))) {
		free(v);
		return true;
	}
	free(l->shunts);
	l->shunts = v;
	l->n_shunts = n;
	tell_shunts(l);
	return true;
}

void tables_restate(struct libreswan *l)
{
	if (l->conns)
		tell_conns(l);
	if (map_count(l->counters) > 0)
		tell_counters(l);
	if (l->shunts)
		tell_shunts(l);
}

void tables_done(struct libreswan *l)
{
	l->counters = map_free_all(l->counters);
	l->conns = map_free_all(l->conns);
	free(l->shunts);
}
